"""Where the ticks of a run go: the file, the live endpoint, or nowhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from adhash.config_models import MetricsSettings
from adhash.metrics.board import TickBoard
from adhash.metrics.ticks import Tick
from adhash.metrics.writer import TickWriter
from adhash.replay.summary import TickCounts

Announce = Callable[[str], None]
TickCallback = Callable[[Tick], None]


def announce_on_stderr(text: str) -> None:
    """Print a line on standard error."""
    print(text, file=sys.stderr, flush=True)


@dataclass
class TickOutputs:
    """The open places where ticks go; each may be absent."""

    on_tick: TickCallback | None = None
    board: TickBoard | None = None
    writer: TickWriter | None = None
    emitted: int = 0

    def begin_mode(self) -> None:
        """Begin the ticks of a mode."""
        self.emitted = 0
        if self.writer is not None:
            self.writer.begin_mode()

    def forget_mode(self, engine: str) -> None:
        """Take back the ticks of the mode, because it starts over.

        Parameters
        ----------
        engine : str
            The engine of the mode.

        Raises
        ------
        StorageError
            If the file cannot be cut.
        """
        self.emitted = 0
        if self.writer is not None:
            self.writer.forget_mode()
        if self.board is not None:
            self.board.forget(engine)

    def post(self, tick: Tick) -> None:
        """Give a tick to whoever wants it.

        Parameters
        ----------
        tick : Tick
            The newest of the mode.

        Raises
        ------
        StorageError
            If the file cannot be written.
        """
        self.emitted += 1
        if self.writer is not None:
            self.writer.write(tick)
        if self.board is not None:
            self.board.post(tick)
        if self.on_tick is not None:
            self.on_tick(tick)

    def counts(self) -> TickCounts:
        """Return how many ticks of the mode there were and what became of them."""
        written = self.writer.written if self.writer is not None else 0
        dropped = self.writer.dropped if self.writer is not None else 0
        return TickCounts(emitted=self.emitted, written=written, dropped=dropped)


@contextmanager
def open_outputs(
    settings: MetricsSettings, *, announce: Announce, on_tick: TickCallback | None = None
) -> Iterator[TickOutputs]:
    """Open the places where ticks go for the length of a run.

    The endpoint comes first: if its port is in use, nothing has been written.

    Parameters
    ----------
    settings : MetricsSettings
        Where ticks shall go.
    announce : callable
        Told the address of the endpoint.
    on_tick : callable or None
        Called with each tick; one of a mode that starts over is not taken back.

    Yields
    ------
    TickOutputs
        On an orderly end the file of ticks gets its name; on an exception it is removed.

    Raises
    ------
    BadInputError
        If the host of the endpoint is not an address.
    StorageError
        If the port is in use or the folder cannot be written.
    """
    with ExitStack() as stack:
        outputs = TickOutputs(on_tick=on_tick)
        if settings.port is not None:
            # Deferred: the HTTP server and the Prometheus client take a tenth of a second.
            from adhash.metrics.endpoint import MetricsEndpoint

            outputs.board = TickBoard()
            endpoint = stack.enter_context(
                MetricsEndpoint(outputs.board, host=settings.host, port=settings.port)
            )
            announce(f"metrics: {endpoint.url}/metrics")
        if settings.out_dir is not None:
            outputs.writer = stack.enter_context(
                TickWriter(settings.out_dir, max_ticks=settings.max_ticks or None)
            )
        yield outputs
