"""Bad input gets one clear error with its place and an exit code, and leaves nothing behind."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from command_line import (
    ADHASH,
    BOUND_BY_PERMISSIONS,
    Finished,
    adhash,
    clean_environment,
    refused,
    resident_bytes,
    started,
)

HEADER = b"op,key,value\n"
GOOD = HEADER + b"put,1,10\nget,1,\ndel,1,\n"
MIB = 1 << 20
ALL_OUTPUTS = (
    *("--json-summary-out", "new/summary.json"),
    *("--snapshot-out", "new/map.arrow"),
    *("--metrics-out-dir", "ticks"),
)


# --- rows ---------------------------------------------------------------------------------------

WRONG_ROWS = {
    "unknown-op": (b"frob,1,2\n", (2, 1), "frob"),
    "unknown-op-later": (b"put,1,2\nget,1,\npop,1,\n", (4, 1), "pop"),
    "too-few-columns": (b"put,1,2\nget\n", (3, 4), ""),
    "too-many-columns": (b"put,1,2,3\n", (2, 9), ""),
    "empty-key": (b"put,,2\n", (2, 5), ""),
    "empty-quoted-key": (b'put,"",2\n', (2, 5), ""),
    "value-on-get": (b"get,1,7\n", (2, 7), "7"),
    "nul-in-key": (b"put,a\0b,2\n", (2, 6), ""),
    "invalid-utf-8": (b"put,caf\xff\xfe,2\n", (2, 8), ""),
    "overlong-utf-8": (b"put,\xc0\xaf,2\n", (2, 5), ""),
    "unterminated-quote": (b'put,"abc,2\nget,1,\n', (2, 5), ""),
    "text-after-quote": (b'put,"abc"d,2\n', (2, 10), ""),
    "quote-inside": (b'put,ab"c,2\n', (2, 7), ""),
    "second-line-of-a-quoted-key": (b'put,"a\nb",2\nfrob,1,\n', (4, 1), "frob"),
}


@pytest.mark.parametrize("name", WRONG_ROWS)
@pytest.mark.parametrize("dry", [False, True], ids=["run", "dry-run"])
def test_wrong_row_is_named_by_line_and_column(tmp_path: Path, name: str, dry: bool) -> None:
    rows, (line, column), value = WRONG_ROWS[name]
    (tmp_path / "t.csv").write_bytes(HEADER + rows)
    words = (f"t.csv: line {line}, column {column}: ", value)
    options = ("--dry-run",) if dry else ()
    refused(
        *(tmp_path, "run-csv", "--csv", "t.csv", *options, *ALL_OUTPUTS),
        code=2,
        error="BadInput",
        words=words,
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"put,1,2\nget,1,\n", ("line 1", "op,key,value")),
        (b"op,key\nput,1\n", ("line 1", "op,key,value")),
        (b"key,op,value\n1,put,2\n", ("line 1", "op,key,value")),
        (b"\n", ("line 1", "op,key,value")),
        (b"", ("empty", "op,key,value")),
        (HEADER, ("no rows", "row")),
        (b"\xff\xfeo\0p\0,\0k\0", ("UTF-16", "UTF-8")),
        (b"PK\x03\x04\x14\0\0\0", ("zip", "gz, zst or xz")),
        (bz2.compress(GOOD), ("bzip2", "gz, zst or xz")),
        (gzip.compress(gzip.compress(GOOD, mtime=0), mtime=0), ("compressed twice",)),
    ],
    ids=lambda each: repr(each[:12]) if isinstance(each, bytes) else "",
)
def test_file_that_is_no_trace_is_refused(
    tmp_path: Path, content: bytes, words: tuple[str, ...]
) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    refused(
        *(tmp_path, "run-csv", "--csv", "t.csv", "--mode", "all"),
        code=2,
        error="BadInput",
        words=("t.csv", *words),
    )


@pytest.mark.parametrize("seed", range(4))
def test_random_bytes_are_refused(tmp_path: Path, seed: int) -> None:
    (tmp_path / "noise").write_bytes(random.Random(seed).randbytes(300_000))
    refused(
        *(tmp_path, "run-csv", "--csv", "noise", *ALL_OUTPUTS),
        code=2,
        error="BadInput",
        words=("noise", "line 1"),
    )


def test_dry_run_names_twenty_wrong_rows_at_most(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(HEADER + b"put,1,2\nfrob,1,\n" * 50)
    done = adhash("run-csv", "--csv", "t.csv", "--dry-run", cwd=tmp_path)
    assert done.code == 2
    assert "at least 20 rows are wrong" in done.envelope["detail"]
    assert done.envelope["detail"].count("frob") == 20
    assert "line 3, column 1" in done.envelope["detail"]


@pytest.mark.parametrize(
    "content",
    [
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.rstrip(b"\n"),
        b"\xef\xbb\xbf" + GOOD,
        b'op,key,value\n"put","1","10"\n"get","1",\n"del","1",""\n',
        b"OP,Key,VALUE\nPUT,1,10\nGet,1,\nDEL,1,\n",
    ],
    ids=["crlf", "no-newline-at-the-end", "byte-order-mark", "quotes", "upper-case"],
)
def test_spellings_that_the_format_allows_are_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    (found,) = adhash("run-csv", "--csv", "t.csv", "--json", "--verify", cwd=tmp_path).summaries
    assert (found["ops"]["total"], found["hits"], found["deletes_found"]) == (3, 1, 1)
    assert found["verified"] == {"checked": 3, "mismatches": 0}


def test_quoted_keys_keep_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    rows = b'put,"a,""b""\nc",1\nget,"a,""b""\nc",\nget,"a,""b""",\n'
    (tmp_path / "t.csv").write_bytes(HEADER + rows)
    (found,) = adhash("run-csv", "--csv", "t.csv", "--json", cwd=tmp_path).summaries
    assert (found["hits"], found["misses"], found["key_type"]) == (1, 1, "str")


# --- files --------------------------------------------------------------------------------------


def test_missing_file_and_folder_are_io_errors(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name, words in {
        "absent.csv": ("absent.csv", "no such file"),
        "folder": ("folder", "directory"),
        "folder/deep/absent.csv": ("absent.csv", "no such file"),
        "/dev/null/x": ("not a directory",),
    }.items():
        refused(tmp_path, "run-csv", "--csv", name, code=5, error="IO", words=words)


@pytest.mark.skipif(
    os.geteuid() == 0 and sys.platform != "linux", reason="root may read everything"
)
def test_unreadable_file_is_an_io_error(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_bytes(GOOD)
    (tmp_path / "secret.csv").chmod(0)
    refused(
        *(tmp_path, "run-csv", "--csv", "secret.csv", *ALL_OUTPUTS),
        code=5,
        error="IO",
        words=("secret.csv: permission denied",),
        prefix=BOUND_BY_PERMISSIONS,
    )


COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}
LONG = HEADER + b"".join(b"put,%d,%d\n" % (each * 7919, each) for each in range(50_000))


@pytest.mark.parametrize("suffix", COMPRESSED)
@pytest.mark.parametrize("keep", [0.0001, 0.3, 0.999])
def test_truncated_compressed_file_is_an_io_error(tmp_path: Path, suffix: str, keep: float) -> None:
    whole = COMPRESSED[suffix](LONG)
    (tmp_path / f"t.csv.{suffix}").write_bytes(whole[: max(1, int(len(whole) * keep))])
    refused(
        *(tmp_path, "run-csv", "--csv", f"t.csv.{suffix}", *ALL_OUTPUTS),
        code=5,
        error="IO",
        words=(f"t.csv.{suffix}", "cut short", "byte"),
    )


@pytest.mark.parametrize("suffix", COMPRESSED)
def test_damaged_compressed_file_is_an_io_error(tmp_path: Path, suffix: str) -> None:
    damaged = bytearray(COMPRESSED[suffix](LONG))
    damaged[len(damaged) // 2] ^= 0x55
    (tmp_path / f"t.csv.{suffix}").write_bytes(damaged)
    done = adhash("run-csv", "--csv", f"t.csv.{suffix}", *ALL_OUTPUTS, cwd=tmp_path)
    # A flipped bit may decompress to a wrong row before the checksum is reached.
    assert done.code in (2, 5)
    assert f"t.csv.{suffix}" in done.envelope["detail"]
    assert not (tmp_path / "new" / "summary.json").exists()


def test_parquet_with_other_columns_is_refused(tmp_path: Path) -> None:
    tables = {
        "names": ({"operation": ["put"], "key": [1], "value": [1]}, ("columns", "op")),
        "missing": ({"op": ["put"], "key": [1]}, ("value",)),
        "key": ({"op": ["put"], "key": [1.5], "value": [1]}, ("key",)),
        "op": ({"op": [1], "key": [1], "value": [1]}, ("op",)),
        "unknown": ({"op": ["put", "pop"], "key": [1, 2], "value": [1, 2]}, ("pop", "2")),
        "null-key": ({"op": ["put"], "key": pa.array([None], pa.int64()), "value": [1]}, ("key",)),
    }
    for name, (columns, words) in tables.items():
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
        refused(
            *(tmp_path, "run-csv", "--csv", f"{name}.parquet", *ALL_OUTPUTS),
            code=2,
            error="BadInput",
            words=(f"{name}.parquet", *words),
        )


def test_torn_parquet_is_refused(tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    pq.write_table(pa.table({"op": ["put"] * 999, "key": range(999), "value": range(999)}), whole)
    (tmp_path / "torn.parquet").write_bytes(whole.read_bytes()[:-100])
    refused(
        *(tmp_path, "run-csv", "--csv", "torn.parquet"),
        code=2,
        error="BadInput",
        words=("torn.parquet", "parquet"),
    )


# --- pipes --------------------------------------------------------------------------------------


def test_fifo_is_read_to_its_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    writer = threading.Thread(target=(tmp_path / "fifo").write_bytes, args=(GOOD,))
    with started("run-csv", "--csv", "fifo", "--json", cwd=tmp_path) as run:
        writer.start()
        out, err = run.communicate(timeout=60)
    writer.join()
    assert (run.returncode, err) == (0, b"")
    assert b'"total": 3' in out


def test_standard_input_with_nothing_is_refused(tmp_path: Path) -> None:
    done = adhash("run-csv", "--csv", "-", cwd=tmp_path, input=b"")
    assert (done.code, done.envelope["error"]) == (2, "BadInput")
    assert "empty" in done.envelope["detail"]


def test_closed_standard_input_is_an_io_error(tmp_path: Path) -> None:
    closed = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *ADHASH, "run-csv", "--csv", "-"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        timeout=60,
    )
    done = Finished(code=closed.returncode, out=closed.stdout.decode(), err=closed.stderr.decode())
    assert (done.code, done.envelope["error"]) == (5, "IO")
    assert "standard input" in done.envelope["detail"]


@pytest.mark.parametrize("start", [b"", HEADER + b"put,1,1\nput,"], ids=["header", "key"])
def test_line_of_a_gigabyte_is_refused_in_little_memory(tmp_path: Path, start: bytes) -> None:
    line = 1 + start.count(b"\n")
    with started("run-csv", "--csv", "-", cwd=tmp_path, stdin=subprocess.PIPE) as run:
        peak = _pour(run, start, size=1024 * MIB)
        err = run.stderr.read() if run.stderr else b""
        run.wait(timeout=60)
    assert run.returncode == 2
    assert f"standard input: line {line}, column 1048577".encode() in err
    assert b"replay.max_line_bytes" in err
    assert 0 < peak < 300 * MIB


def _pour(run: subprocess.Popen[bytes], start: bytes, *, size: int) -> int:
    """Write a line that does not end, until it is all there or nobody reads; return peak memory."""
    assert run.stdin is not None
    peak = 0
    block = b"7" * MIB
    try:
        run.stdin.write(start)
        for _ in range(size // MIB):
            run.stdin.write(block)
            peak = max(peak, resident_bytes(run.pid))
        run.stdin.close()
    except BrokenPipeError:
        peak = peak or 1
    return peak
