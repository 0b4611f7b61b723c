"""Results read from JSON files of strangers: whatever stands in them is data of known shape."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from stat import S_ISREG
from typing import Any, NoReturn, TypeAlias

from adhash.errors import BadInputError, StorageError
from adhash.presenters import NOTHING
from adhash.reports.content import Source, UnfinishedJob
from adhash.reports.tables import complaint_in_words

MAX_BYTES = 64 << 20
# A result nests about ten levels; a page shows it again, a frame of Python a level.
_MAX_DEPTH = 40
SUMMARY, _BATCH, _FAMILY = "adhash.summary.v1", "adhash.batch.v1", "adhash."
_ENVELOPE = ("ok", "command")
_COMPLETED = "completed"

Finding: TypeAlias = Source | UnfinishedJob


def read_results(paths: Sequence[str]) -> Iterator[list[Finding]]:
    """Yield the results in each file, and the jobs that did not complete, in order.

    Parameters
    ----------
    paths : sequence of str
        JSON files: a result, a list of them, or what a command printed with ``--json``.

    Yields
    ------
    list of Source or UnfinishedJob
        Results are named after their file, or after their job where they are of a suite.

    Raises
    ------
    BadInputError
        If a file is missing, no regular file, too long, no JSON, or holds no result of adhash.
    StorageError
        If a file cannot be read.
    """
    for path, name in zip(paths, _names(paths), strict=True):
        yield list(_results(_read_json(Path(path)), path=path, name=name))


def _names(paths: Sequence[str]) -> list[str]:
    """Return a short name for each file: its stem, or its path where two have one stem."""
    stems = [Path(path).name.removesuffix(".json") for path in paths]
    counts = Counter(stems)
    return [stem if counts[stem] == 1 else path for stem, path in zip(stems, paths, strict=True)]


def _results(found: object, *, path: str, name: str) -> Iterator[Finding]:
    if isinstance(found, list) and found:
        for each in found:
            yield from _results(each, path=path, name=name)
        return
    if not isinstance(found, dict):
        raise _no_result(path)
    if isinstance(found.get("summaries"), list):
        yield from _results(found["summaries"], path=path, name=name)
        return
    schema = found.get("schema")
    if not isinstance(schema, str) or not schema.startswith(_FAMILY):
        raise _no_result(path)
    if schema == _BATCH:
        yield from _results_of_jobs(found.get("jobs"), path=path)
        return
    result = {key: value for key, value in found.items() if key not in _ENVELOPE}
    command = schema.removeprefix(_FAMILY).partition(".")[0].replace("_", "-")
    yield Source(name=name, command=command, result=result)


def _results_of_jobs(jobs: object, *, path: str) -> Iterator[Finding]:
    for job in jobs if isinstance(jobs, list) else []:
        if not isinstance(job, dict):
            continue
        name, status = str(job.get("name")), job.get("status")
        if isinstance(job.get("result"), dict):
            yield from _results_of_job(job["result"], path=path, name=name)
        if isinstance(status, str) and status != _COMPLETED:
            reason = _reason(job.get("error"))
            yield UnfinishedJob(name=name, status=status.replace("_", " "), reason=reason)


def _reason(error: object) -> str:
    if not isinstance(error, dict):
        return NOTHING
    words = {name: str(error.get(name) or "") for name in ("error", "detail", "hint")}
    return complaint_in_words(**words) if any(words.values()) else NOTHING


def _results_of_job(result: dict[str, Any], *, path: str, name: str) -> Iterator[Finding]:
    """Yield what a job found; a job of an unknown kind may have a result without a schema."""
    is_known = isinstance(result.get("summaries"), list) or "schema" in result
    if is_known and result.get("schema") != _BATCH:
        yield from _results(result, path=path, name=name)


def _no_result(path: str) -> BadInputError:
    return BadInputError(
        f"{path} holds no result of adhash",
        hint="a summary of run-csv --json-summary-out, or what a command printed with --json",
    )


def _read_json(path: Path) -> object:
    text = _read_text(path)
    try:
        found: object = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise BadInputError(f"{path} is nested too deeply for a result") from None
    except ValueError as error:
        # JSONDecodeError, or Python's own refusal of numbers with many digits.
        raise BadInputError(f"{path} is not valid JSON: {error}") from None
    if _depth_exceeds(found):
        raise BadInputError(f"{path} is nested too deeply for a result")
    return found


def _read_text(path: Path) -> str:
    try:
        # Looked at before it is opened: to open a named pipe is to wait for its other end.
        if not S_ISREG(path.stat().st_mode):
            raise BadInputError(f"{path} is not a file", hint="name the JSON file of a result")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise StorageError(
            f"there is no file {path}", hint="run-csv --json-summary-out writes one"
        ) from None
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}") from error
    if len(raw) > MAX_BYTES:
        raise BadInputError(f"{path} is longer than 64 MiB: it is no result")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path} is not UTF-8: byte {error.start} is wrong") from None


def _depth_exceeds(value: object) -> bool:
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [inner for each in level for inner in _items(each)]
        if not level:
            return False
    return True


def _items(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number of JSON")
