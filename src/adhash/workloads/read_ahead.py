"""Reading, hashing and decompressing in a side thread, a few blocks ahead of the replay.

All three release the GIL and so does the replay, hence they overlap on a second core: a trace of
gzip replays as fast as it decompresses, instead of first one and then the other.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

from adhash.workloads.raw_input import POLL_S

#: Blocks that wait in the queue; a source needs two buffers more than this.
DEPTH = 2

Block = TypeVar("Block")


class ReadAhead(Generic[Block]):
    """An iterator run in a thread of its own.

    Parameters
    ----------
    blocks : iterator
        What to run ahead. It yields something at least every `POLL_S` seconds where a pipe may be
        silent, which is when a request to stop is seen.
    """

    def __init__(self, blocks: Iterator[Block]) -> None:
        self._blocks = blocks
        self._queue: queue.Queue[Block | BaseException | None] = queue.Queue(maxsize=DEPTH)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="adhash-read-ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Block | None]:
        """Yield the blocks; None where none was ready in time."""
        while True:
            try:
                item = self._queue.get(timeout=POLL_S)
            except queue.Empty:
                yield None
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def close(self) -> bool:
        """Stop the thread; return False where a read on a hung disk keeps it."""
        self._stop.set()
        self._thread.join(timeout=1.0)
        return not self._thread.is_alive()

    def _run(self) -> None:
        last: BaseException | None = None
        try:
            for block in self._blocks:
                if not self._put(block):
                    return
        except Exception as error:  # raised again in the thread that reads the blocks
            last = error
        self._put(last)

    def _put(self, item: Block | BaseException | None) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=POLL_S)
            except queue.Full:
                continue
            return True
        return False
