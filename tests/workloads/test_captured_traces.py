"""What programs really printed is recognised, and read as what was counted independently of it.

How each was captured, and what it was counted by, is in ``captures/README.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from test_trace_formats import accesses

from adhash.analysis.conversion import convert
from adhash.replay import run_csv
from adhash.workloads.formats.events import DELETE, LOOKUP, READ, WRITE
from adhash.workloads.formats.registry import detected

CAPTURES = Path(__file__).parent / "captures"


@dataclass(frozen=True)
class Capture:
    """What a capture stands for."""

    trace_format: str
    gets: int
    puts: int
    dels: int
    keys: int
    # Some of the accesses.
    samples: tuple[tuple[int, int | str, int], ...] = ()


EXPECTED = {
    "redis-monitor.txt": Capture(
        "redis-monitor",
        110,
        144,
        11,
        70,
        (
            (WRITE, "with space", 3),
            (READ, 'quo"te', 8),
            (WRITE, "bin\\x00\x01\\xff\\xfe", 3),
            (READ, "tab\tnl\ncr\rbell\abs\b", 8),
            (WRITE, "ключ-ü", 2),
            (WRITE, "3:k3", 5),
            (WRITE, "4:k6", 8),
            (WRITE, "lua:k", 2),
            (LOOKUP, "c3", 8),
            (READ, "st", 8),
        ),
    ),
    "memcached-vv.txt": Capture(
        "memcached-vv",
        57,
        36,
        7,
        55,
        (
            (WRITE, "big", 1_000_000),
            (READ, "k29", 8),
            (READ, "ключ", 8),
            (WRITE, "quiet", 2),
            (WRITE, "binfile", 12),
            (READ, "sp ace", 8),
            (DELETE, "bk", 8),
            (WRITE, "ctr", 8),
        ),
    ),
    "ltrace-threads.txt": Capture("ltrace", 3, 25, 24, 14),
    "ltrace-library.txt": Capture("ltrace", 0, 2, 3, 2, ((WRITE, 0x5560380482A0, 10),)),
    "mtrace.txt": Capture("mtrace", 3, 29, 23, 15),
    "strace.txt": Capture(
        "strace",
        73,
        2,
        4,
        27,
        (
            (WRITE, "made", 144),
            (DELETE, "made", 0),
            (WRITE, 'q"uote', 144),
            (LOOKUP, "nosuch", 0),
            (DELETE, "new\nline", 0),
            (DELETE, "ü", 0),
        ),
    ),
    "strace-descriptors.txt": Capture("strace", 4, 1, 0, 5, ((WRITE, "/srv/demo/ü/link", 144),)),
    "ycsb.txt": Capture("ycsb", 17, 37, 0, 15),
}


def test_every_capture_is_read_and_told_of() -> None:
    assert {path.name for path in CAPTURES.glob("*.txt")} == set(EXPECTED)
    told = (CAPTURES / "README.md").read_text("utf-8")
    assert [name for name in EXPECTED if name not in told] == []


@pytest.mark.parametrize("name", list(EXPECTED))
def test_a_capture_is_recognised_and_read_as_counted(name: str) -> None:
    expected, content = EXPECTED[name], (CAPTURES / name).read_bytes()
    found = detected(content, name)
    assert found is not None
    assert found.name == expected.trace_format
    read = accesses(found.name, content)
    kinds = [kind for kind, _, _ in read]
    gets = kinds.count(READ) + kinds.count(LOOKUP)
    assert (gets, kinds.count(WRITE), kinds.count(DELETE)) == (
        expected.gets,
        expected.puts,
        expected.dels,
    )
    assert len({key for _, key, _ in read}) == expected.keys
    assert [access for access in expected.samples if access not in read] == []
    assert accesses(found.name, content, cut=17) == read


@pytest.mark.parametrize("name", list(EXPECTED))
def test_a_capture_is_replayed_and_converted_without_a_format(name: str, tmp_path: Path) -> None:
    expected = EXPECTED[name]
    summary = run_csv(CAPTURES / name, mode="swiss", fill="none", verify=True, environ={})
    assert (summary.ops.get, summary.ops.put) == (expected.gets, expected.puts)
    assert summary.ops.del_ == expected.dels
    result = convert(CAPTURES / name, tmp_path / "out.arrow", fill="none")
    assert result.trace_format == expected.trace_format
    assert result.ops.total == expected.gets + expected.puts + expected.dels
