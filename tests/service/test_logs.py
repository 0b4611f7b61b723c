"""Reading output: byte for byte, resumable at every line, whatever is in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhash.service.errors import GoneError, InvalidRequestError
from adhash.service.folder import JobFolder
from adhash.service.logs import MAX_LINE_BYTES, LogPosition, LogReader, position_of, raw_bytes
from adhash.service.models import LogLine


class Output:
    """The output files of a job, written as a runner and its work write them."""

    def __init__(self, path: Path) -> None:
        path.mkdir(exist_ok=True)
        self.folder = JobFolder(path)
        self.written = {"stdout": b"", "stderr": b""}
        self.clock_ms = 1_700_000_000_000

    def write(self, stream: str, text: bytes, *, is_seen: bool = True) -> None:
        path = self.folder.stdout if stream == "stdout" else self.folder.stderr
        with path.open("ab") as file:
            file.write(text)
        self.written[stream] += text
        if is_seen:
            self.clock_ms += 50
            with self.folder.log_index.open("a") as index:
                end = len(self.written[stream])
                index.write(f"{stream[3]} {end} {self.clock_ms}\n")

    def read(self, token: str | None = None, *, is_complete: bool = True) -> list[LogLine]:
        reader = LogReader(self.folder, position_of(token))
        lines: list[LogLine] = []
        while found := reader.read(is_complete=is_complete):
            lines += found
        return lines


@pytest.fixture
def output(tmp_path: Path) -> Output:
    return Output(tmp_path / "job")


def bytes_of(lines: list[LogLine], stream: str) -> bytes:
    return b"".join(raw_bytes(line) for line in lines if line.stream == stream)


def test_the_streams_are_interleaved_as_they_came(output: Output) -> None:
    output.write("stdout", b"one\n")
    output.write("stderr", b"two\n")
    output.write("stdout", b"three\n")
    assert [line.message for line in output.read()] == ["one", "two", "three"]
    assert [line.seq for line in output.read()] == [0, 1, 2]


def test_a_line_is_given_once_its_line_feed_is_seen(output: Output) -> None:
    output.write("stdout", b"first\nsec")
    assert [line.message for line in output.read(is_complete=False)] == ["first"]
    output.write("stdout", b"ond\n")
    assert [line.message for line in output.read(is_complete=False)] == ["first", "second"]


def test_what_is_left_at_the_end_is_given_and_marked(output: Output) -> None:
    output.write("stdout", b"no line feed")
    (line,) = output.read()
    assert line.partial
    assert line.message == "no line feed"


def test_bytes_that_no_index_covers_are_given_once_the_job_has_ended(output: Output) -> None:
    output.write("stdout", b"seen\n")
    output.write("stdout", b"not seen\nnor this", is_seen=False)
    assert [line.message for line in output.read(is_complete=False)] == ["seen"]
    assert [line.message for line in output.read()] == ["seen", "not seen", "nor this"]


@pytest.mark.parametrize("length", [MAX_LINE_BYTES - 1, MAX_LINE_BYTES, 6_000_000])
def test_a_huge_line_is_kept(output: Output, length: int) -> None:
    output.write("stdout", b"x" * length + b"\n" + b"after\n")
    lines = output.read()
    assert bytes_of(lines, "stdout") == output.written["stdout"]
    assert lines[-1].message == "after"
    assert sum(line.partial for line in lines) == length // MAX_LINE_BYTES


def test_a_huge_line_is_not_cut_within_a_character(output: Output) -> None:
    output.write("stdout", b"x" + "€".encode() * 400_000 + b"\n")
    lines = output.read()
    assert len(lines) > 1
    assert all(line.base64 is None for line in lines)
    assert bytes_of(lines, "stdout") == output.written["stdout"]


def test_bytes_that_are_no_text_are_given_as_they_were(output: Output) -> None:
    output.write("stderr", b"\xff\xfe\x00 bad\n")
    (line,) = output.read()
    assert line.base64 is not None
    assert raw_bytes(line) == b"\xff\xfe\x00 bad\n"


def test_deleted_output_is_gone(tmp_path: Path) -> None:
    with pytest.raises(GoneError):
        LogReader(JobFolder(tmp_path / "none"), LogPosition())


@pytest.mark.parametrize(
    "token", ["", "x", "1.2.3", "1.2.3.4.5", "-1.0.0.0", "1.2.3.4\n", "9" * 99]
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidRequestError):
        position_of(token)


def test_a_token_beyond_the_end_gives_nothing(output: Output) -> None:
    output.write("stdout", b"one\n")
    assert output.read("999.999.999.1") == []


WRITES = st.lists(
    st.tuples(
        st.sampled_from(["stdout", "stderr"]),
        st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b"\xff", "ü".encode(), b"long " * 9])).map(
            b"".join
        ),
        st.booleans(),
    ),
    max_size=20,
)


@settings(max_examples=150, deadline=None)
@given(writes=WRITES)
def test_every_line_resumes_exactly_and_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[str, bytes, bool]]
) -> None:
    output = Output(tmp_path_factory.mktemp("logs") / "job")
    for stream, text, is_seen in writes:
        output.write(stream, text, is_seen=is_seen)
    lines = output.read()
    for stream in ("stdout", "stderr"):
        assert bytes_of(lines, stream) == output.written[stream]
    for at, line in enumerate(lines):
        assert output.read(line.next) == lines[at + 1 :]


@settings(max_examples=100, deadline=None)
@given(writes=WRITES)
def test_following_while_it_is_written_gives_the_same_as_reading_late(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[str, bytes, bool]]
) -> None:
    output = Output(tmp_path_factory.mktemp("logs") / "job")
    (output.folder.path).mkdir(exist_ok=True)
    reader = LogReader(output.folder, LogPosition())
    followed: list[LogLine] = []
    for stream, text, _ in writes:
        output.write(stream, text)
        while found := reader.read(is_complete=False):
            followed += found
    while found := reader.read(is_complete=True):
        followed += found
    assert followed == output.read()
