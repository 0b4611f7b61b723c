"""The SHA-256 of a file computed in a side thread while somebody else jumps around in the file."""

from __future__ import annotations

import threading

from adhash.workloads.raw_input import POLL_S, RawInput

_BLOCK_BYTES = 1 << 20


class HashAhead:
    """Reads a file to its end, so that its digest is known then.

    Parameters
    ----------
    raw : RawInput
        The file; read by the thread alone until it has ended.
    """

    def __init__(self, raw: RawInput) -> None:
        self._raw = raw
        self._stop = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="adhash-hash", daemon=True)
        self._thread.start()

    def sha256(self) -> str | None:
        """Wait for the end of the file and return its SHA-256 in hexadecimal.

        Returns
        -------
        str or None
            None where the file is not hashed, or was closed before its end.

        Raises
        ------
        StorageError
            Where the system cannot read.
        """
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._raw.sha256()

    def close(self) -> bool:
        """Stop the thread; return False where a read on a hung disk keeps it."""
        self._stop.set()
        self._thread.join(timeout=1.0)
        return not self._thread.is_alive()

    def _run(self) -> None:
        view = memoryview(bytearray(_BLOCK_BYTES))
        try:
            while not self._stop.is_set() and self._raw.read_into(view, wait_s=POLL_S) != 0:
                pass
        except Exception as error:  # raised again where the digest is asked for
            self._error = error
