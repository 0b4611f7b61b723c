"""Drawing a sample from an uncompressed CSV file by reading at some places of it only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adhash.analysis.profile.sample import NEARLY, Drawing, Sample, piece_weights
from adhash.analysis.profile.windows import CsvReader, Window
from adhash.replay.session import require_some_rows
from adhash.replay.table_types import MisfitError, TableTypes

# Enough to know the length of a row by, and what a short trace has anyway.
_LOOK_BYTES = 1 << 18


@dataclass(frozen=True, kw_only=True)
class CsvSampler:
    """Draws a sample from a file.

    Parameters
    ----------
    drawing : Drawing
        How.
    reader : CsvReader
        The file.
    total_bytes : int
        Its size.
    """

    drawing: Drawing
    reader: CsvReader
    total_bytes: int

    def draw(self) -> Sample:
        """Return the sample.

        Returns
        -------
        Sample
            Of the whole trace where it is short enough.

        Raises
        ------
        TraceError
            If it is no trace, or one of the rows looked at is wrong.
        PolicyError
            If it has more rows than allowed.
        InterruptedRunError
            If it was stopped.
        """
        start = self.reader.read_start(_LOOK_BYTES)
        if not start.content:  # its first rows are longer than that
            start = self.reader.read_start(self.total_bytes + 1)
        types = self._first_types(start)
        while True:
            try:
                return self._draw(start, types)
            except MisfitError as misfit:
                types = misfit.wider

    def _first_types(self, start: Window) -> TableTypes:
        key, value = self.drawing.machinery.infer_types(
            start.content, is_whole=len(start.content) == self.total_bytes
        )
        return self.drawing.asked.filled_from(TableTypes(key=key, value=value))

    def _draw(self, start: Window, types: TableTypes) -> Sample:
        rows = self.reader.count_rows(start, self.drawing.asked, types)
        if len(start.content) == self.total_bytes:
            require_some_rows(rows, file=self.reader.name)
        header = start.content.find(b"\n") + 1
        row_bytes = (len(start.content) - header) / max(1, rows)
        most_bytes = self.drawing.most_rows * row_bytes
        if self.total_bytes - header <= most_bytes * NEARLY:
            return self._beginning(self.total_bytes + 1, types)
        if self.drawing.most_pieces == 1:
            return self._beginning(round(header + most_bytes * NEARLY) + _LOOK_BYTES, types)
        size = max(1, round(most_bytes / self.drawing.most_pieces))
        return self._of_windows(list(self._windows(header, size, types)), types)

    def _beginning(self, size: int, types: TableTypes) -> Sample:
        """Take the trace from its start: all of it, but where one piece was asked for."""
        window = self.reader.read_start(size)
        piece = self.reader.operations(window, self.drawing.asked, types)
        is_whole = len(window.content) == self.total_bytes
        rows = round(len(piece) * self.total_bytes / len(window.content))
        self.drawing.require_rows(rows, self.reader.name)
        if not is_whole:
            piece = piece.cut(0, min(self.drawing.most_rows, len(piece)))
        return Sample(
            pieces=[piece],
            weights=[rows / len(piece)],
            types=types,
            total_rows=rows,
            total_bytes=self.total_bytes,
            is_exact=is_whole,
            sha256=hashlib.sha256(window.content).hexdigest() if is_whole else None,
        )

    def _windows(self, header: int, size: int, types: TableTypes) -> Iterator[Window]:
        first = self._first_window(header, size)
        yield first
        end = len(first.content)
        last = self.drawing.most_pieces - 1
        for number in range(1, last + 1):
            self.drawing.tell("sampling the trace", number, last + 1, unit="pieces")
            offset = header + round(number * (self.total_bytes - header - size) / last)
            # Two places may lie in one long row.
            window = self.reader.read_at(max(offset, end), size, types)
            if window is not None:
                end = window.offset + len(window.content)
                yield window

    def _first_window(self, header: int, size: int) -> Window:
        """Return the window at the start, enlarged until it has a row."""
        sizes = (header + size, header + _LOOK_BYTES, self.total_bytes + 1)
        windows = (self.reader.read_start(each) for each in sizes)
        return next(each for each in windows if len(each.content) > header)

    def _of_windows(self, windows: Sequence[Window], types: TableTypes) -> Sample:
        asked = self.drawing.asked
        whole = self.reader.operations_of(windows, asked, types)
        # By bytes: rows are longer in one place than in another.
        ends = [(each.offset, each.offset + len(each.content)) for each in windows]
        weights = piece_weights(ends, self.total_bytes)
        total_rows = round(sum(w * len(each) for w, each in zip(weights, whole, strict=True)))
        self.drawing.require_rows(total_rows, self.reader.name)
        most = max(1, self.drawing.most_rows // len(whole))
        pieces = [each.cut(0, min(most, len(each))) for each in whole]
        return Sample(
            pieces=pieces,
            weights=[
                weight * len(all_rows) / len(piece)
                for weight, all_rows, piece in zip(weights, whole, pieces, strict=True)
            ],
            types=types,
            total_rows=total_rows,
            total_bytes=self.total_bytes,
            is_exact=False,
        )
