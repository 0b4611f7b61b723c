"""Reading a few blocks ahead in a side thread.

Parsing and analysing each keep a core busy and release the GIL while they do.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

# Blocks that wait: as many as one piece of CSV makes.
_DEPTH = 4
_POLL_S = 0.05


@dataclass(frozen=True)
class _End:
    error: BaseException | None


def read_ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """Yield what an iterator yields, which runs in a thread of its own.

    Parameters
    ----------
    items : iterator
        Used by that thread alone until this generator is closed or at its end.

    Yields
    ------
    object
        In order.

    Raises
    ------
    Exception
        As the iterator raises.
    """
    reader = _Reader(items)
    try:
        yield from reader.items()
    finally:
        reader.stop()


class _Reader(Generic[T]):
    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self._queue: queue.Queue[T | _End] = queue.Queue(maxsize=_DEPTH)
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="adhash-parse", daemon=True)
        self._thread.start()

    def items(self) -> Iterator[T]:
        while True:
            item = self._queue.get()
            if not isinstance(item, _End):
                yield item
            elif item.error is not None:
                raise item.error
            else:
                return

    def stop(self) -> None:
        self._is_stopped.set()
        self._thread.join()

    def _run(self) -> None:
        end = _End(None)
        try:
            for item in self._items:
                if not self._put(item):
                    return
        except Exception as error:  # raised again in the thread that wants the items
            end = _End(error)
        self._put(end)

    def _put(self, item: T | _End) -> bool:
        while not self._is_stopped.is_set():
            try:
                self._queue.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False
