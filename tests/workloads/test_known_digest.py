"""The digest of a trace that is read several times: never that of other bytes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from adhash.workloads.known_digest import KnownDigest, digest_of
from adhash.workloads.sources import open_trace

ROWS = b"op,key,value\n" + b"put,1,2\nget,1,\n" * 100


def read(path: Path, known: KnownDigest | None) -> str | None:
    with open_trace(path, known_digest=known) as source:
        assert source.format == "csv"
        for _ in source.blocks():
            pass
        return source.sha256()


def known_of(path: Path) -> KnownDigest:
    known = digest_of(str(path), should_stop=lambda: False)
    assert known is not None
    return known


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_bytes(ROWS)
    return path


def test_digest_is_that_of_the_file(trace: Path) -> None:
    assert known_of(trace).sha256 == hashlib.sha256(ROWS).hexdigest()


def test_known_digest_is_taken_for_the_file_it_was_made_from(trace: Path) -> None:
    known = known_of(trace)
    made_up = KnownDigest(identity=known.identity, sha256="made up")
    assert read(trace, made_up) == "made up"


def test_known_digest_is_forgotten_once_the_file_is_another(trace: Path) -> None:
    known = known_of(trace)
    other = ROWS + b"del,1,\n"
    trace.write_bytes(other)
    assert read(trace, known) == hashlib.sha256(other).hexdigest()


def test_file_that_changes_while_it_is_read_has_no_known_digest(trace: Path) -> None:
    known = known_of(trace)
    with open_trace(trace, known_digest=known) as source:
        assert source.format == "csv"
        for _ in source.blocks():
            os.utime(trace, ns=(1, 1))
        assert source.sha256() is None


def test_no_digest_before_the_end(trace: Path) -> None:
    with open_trace(trace, known_digest=known_of(trace), read_ahead=False) as source:
        assert source.sha256() is None


def test_nothing_but_a_file_has_a_digest(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", tmp_path / "none", Path("a\0b")):
        assert digest_of(str(path), should_stop=lambda: False) is None


def test_digest_is_given_up_when_told_to_stop(trace: Path) -> None:
    assert digest_of(str(trace), should_stop=lambda: True) is None
