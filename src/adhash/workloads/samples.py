"""The sample traces that come with adhash, and how they are made.

``python -m adhash.workloads.samples --out DIRECTORY`` makes them again, with their README. The
generated ones come out the same; the recorded one depends on the Python whose library it reads.
"""

from __future__ import annotations

import argparse
import collections
import csv
import dataclasses
import platform
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from adhash.errors import BadInputError
from adhash.workloads.csv_source import CsvSource
from adhash.workloads.sources import open_trace

if TYPE_CHECKING:
    from adhash.workloads.generators import TraceSpec

_FOLDER = Path(__file__).resolve().parent.parent / "samples"
_PROGRAM = Path(__file__).resolve().parent / "sample_programs" / "identifiers.py"
_RECORDED_FILES = 450


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sample:
    """A trace that comes with adhash.

    Parameters
    ----------
    name : str
        Its name.
    file_name : str
        Its file in the folder of samples.
    about : str
        What it is, in a sentence.
    """

    name: str
    file_name: str
    about: str

    @property
    def path(self) -> Path:
        """Where it lies."""
        return _FOLDER / self.file_name


_SAMPLES = (
    Sample(
        name="identifiers",
        file_name="identifiers.csv.zst",
        about="Recorded: an index of the identifiers in 450 files of Python's standard library; "
        "short strings, a few of them very frequent, with deletes of names out of use.",
    ),
    Sample(
        name="zipf",
        file_name="zipf.csv.zst",
        about="Generated: scattered integers with a Zipf distribution of exponent 0.99.",
    ),
    Sample(
        name="churn",
        file_name="churn.csv.zst",
        about="Generated: a queue of 5,000 integers; as many puts of new keys as deletes of the "
        "oldest ones.",
    ),
)


def samples() -> tuple[Sample, ...]:
    """Return the samples; the recorded one first."""
    return _SAMPLES


def sample_path(name: str) -> Path:
    """Return where a sample lies.

    Parameters
    ----------
    name : str
        The name of a sample.

    Raises
    ------
    BadInputError
        Where there is no sample of this name.
    """
    for sample in _SAMPLES:
        if sample.name == name:
            return sample.path
    names = ", ".join(sample.name for sample in _SAMPLES)
    raise BadInputError(f"there is no sample {name!r}", hint=f"the samples are {names}")


def make_samples(folder: Path) -> None:
    """Write all samples and their README.

    Parameters
    ----------
    folder : Path
        An existing directory.

    Raises
    ------
    StorageError
        Where something cannot be written.
    """
    _record_identifiers(folder / "identifiers.csv.zst")
    _generate_zipf(folder / "zipf.csv.zst")
    _generate_churn(folder / "churn.csv.zst")
    (folder / "README.md").write_text(_readme(folder), encoding="utf-8")


def _record_identifiers(out: Path) -> None:
    from adhash.workloads.recording import record_program

    program = [str(_PROGRAM), sysconfig.get_path("stdlib"), str(_RECORDED_FILES)]
    record_program(program, out, force=True, smallest=True)


def _generate_zipf(out: Path) -> None:
    from adhash.workloads.generators import TraceSpec

    _generate(
        TraceSpec(
            rows=60_000, keys=20_000, distribution="zipf", exponent=0.99, key_bits=32, seed=1
        ),
        out,
    )


def _generate_churn(out: Path) -> None:
    from adhash.workloads.generators import TraceSpec

    spec = TraceSpec(
        rows=60_000,
        keys=1_000_000,
        distribution="sequential",
        get=40,
        put=30,
        delete=30,
        preload=5_000,
        dense=True,
        seed=1,
    )
    _generate(spec, out)


def _generate(spec: TraceSpec, out: Path) -> None:
    from adhash.workloads.batch_output import write_trace
    from adhash.workloads.generators import generate, trace_schema

    write_trace(generate(spec), trace_schema(spec), out, force=True, smallest=True)


def _readme(folder: Path) -> str:
    lines = [
        "# Sample traces",
        "",
        "Made by `python -m adhash.workloads.samples --out DIRECTORY` (`make samples`); the",
        f"recorded one on Python {platform.python_version()} with its own standard library.",
        "",
        "| trace | operations | get | put | del | distinct keys | bytes |",
        "|---|---|---|---|---|---|---|",
    ]
    for sample in _SAMPLES:
        path = folder / sample.file_name
        ops, keys = count_operations(path)
        numbers = [sum(ops.values()), ops["get"], ops["put"], ops["del"], keys, path.stat().st_size]
        lines.append(f"| `{sample.file_name}` | " + " | ".join(f"{n:,}" for n in numbers) + " |")
    lines += ["", *(f"- `{sample.name}`. {sample.about}" for sample in _SAMPLES), ""]
    return "\n".join(lines)


def count_operations(path: Path) -> tuple[collections.Counter[str], int]:
    """Return how many operations of each kind a CSV trace has, and how many distinct keys.

    Parameters
    ----------
    path : Path
        A trace of moderate size: it is read row by row, in Python.
    """
    ops: collections.Counter[str] = collections.Counter()
    keys: set[str] = set()
    rows = csv.reader(_lines(path))
    next(rows)
    for op, key, _ in rows:
        ops[op] += 1
        keys.add(key)
    return ops, len(keys)


def _lines(path: Path) -> Iterator[str]:
    with open_trace(path) as source:
        assert isinstance(source, CsvSource)  # noqa: S101
        rest = b""
        for block in source.blocks():
            *lines, rest = (rest + bytes(block)).split(b"\n")
            yield from (line.decode() + "\n" for line in lines)
        if rest:
            yield rest.decode()


def main() -> None:
    """Make the samples again, in the folder that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m adhash.workloads.samples")
    parser.add_argument("--out", type=Path, required=True, help="an existing directory")
    make_samples(parser.parse_args().out)


if __name__ == "__main__":
    main()
