"""A recorder behaves as the mapping it wraps, and its trace says what was done."""

from __future__ import annotations

import collections
import csv
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from adhash.errors import BadInputError, KeyTypeError, PolicyError, StorageError
from adhash.workloads.active_recording import OUT_VARIABLE, recording_to
from adhash.workloads.csv_source import CsvSource
from adhash.workloads.recorder import Recorder
from adhash.workloads.sources import open_trace
from adhash.workloads.spelling import MAX_VALUE_CHARACTERS
from adhash.workloads.trace_sink import TraceSink

SUFFIXES = ["", ".gz", ".zst", ".xz"]


def rows_in(path: Path) -> list[tuple[str, str, str]]:
    with open_trace(path) as source:
        assert isinstance(source, CsvSource)
        text = b"".join(bytes(block) for block in source.blocks()).decode()
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert header == ["op", "key", "value"]
    return [(op, key, value) for op, key, value in rows]


def recorded(
    tmp_path: Path, use: Callable[[Recorder[Any, Any]], object], mapping: Any = None, **options: Any
) -> list[tuple[str, str, str]]:
    out = tmp_path / "trace.csv"
    with Recorder({} if mapping is None else mapping, out, force=True, **options) as recorder:
        use(recorder)
    return rows_in(out)


def replayed(rows: list[tuple[str, str, str]]) -> dict[str, str]:
    """Return what a map holds after the operations of a trace."""
    content: dict[str, str] = {}
    for op, key, value in rows:
        if op == "put":
            content[key] = value
        elif op == "del":
            content.pop(key, None)
    return content


# ---- what is recorded ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (lambda r: r["a"], ["get a"]),
        (lambda r: r.get("b", 7), ["get b"]),
        (lambda r: "b" in r, ["get b"]),
        (lambda r: r.__setitem__("b", 2), ["put b 2"]),
        (lambda r: r.setdefault("a", 2), ["get a"]),
        (lambda r: r.setdefault("b", 2), ["get b", "put b 2"]),
        (lambda r: r.update({"b": 2}, c=3), ["put b 2", "put c 3"]),
        (lambda r: r.update([("b", 2)]), ["put b 2"]),
        (lambda r: r.__ior__({"b": 2}), ["put b 2"]),
        (lambda r: r.__delitem__("a"), ["del a"]),
        (lambda r: r.pop("a"), ["get a", "del a"]),
        (lambda r: r.pop("b", None), ["get b"]),
        (lambda r: r.popitem(), ["get a", "del a"]),
        (lambda r: r.clear(), ["del a"]),
        (lambda r: (list(r), len(r), list(r.items()), list(r.values()), r == {}, repr(r)), []),
    ],
)
def test_each_method_is_the_operations_it_does(
    tmp_path: Path, use: Callable[[Recorder[Any, Any]], object], expected: list[str]
) -> None:
    rows = recorded(tmp_path, use, {"a": 1})
    assert [" ".join(row).strip() for row in rows] == expected


def test_an_operation_that_fails_is_still_one(tmp_path: Path) -> None:
    def use(recorder: Recorder[str, int]) -> None:
        for fail in (lambda: recorder["a"], lambda: recorder.pop("a"), recorder.popitem):
            with pytest.raises(KeyError):
                fail()
        with pytest.raises(KeyError):
            del recorder["a"]

    assert [op for op, _, _ in recorded(tmp_path, use)] == ["get", "get", "del"]


def test_a_defaultdict_that_inserts_is_a_get_and_a_put(tmp_path: Path) -> None:
    mapping = collections.defaultdict(int)
    rows = recorded(tmp_path, lambda r: (r["a"], r["a"]), mapping)
    assert rows == [("get", "a", ""), ("put", "a", "0"), ("get", "a", "")]
    assert mapping == {"a": 0}


def test_updating_a_counter_adds(tmp_path: Path) -> None:
    mapping = collections.Counter("a")
    rows = recorded(tmp_path, lambda r: (r.update("ab"), r.update({"a": 5}, b=1)), mapping)
    assert mapping == {"a": 7, "b": 2}
    assert replayed(rows) == {"a": "7", "b": "2"}


def test_other_methods_work_and_are_named(tmp_path: Path) -> None:
    with Recorder(collections.Counter("aab"), tmp_path / "t.csv") as recorder:
        assert recorder.most_common(1) == [("a", 2)]
        assert recorder.unrecorded == {"most_common"}
        assert not hasattr(recorder, "no_such_method")


# ---- as a dict -----------------------------------------------------------------------------------

KEYS = st.sampled_from(["a", "b,c", 'd"e', "f\ng", "h\r", "é", " ", "'", "123"])


class RecorderMachine(RuleBasedStateMachine):
    """Drives a recorder and a dict alike; the trace must rebuild the content."""

    @initialize(suffix=st.sampled_from(SUFFIXES))
    def start(self, suffix: str) -> None:
        self.folder = Path(os.environ["RECORDER_TEST_FOLDER"])
        self.path = self.folder / f"trace.csv{suffix}"
        self.recorder: Recorder[str, int] = Recorder({}, self.path, force=True)
        self.model: dict[str, int] = {}

    @rule(key=KEYS, value=st.integers(-(2**63), 2**63 - 1))
    def put(self, key: str, value: int) -> None:
        self.recorder[key] = value
        self.model[key] = value

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        assert self.recorder.get(key) == self.model.get(key)
        assert (key in self.recorder) == (key in self.model)

    @rule(key=KEYS, value=st.integers(0, 9))
    def setdefault(self, key: str, value: int) -> None:
        assert self.recorder.setdefault(key, value) == self.model.setdefault(key, value)

    @rule(key=KEYS)
    def pop(self, key: str) -> None:
        assert self.recorder.pop(key, None) == self.model.pop(key, None)

    @rule(other=st.dictionaries(KEYS, st.integers(0, 9), max_size=3))
    def update(self, other: dict[str, int]) -> None:
        self.recorder |= other
        self.model |= other

    @rule()
    def popitem(self) -> None:
        if self.model:
            assert self.recorder.popitem() == self.model.popitem()

    @rule()
    def clear(self) -> None:
        self.recorder.clear()
        self.model.clear()

    @invariant()
    def equal(self) -> None:
        if hasattr(self, "model"):
            assert self.recorder == self.model
            assert list(self.recorder) == list(self.model)
            assert list(self.recorder.items()) == list(self.model.items())
            assert self.recorder | {"z": 1} == self.model | {"z": 1}

    def teardown(self) -> None:
        if hasattr(self, "model"):
            rows = self.recorder.rows
            self.recorder.close()
            trace = rows_in(self.path)
            assert len(trace) == rows
            assert replayed(trace) == {key: str(value) for key, value in self.model.items()}


def test_a_recorder_behaves_as_a_dict_and_its_trace_rebuilds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    monkeypatch.setenv("RECORDER_TEST_FOLDER", str(tmp_path))
    run_state_machine_as_test(
        RecorderMachine, settings=settings(max_examples=40, stateful_step_count=25, deadline=None)
    )


# ---- keys and values -----------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(
    keys=st.one_of(
        st.lists(st.integers(-(2**63), 2**63 - 1)),
        st.lists(st.integers(0, 2**64 - 1)),
        st.lists(st.text(min_size=1).filter(lambda s: "\0" not in s and s.isprintable())),
        st.lists(st.binary(min_size=1)),
    )
)
def test_distinct_keys_stay_distinct(
    tmp_path_factory: pytest.TempPathFactory, keys: list[Any]
) -> None:
    rows = recorded(
        tmp_path_factory.mktemp("keys"), lambda r: [r.__setitem__(key, 1) for key in keys]
    )
    assert len({key for _, key, _ in rows}) == len(set(keys))
    if keys and not isinstance(keys[0], bytes):
        assert [key for _, key, _ in rows] == [str(key) for key in keys]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ([(1, 2)], "type tuple"),
        ([None], "type NoneType"),
        ([1.5], "type float"),
        ([""], "empty key"),
        ([b""], "empty key"),
        (["a\0b"], "NUL"),
        (["\ud800"], "not valid Unicode"),
        ([1, "1"], "keys of one type"),
        (["1", b"1"], "keys of one type"),
        ([2**64], "64 bits"),
        ([-1, 2**63], "beside negative ones"),
    ],
)
def test_a_key_that_cannot_be_recorded_is_a_type_error_and_changes_nothing(
    tmp_path: Path, keys: list[Any], message: str
) -> None:
    mapping: dict[Any, int] = {}
    *good, bad = keys
    with Recorder(mapping, tmp_path / "t.csv") as recorder:
        for key in good:
            recorder[key] = 1
        with pytest.raises(TypeError, match=message) as caught:
            recorder[bad] = 1
    assert isinstance(caught.value, KeyTypeError)
    assert "key=" in caught.value.hint
    assert list(mapping) == good
    assert len(rows_in(tmp_path / "t.csv")) == len(good)


def test_a_function_makes_keys_of_anything(tmp_path: Path) -> None:
    rows = recorded(tmp_path, lambda r: r.__setitem__((1, "x"), 2), key=repr)
    assert rows == [("put", "(1, 'x')", "2")]


@pytest.mark.parametrize(
    ("values", "options", "expected"),
    [
        ([5, -1, True], {}, ["5", "-1", "1"]),
        ([5, "four", [1, 2], None, 2**70], {}, ["5", "4", "2", "8", "8"]),
        (["a,b", b"\xff\x00", 5, [1, 2]], {}, ["a,b", "\xff\u0100", "5", "xx"]),
        (["secret", b"pw", 7], {"value": "filler"}, ["xxxxxx", "xx", "7"]),
        ([[1], [2, 3]], {"value": len}, ["1", "2"]),
        (["\ud800", ""], {}, ["?", ""]),
        (["y" * 5000], {}, ["y" * MAX_VALUE_CHARACTERS]),
    ],
)
def test_values_are_of_one_kind(
    tmp_path: Path, values: list[Any], options: dict[str, Any], expected: list[str]
) -> None:
    rows = recorded(tmp_path, lambda r: [r.__setitem__("k", value) for value in values], **options)
    assert [value for _, _, value in rows] == expected


def test_an_unknown_way_to_write_values_is_refused() -> None:
    with pytest.raises(BadInputError, match="'content', 'filler'"):
        Recorder({}, value="size")  # type: ignore[arg-type]


# ---- the file ------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_trace_appears_when_it_is_closed_and_not_before(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"t.csv{suffix}"
    recorder: Recorder[int, int] = Recorder({}, out)
    for i in range(30_000):
        recorder[i] = i
    assert not out.exists()
    recorder.close()
    assert [key for _, key, _ in rows_in(out)] == [str(i) for i in range(30_000)]
    recorder[7] = 8  # goes on as a mapping
    recorder.close()
    assert list(tmp_path.iterdir()) == [out]


def test_an_existing_trace_is_kept_unless_forced(tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    out.write_text("precious")
    with pytest.raises(PolicyError):
        Recorder({}, out)
    assert out.read_text() == "precious"


@pytest.mark.parametrize("out", ["-", "t.parquet", "t"])
def test_only_csv_files_are_recorded_to(tmp_path: Path, out: str) -> None:
    with pytest.raises(BadInputError):
        Recorder({}, out if out == "-" else tmp_path / out)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_is_told_on_close_and_does_not_disturb_the_program(
    tmp_path: Path, suffix: str
) -> None:
    link = tmp_path / f"t.csv{suffix}"
    link.symlink_to("/dev/full")
    mapping: dict[int, int] = {}
    recorder: Recorder[int, int] = Recorder(mapping, link, force=True)
    for i in range(300_000):
        recorder[i] = i
    assert len(mapping) == 300_000
    with pytest.raises(StorageError, match="No space left"):
        recorder.close()


def test_threads_leave_whole_rows_and_every_one(tmp_path: Path) -> None:
    out = tmp_path / "t.csv.zst"
    with Recorder({}, out) as recorder:

        def work(start: int) -> None:
            for i in range(start, start + 5000):
                recorder[i] = i
                recorder.get(i)

        threads = [threading.Thread(target=work, args=(n * 5000,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    counts = collections.Counter(rows_in(out))
    assert len(counts) == 40_000
    assert set(counts.values()) == {1}


def test_without_a_file_a_recorder_only_passes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(OUT_VARIABLE, raising=False)
    mapping: dict[Any, Any] = {}
    recorder = Recorder(mapping)
    recorder[(1, 2)] = "any key will do"
    assert recorder.setdefault((1, 2), 0) == "any key will do"
    recorder.update({None: 1})
    assert recorder.pop(None) == 1
    assert recorder.popitem() == ((1, 2), "any key will do")
    assert recorder.rows == 0


def test_the_first_recorder_gets_the_active_recording(tmp_path: Path) -> None:
    sink = TraceSink(tmp_path / "t.csv")
    with recording_to(sink) as active:
        first, second = Recorder({}), Recorder({})
        first["a"] = 1
        second["b"] = 2
    sink.close()
    assert rows_in(tmp_path / "t.csv") == [("put", "a", "1")]
    assert active.recorders == 2


PROGRAM = """
import os, sys
from adhash.workloads.recorder import Recorder
r = Recorder({}%s)
for i in range(1000):
    r[i] = i
%s
"""


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "ending", ["pass", "sys.exit(3)", "raise ValueError", "raise KeyboardInterrupt"]
)
def test_a_program_that_never_closes_leaves_a_whole_trace(tmp_path: Path, ending: str) -> None:
    out = tmp_path / "t.csv.gz"
    run_python(PROGRAM % (f", {str(out)!r}", ending))
    assert len(rows_in(out)) == 1000


def test_a_program_that_is_killed_leaves_no_trace(tmp_path: Path) -> None:
    out = tmp_path / "t.csv.gz"
    done = run_python(PROGRAM % (f", {str(out)!r}", "os.kill(os.getpid(), 9)"))
    assert done.returncode == -9
    assert not out.exists()


def test_the_environment_can_name_the_trace(tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    ending = f"assert {OUT_VARIABLE!r} not in os.environ"
    assert run_python(PROGRAM % ("", ending), **{OUT_VARIABLE: str(out)}).returncode == 0
    assert len(rows_in(out)) == 1000


def test_a_forked_child_leaves_the_trace_to_its_parent(tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    ending = "child = os.fork()\nr[1] = 1\nif not child: sys.exit()\nos.waitpid(child, 0)\n"
    done = run_python(PROGRAM % (f", {str(out)!r}", ending))
    assert done.stderr == ""
    assert len(rows_in(out)) == 1001


def test_a_failure_at_exit_is_one_line(tmp_path: Path) -> None:
    out = tmp_path / "gone" / "t.csv"
    out.parent.mkdir()
    ending = f"import shutil; shutil.rmtree({str(out.parent)!r})"
    done = run_python(PROGRAM % (f", {str(out)!r}", ending))
    assert done.stderr.startswith("adhash: the recording failed: cannot write")
    assert len(done.stderr.splitlines()) == 1
