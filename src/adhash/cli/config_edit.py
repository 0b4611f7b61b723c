"""``adhash config edit``: change a settings file, and never into a wrong one.

The editor works on a draft beside the file. Only a draft that is valid replaces the file; a wrong
one is kept, and the next edit goes on from it.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from adhash.cli.output import JsonOption, print_json
from adhash.errors import BadInputError, ConfigError, StorageError

DEFAULT_FILE = Path("adhash.toml")


def edit(
    path: Annotated[Path, typer.Argument(help="The file to change.")] = DEFAULT_FILE,
    *,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set this one, without an editor."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Change a settings file in an editor or with --set.

    The editor is $VISUAL or $EDITOR. A change that would make the file wrong is refused.
    """
    outcome = _assign(path, assignments) if assignments else _edit_draft(path, os.environ)
    if as_json:
        print_json("config edit", {"path": str(path), "outcome": outcome})
    else:
        print(f"{path}: {outcome}")


def _assign(path: Path, assignments: list[str]) -> str:
    from adhash.atomic_files import replace_text
    from adhash.config_file import change
    from adhash.config_sources import parse_text

    before = text = _current_text(path)
    for assignment in assignments:
        key, value = _checked(assignment)
        text = change(text, key, value)
    parse_text(text, source=str(path))
    if text == before and path.exists():
        return "unchanged"
    replace_text(path, text)
    return "changed"


def _checked(assignment: str) -> tuple[str, object]:
    """Return key and value of ``KEY=VALUE``, the value as the setting's own type."""
    from adhash.config_sources import load_settings

    key, equals, text = (part.strip() for part in assignment.partition("="))
    table, dot, name = key.partition(".")
    if not (equals and dot):
        hint = "write it as replay.rate=1000"
        raise BadInputError(f"--set takes KEY=VALUE; got {assignment!r}", hint=hint)
    settings = load_settings(overrides={key: text})
    return key, getattr(getattr(settings, table), name)


def _edit_draft(path: Path, environ: Mapping[str, str]) -> str:
    from adhash.atomic_files import replace_text
    from adhash.config_sources import parse_text, read_text

    editor = _editor(environ)
    draft = path.with_name(f"{path.stem}.draft.toml")
    if not draft.exists():
        replace_text(draft, _current_text(path))
    _run_editor(editor, draft)
    text = read_text(draft)
    try:
        parse_text(text, source=str(draft))
    except ConfigError as error:
        raise _kept(error, path, draft) from error
    if path.exists() and text == read_text(path):
        draft.unlink()
        return "unchanged"
    replace_text(path, text)
    draft.unlink()
    return "changed"


def _current_text(path: Path) -> str:
    from adhash.config_file import render
    from adhash.config_models import Settings
    from adhash.config_sources import read_text

    return read_text(path) if path.exists() else render(Settings())


def _editor(environ: Mapping[str, str]) -> list[str]:
    command = environ.get("VISUAL") or environ.get("EDITOR") or ""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise BadInputError(f"the editor {command!r} cannot be read: {error}") from None
    if not words:
        hint = "set one of them, or use --set KEY=VALUE"
        raise BadInputError("neither VISUAL nor EDITOR names an editor", hint=hint)
    return words


def _run_editor(editor: list[str], draft: Path) -> None:
    try:
        # The user's own editor, run with the user's own rights.
        done = subprocess.run([*editor, str(draft)], check=False)  # noqa: S603
    except OSError as error:
        raise StorageError(f"cannot start the editor {editor[0]}: {error.strerror}") from error
    if done.returncode != 0:
        detail = f"the editor {editor[0]} ended with code {done.returncode}; nothing was changed"
        raise StorageError(detail, hint=f"the draft is {draft}")


def _kept(error: ConfigError, path: Path, draft: Path) -> ConfigError:
    hint = f"{path} is as it was; run the edit again to go on from {draft}, or delete the draft"
    return ConfigError(
        f"{error.detail} ({error.hint})" if error.hint else error.detail,
        hint=hint,
        key=error.key,
        value=error.value,
        allowed=error.allowed,
        causes=error.causes,
    )
