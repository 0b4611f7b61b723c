"""From the text of a suite, TOML or JSON, to its ``[batch]`` table; the bundled suites."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from stat import S_ISREG
from typing import Any, NoReturn

from adhash.errors import BadInputError, StorageError

# A suite is a page of text; more is a wrong path, such as the trace itself.
MAX_SPEC_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class BundledSuite:
    """A suite that comes with adhash; `about` is its first line of comment."""

    name: str
    about: str
    text: str


def bundled_suites() -> list[BundledSuite]:
    """Return the suites that come with adhash, by name."""
    folder = resources.files("adhash") / "batch" / "suites"
    entries = sorted((entry.name, entry) for entry in folder.iterdir())
    return [
        _bundled(name.removesuffix(".toml"), entry.read_text("utf-8"))
        for name, entry in entries
        if name.endswith(".toml")
    ]


def _bundled(name: str, text: str) -> BundledSuite:
    about = text.splitlines()[0].removeprefix("#").strip()
    return BundledSuite(name=name, about=about, text=text)


def read_spec_file(path: Path) -> str:
    """Return the text of the suite at `path`.

    Parameters
    ----------
    path : Path
        A file of at most 1 MiB of UTF-8.

    Returns
    -------
    str
        The text, without a byte order mark.

    Raises
    ------
    BadInputError
        If it is missing, no regular file, too long or not UTF-8.
    StorageError
        If it cannot be read.
    """
    try:
        # Looked at before it is opened: to open a named pipe is to wait for its other end.
        if not S_ISREG(path.stat().st_mode):
            raise BadInputError(f"{path} is not a file", hint="name a suite, a TOML or JSON file")
        with path.open("rb") as file:
            raw = file.read(MAX_SPEC_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise _no_suite(path) from None
    except OSError as error:
        raise StorageError(f"cannot read the suite {path}: {error.strerror or error}") from error
    if len(raw) > MAX_SPEC_BYTES:
        raise BadInputError(f"{path} is longer than 1 MiB: it is no suite")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path} is not UTF-8: byte {error.start} is wrong") from None


def _no_suite(path: Path) -> BadInputError:
    names = ", ".join(suite.name for suite in bundled_suites())
    return BadInputError(f"there is no suite {path}", hint=f"a file, or a bundled one: {names}")


def parse_spec(text: str, *, source: str, is_json: bool) -> Mapping[str, object]:
    """Return the ``[batch]`` table of a suite.

    Parameters
    ----------
    text : str
        TOML with a table ``[batch]``; or JSON, the table itself or an object with a member
        ``batch``.
    source : str
        How messages name where it comes from.
    is_json : bool
        Which of them it is.

    Returns
    -------
    mapping of str to object
        The table, unchecked.

    Raises
    ------
    BadInputError
        If it is neither, or holds something beside the table.
    """
    try:
        tables = _loads_json(text) if is_json else tomllib.loads(text)
    except ValueError as error:
        # JSONDecodeError, TOMLDecodeError, or Python's own refusal of numbers with many digits.
        form = "JSON" if is_json else "TOML"
        raise BadInputError(f"{source} is not valid {form}: {error}") from None
    except RecursionError:
        raise BadInputError(f"{source} is nested too deeply for a suite") from None
    return batch_table(tables, source=source, may_be_bare=is_json)


def batch_table(tables: object, *, source: str, may_be_bare: bool) -> Mapping[str, object]:
    """Return the table ``batch`` of `tables`, or `tables` where it may be that table itself.

    Parameters
    ----------
    tables : object
        What was read.
    source : str
        How messages name where it comes from.
    may_be_bare : bool
        Whether the outer table may be left out, as in JSON.

    Returns
    -------
    mapping of str to object
        The table, unchecked.

    Raises
    ------
    BadInputError
        If there is no such table, or something beside it.
    """
    if not isinstance(tables, dict):
        raise BadInputError(f"{source}: a suite is a table; got {type(tables).__name__}")
    if may_be_bare and "batch" not in tables:
        return tables
    beside = [name for name in tables if name != "batch"]
    if beside:
        hint = "a job is written [[batch.jobs]]" if "jobs" in beside else ""
        raise BadInputError(f"{source}: {beside[0]!a} is not a table of a suite", hint=hint)
    table = tables.get("batch")
    if not isinstance(table, dict):
        raise BadInputError(f"{source} has no table [batch]", hint="a suite begins with [batch]")
    return table


def _loads_json(text: str) -> object:
    return json.loads(text, object_pairs_hook=_distinct, parse_constant=_refuse_constant)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse what JSON's readers disagree about: which of two members of one name counts."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return members


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number of JSON")
