"""``adhash record``: programs run as under python, and leave a whole trace or none."""

from __future__ import annotations

import csv
import gzip
import json
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

COMMAND = "import sys; from adhash.cli import main; sys.exit(main())"


class Workplace:
    """A directory with a program, a module with a mapping, and the command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "trace.csv"
        self.write("store.py", "class Box:\n    cache = {}\nCACHE = {}\nNUMBER = 7\n")

    def write(self, name: str, code: str) -> None:
        (self.folder / name).write_text(textwrap.dedent(code))

    def start(self, *args: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND, "record", "--out", str(self.out), *args],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *args: str) -> tuple[int, str, str]:
        process = self.start(*args)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def rows(self) -> list[list[str]]:
        with self.out.open(newline="") as lines:
            header, *rows = csv.reader(lines)
        assert header == ["op", "key", "value"]
        return rows


@pytest.fixture
def work(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


OWN = """
    import sys
    from adhash.workloads.recorder import Recorder
    counts = Recorder({})
    for word in sys.argv[1:]:
        counts[word] = counts.get(word, 0) + 1
    print(__name__, dict(counts.items()))
"""


def test_a_program_with_a_recorder_is_recorded(work: Workplace) -> None:
    work.write("prog.py", OWN)
    code, out, err = work.run("--", "prog.py", "a", "--out", "a")
    assert (code, out) == (0, "__main__ {'a': 2, '--out': 1}\n")
    assert "6 operations" in err
    assert work.rows()[:2] == [["get", "a", ""], ["put", "a", "1"]]


def test_options_behind_the_program_are_its_own_without_dashes_too(work: Workplace) -> None:
    work.write("prog.py", OWN)
    assert work.run("prog.py", "--force", "-m")[1] == "__main__ {'--force': 1, '-m': 1}\n"


@pytest.mark.parametrize("args", [("-m", "pack.prog", "x"), ("--", "-m", "pack.prog", "x")])
def test_a_module_is_run_as_by_python(work: Workplace, args: tuple[str, ...]) -> None:
    (work.folder / "pack").mkdir()
    work.write("pack/__init__.py", "")
    work.write("pack/prog.py", OWN)
    assert work.run(*args)[:2] == (0, "__main__ {'x': 1}\n")
    assert len(work.rows()) == 2


@pytest.mark.parametrize("name", ["store:CACHE", "store:Box.cache"])
def test_a_mapping_of_a_module_is_recorded_without_a_change(work: Workplace, name: str) -> None:
    attribute = name.partition(":")[2]
    work.write("prog.py", f"import store\nstore.{attribute}['k'] = 5\n")
    assert work.run("--map", name, "prog.py")[0] == 0
    assert work.rows() == [["put", "k", "5"]]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("store", "MODULE:ATTRIBUTE"),
        ("nowhere:CACHE", "cannot import"),
        ("store:NONE", "there is no store:NONE"),
        ("store:NUMBER", "is no mapping"),
        ("__main__:X", "before it runs"),
    ],
)
def test_a_mapping_that_is_not_there_is_bad_input(work: Workplace, name: str, message: str) -> None:
    work.write("prog.py", "print('ran')")
    code, out, err = work.run("--map", name, "prog.py")
    assert (code, out) == (2, "")
    assert message in json.loads(err)["detail"]
    assert not work.out.exists()


@pytest.mark.parametrize(
    ("ending", "code", "told"),
    [
        ("sys.exit(7)", 7, ""),
        ("sys.exit('gone wrong')", 1, "gone wrong"),
        ("raise ValueError('boom')", 1, "ValueError: boom"),
        ("raise KeyboardInterrupt", 130, ""),
        ("r[1, 2] = 3", 1, "cannot be recorded"),
    ],
)
def test_the_exit_code_is_the_programs_and_the_trace_is_kept(
    work: Workplace, ending: str, code: int, told: str
) -> None:
    work.write(
        "prog.py",
        f"""
        import sys
        from adhash.workloads.recorder import Recorder
        r = Recorder({{}})
        r["a"] = 1
        {ending}
        """,
    )
    found, _, err = work.run("prog.py")
    assert found == code
    assert told in err
    assert "recording.py" not in err
    assert work.rows() == [["put", "a", "1"]]


def test_a_program_that_died_before_it_recorded_anything_is_named(work: Workplace) -> None:
    work.write("prog.py", "raise ValueError('boom')")
    code, _, err = work.run("prog.py")
    assert code == 1
    assert "prog.py ended with exit status 1" in err
    assert "not written" in err
    assert not work.out.exists()


def test_ctrl_c_leaves_a_whole_trace(work: Workplace) -> None:
    work.out = work.folder / "trace.csv.gz"
    work.write(
        "prog.py",
        """
        from adhash.workloads.recorder import Recorder
        r = Recorder({})
        r[0] = 0
        print("started", flush=True)
        while True:
            r[len(r)] = 1
        """,
    )
    process = work.start("prog.py")
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in err
    lines = gzip.decompress(work.out.read_bytes()).decode().splitlines()
    assert len(lines) > 100
    assert all(len(line.split(",")) == 3 for line in lines)
    names = sorted(path.name for path in work.folder.iterdir())
    assert names == ["prog.py", "store.py", "trace.csv.gz"]


def test_threads_of_the_program_are_waited_for(work: Workplace) -> None:
    work.write(
        "prog.py",
        """
        import threading, time
        from adhash.workloads.recorder import Recorder
        r = Recorder({})
        def late():
            time.sleep(0.3)
            r["late"] = 1
        threading.Thread(target=late).start()
        """,
    )
    assert work.run("prog.py")[0] == 0
    assert work.rows() == [["put", "late", "1"]]


def test_a_program_that_records_nothing_is_told_so(work: Workplace) -> None:
    work.write("prog.py", "print('hello')")
    code, out, err = work.run("prog.py")
    assert (code, out) == (2, "hello\n")
    assert "--map" in json.loads(err)["hint"]
    assert not work.out.exists()


def test_an_existing_trace_or_a_missing_program_ends_it_before_it_starts(work: Workplace) -> None:
    assert work.run("missing.py")[0] == 5
    work.write("prog.py", "print('ran')")
    work.out.write_text("precious")
    assert work.run("prog.py")[:2] == (4, "")
    assert work.out.read_text() == "precious"


def test_json_is_the_last_line_of_stdout(work: Workplace) -> None:
    work.write("prog.py", OWN)
    code, out, _ = work.run("--json", "prog.py", "a")
    answer = json.loads(out.splitlines()[-1])
    assert code == 0
    assert answer == {
        "ok": True,
        "command": "record",
        "out": str(work.out),
        "rows": 2,
        "exit_code": 0,
        "unrecorded": [],
    }


def test_what_was_not_recorded_is_named(work: Workplace) -> None:
    work.write(
        "prog.py",
        """
        from collections import Counter
        from adhash.workloads.recorder import Recorder
        first, second = Recorder(Counter("ab")), Recorder({})
        first["a"]
        first.most_common()
        """,
    )
    err = work.run("prog.py")[2]
    assert "1 more mappings" in err
    assert "most_common" in err
