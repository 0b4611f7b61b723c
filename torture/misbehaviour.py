"""Kinds of jobs that behave as badly, or talk as much, as a service must survive.

None of them is in the product. A request asks for one by a preset that only `TortureExecutor`
understands (see `asked_of`), so everything before and after the work is the service's own.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from adhash.errors import InterruptedRunError
from adhash.options.base import CommandOptions
from adhash.progress import WorkProgress
from adhash.service.work_context import WorkContext
from torture.strays import fork_a_stray, ignore_sigterm, nap_until

MARK = "torture:"
_BLOCK_BYTES = 1 << 18


def asked_of(kind: str, **options: object) -> dict[str, Any]:
    """Return the request of a replay that becomes work of one of the kinds below."""
    return {"sample": "identifiers", "preset": MARK + json.dumps({"kind": kind, **options})}


def meant_by(options: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Return the kind and the options that a request of `asked_of` means; None for any other."""
    preset = options.get("preset")
    if not isinstance(preset, str) or not preset.startswith(MARK):
        return None
    meant: dict[str, Any] = json.loads(preset.removeprefix(MARK))
    return meant.pop("kind"), meant


@dataclass(frozen=True)
class TortureKind:
    """A kind as the worker needs it."""

    options: type[CommandOptions]
    run: Callable[[Any, WorkContext], dict[str, Any]]

    def load_run(self) -> Callable[[Any, WorkContext], dict[str, Any]]:
        """Return the function that carries it out."""
        return self.run


# --- work that does not want to end --------------------------------------------------------------


class NapOptions(CommandOptions):
    """Whether SIGTERM is ignored, and how many processes hide from their parent."""

    is_deaf: bool = False
    strays: int = 0


def nap(options: NapOptions, context: WorkContext) -> dict[str, Any]:
    """Wait for the end; deaf work, and every stray, ignores SIGTERM."""
    if options.is_deaf:
        ignore_sigterm()
    for _ in range(options.strays):
        fork_a_stray()
    # Who waits for this knows that all of the family is there.
    context.progress(WorkProgress(done=0, total=None, unit="naps", note="napping"))
    nap_until(context.cancel, is_deaf=options.is_deaf)
    raise InterruptedRunError("stopped napping")


# --- work that talks -----------------------------------------------------------------------------


class BabbleOptions(CommandOptions):
    """How many events, how many a second."""

    count: int
    per_s: float


def babble(options: BabbleOptions, context: WorkContext) -> dict[str, Any]:
    """Tell numbered events at a steady rate."""
    begun = time.monotonic()
    for number in range(options.count):
        context.alert({"name": "babble", "number": number})
        ahead_s = begun + number / options.per_s - time.monotonic()
        if ahead_s > 0.01:
            time.sleep(ahead_s)
    return {"told": options.count}


class PrintOptions(CommandOptions):
    """How many bytes, how fast; the seed makes the text."""

    size: int
    bytes_per_s: float
    seed: int = 1


def print_much(options: PrintOptions, context: WorkContext) -> dict[str, Any]:
    """Write lines of all sorts to standard output, so many bytes in all."""
    begun = time.monotonic()
    written = 0
    for block in _blocks(options.seed):
        part = block[: options.size - written]
        _write_all(part)
        written += len(part)
        if written >= options.size or context.cancel.is_cancelled:
            return {"written": written}
        time.sleep(max(0.0, begun + written / options.bytes_per_s - time.monotonic()))
    return {"written": written}


def _blocks(seed: int) -> Iterator[bytes]:
    """Yield blocks of lines: most are plain, some long, some empty, some no UTF-8."""
    chance = random.Random(seed)
    plain = [chance.randbytes(chance.randint(0, 100)).hex().encode() + b"\n" for _ in range(997)]
    odd = [b"\n", "schl\u00fcssel \U0001f511\n".encode(), b"\xff\xfe no text \x00\r\n", b"\r\n"]
    while True:
        lines = chance.choices(plain, k=_BLOCK_BYTES // 100) + odd
        chance.shuffle(lines)
        yield b"".join(lines)
        if chance.random() < 0.02:
            # Longer than a reader gives in one piece, and with characters that a cut may split.
            yield "\u20ac".encode() * 700_000 + b"\n"


def _write_all(block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[os.write(sys.stdout.fileno(), view) :]


KINDS = {
    "nap": TortureKind(NapOptions, nap),
    "babble": TortureKind(BabbleOptions, babble),
    "print": TortureKind(PrintOptions, print_much),
}
