"""The traces that CacheLib's benchmark replays: key-value caches and blocks of storage, as CSV.

The columns differ from release to release, so they are found by the names in the header.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from adhash.workloads.formats.content import Content, Fault, Lines
from adhash.workloads.formats.delimited import NUMBER, TEXT, Columns, read_columns
from adhash.workloads.formats.events import DELETE, LOOKUP, READ, WRITE, Events, repeated
from adhash.workloads.formats.first_lines import first_lines
from adhash.workloads.formats.trace_format import TraceFormat

_KV = {"key": TEXT, "op": TEXT, "op_count": NUMBER, "size": NUMBER}
_BLOCK = {"block_id": TEXT, "op_name": TEXT, "op_count": NUMBER, "io_size": NUMBER}
# A line stands for so many operations at most: more is damage, and would keep a reader for ever.
_MAX_COUNT = 1 << 24
_UNKNOWN = 255

Wanted = dict[str, object]
ToKinds = Callable[[Columns], NDArray[np.uint8]]


def _kv_kinds(columns: Columns) -> NDArray[np.uint8]:
    kinds = _by_beginning(columns, "op", {"GET": READ, "SET": WRITE, "DEL": DELETE})
    # A get that found nothing to return is a recorded miss.
    kinds[(kinds == READ) & (columns.numbers("size") == 0)] = LOOKUP
    return kinds


def _block_kinds(columns: Columns) -> NDArray[np.uint8]:
    return _by_beginning(columns, "op_name", {"GET": READ, "PUT": WRITE, "SET": WRITE})


def _by_beginning(columns: Columns, name: str, meaning: dict[str, int]) -> NDArray[np.uint8]:
    strings = columns.strings(name)
    words = {
        word.lower(): next((kind for start, kind in meaning.items() if _begins(word, start)), None)
        for word in strings.unique().to_pylist()
    }
    known = {word: kind for word, kind in words.items() if kind is not None}
    return columns.codes(name, known, otherwise=_UNKNOWN)


def _begins(word: str, start: str) -> bool:
    return word.upper().startswith(start)


def _reader(
    wanted: dict[str, object], key: str, op: str, size: str, to_kinds: ToKinds
) -> Callable[[Content], Iterator[Events]]:
    def read(content: Content) -> Iterator[Events]:
        names: list[str] = []
        for lines in content.lines():
            body = lines
            if not names:
                names, body = _header(lines, wanted)
            if not len(body):
                continue
            columns = read_columns(body, names, wanted)
            kinds, counts = to_kinds(columns), columns.numbers("op_count")
            _require_sound(body, op, columns, kinds, counts)
            events = Events.of(kinds, columns.keys(key), columns.numbers(size))
            yield from repeated(events, counts, 1 << 16)

    return read


def _header(lines: Lines, wanted: dict[str, object]) -> tuple[list[str], Lines]:
    names = _names(lines.text(0))
    missing = [name for name in wanted if names.count(name) != 1]
    if missing:
        fault = Fault(
            what=f"its header has no single column {missing[0]}",
            value=lines.text(0),
            remedy=f"the columns {', '.join(wanted)} are needed",
        )
        lines.refuse(0, fault)
    return names, lines.without_first()


def _names(text: str) -> list[str]:
    return [field.strip() for field in text.split(",")]


def _require_sound(
    lines: Lines,
    op: str,
    columns: Columns,
    kinds: NDArray[np.uint8],
    counts: NDArray[np.int64],
) -> None:
    is_wrong = (kinds == _UNKNOWN) | (counts > _MAX_COUNT)
    if not is_wrong.any():
        return
    row = int(is_wrong.argmax())
    place = [at for at, text in enumerate(lines.texts()) if text.strip()][row]
    if kinds[row] == _UNKNOWN:
        word = columns.strings(op)[row].as_py()
        lines.refuse(
            place, Fault(what=f"the {op} is unknown", value=word, remedy="get, set or del")
        )
    fault = Fault(
        what=f"the op_count is more than {_MAX_COUNT}",
        value=str(counts[row]),
        remedy="correct or drop the line",
    )
    lines.refuse(place, fault)


def _detector(columns: Sequence[str]) -> Callable[[bytes], bool]:
    def detects(start: bytes) -> bool:
        lines = first_lines(start, 1)
        return bool(lines) and set(columns) <= set(_names(lines[0]))

    return detects


FORMATS = (
    TraceFormat(
        name="cachelib-kv",
        summary="CacheLib's kvcache traces: CSV with the columns key, op, op_count and size",
        key_type="str",
        read=_reader(_KV, "key", "op", "size", _kv_kinds),
        detects=_detector(list(_KV)),
    ),
    TraceFormat(
        name="cachelib-block",
        summary="CacheLib's block traces: CSV with the columns block_id, op_name and io_size",
        key_type="str",
        read=_reader(_BLOCK, "block_id", "op_name", "io_size", _block_kinds),
        detects=_detector(list(_BLOCK)),
    ),
)
