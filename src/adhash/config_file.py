"""The text of a settings file: written with comments, and changed one line at a time.

A TOML writer would lose the user's comments, so a change replaces one line and is then proved
right by parsing: nothing but the one setting may differ. What cannot be changed so (an array over
several lines, an inline table) is left to an editor.
"""

from __future__ import annotations

import re
import textwrap
import tomllib
from collections.abc import Iterator, Mapping

from adhash.config_layers import did_you_mean
from adhash.config_models import SettingInfo, Settings, setting_catalogue, setting_text
from adhash.errors import BadInputError, ConfigError

_HEAD = """\
# Settings of adhash. A value in this file wins over a preset, and an environment variable
# ADHASH_<TABLE>__<NAME> or an option on the command line wins over this file. Delete the lines
# you do not mean to fix; `adhash config show` says where each value comes from.
"""
_WIDTH = 98


def render(settings: Settings) -> str:
    """Return a TOML file of all settings, each with its meaning, unit, range and default."""
    values = settings.model_dump()
    lines = [_HEAD.rstrip()]
    for info in setting_catalogue().values():
        if f"[{info.table}]" not in lines:
            lines += ["", f"[{info.table}]"]
        lines += ["", *_comment(info), _line(info, values[info.table][info.name])]
    return "\n".join(lines) + "\n"


def render_with_origins(settings: Settings, origins: Mapping[str, str]) -> str:
    """Return all settings as TOML, each line with the source of its value behind it."""
    values = settings.model_dump()
    lines: list[str] = []
    for info in setting_catalogue().values():
        if f"[{info.table}]" not in lines:
            lines += ["", f"[{info.table}]"] if lines else [f"[{info.table}]"]
        line = _line(info, values[info.table][info.name])
        lines.append(f"{line:<34}  # {origins[info.key]}")
    return "\n".join(lines) + "\n"


def render_given(settings: Settings) -> str:
    """Return a TOML file of the settings that were given, without those that are defaults."""
    lines: list[str] = []
    for table, values in settings.model_dump(exclude_unset=True).items():
        known = [setting_catalogue()[f"{table}.{name}"] for name in values]
        lines += [f"[{table}]", *(_line(info, values[info.name]) for info in known), ""]
    return "\n".join(lines)


def _comment(info: SettingInfo) -> Iterator[str]:
    unit = f" ({info.unit})" if info.unit else ""
    for text in (info.meaning, f"Allowed: {info.allowed}{unit}. Default: {info.default}."):
        for line in textwrap.wrap(text, _WIDTH, break_long_words=False):
            yield f"# {line}"


def _line(info: SettingInfo, value: object) -> str:
    return f"{info.name} = {setting_text(info.key, value)}"


def change(text: str, key: str, value: object) -> str:
    """Return the TOML `text` with the setting `key` set to `value`, all else untouched.

    Parameters
    ----------
    text : str
        A valid TOML file.
    key : str
        The dotted name of a setting.
    value : object
        A checked value, or None for off.

    Returns
    -------
    str
        The changed text.

    Raises
    ------
    ConfigError
        If there is no such setting.
    BadInputError
        If the file writes the setting in a form that only an editor can change.
    """
    info = _known(key)
    line = _line(info, value)
    result = "\n".join(_with_line(text.splitlines(), info, line)) + "\n"
    if not _is_only_change(info, line, text, result):
        raise BadInputError(
            f"{key} is written in this file in a form that cannot be changed line by line",
            hint="change it in an editor: adhash config edit",
        )
    return result


def _known(key: str) -> SettingInfo:
    if key in setting_catalogue():
        return setting_catalogue()[key]
    hint = did_you_mean(key, setting_catalogue()) or "adhash config show lists every setting"
    raise ConfigError(f"{key!r} is not a setting", hint=hint, key=key)


def _with_line(lines: list[str], info: SettingInfo, line: str) -> list[str]:
    start = _index(lines, rf"\s*\[\s*{info.table}\s*\]\s*(#.*)?")
    if start is None:
        return [*lines, *([""] if lines else []), f"[{info.table}]", line]
    following = _index(lines[start + 1 :], r"\s*\[.*")
    end = len(lines) if following is None else start + 1 + following
    body = lines[start + 1 : end]
    place = _index(body, rf"\s*{info.name}\s*=.*")
    if place is None:
        body = [line, *body]
    else:
        body = [*body[:place], line + _remark(body[place]), *body[place + 1 :]]
    return [*lines[: start + 1], *body, *lines[end:]]


def _remark(line: str) -> str:
    """Return the comment behind the value of `line`, with the space before it."""
    behind = re.fullmatch(r"""[^=]*=\s*(?:"[^"]*"|'[^']*'|[^#"']*?)(\s*#.*)?""", line)
    return (behind[1] or "") if behind else ""


def _index(lines: list[str], pattern: str) -> int | None:
    return next((at for at, line in enumerate(lines) if re.fullmatch(pattern, line)), None)


def _is_only_change(info: SettingInfo, line: str, before: str, after: str) -> bool:
    try:
        old, new = tomllib.loads(before), tomllib.loads(after)
    except tomllib.TOMLDecodeError:
        return False
    old.setdefault(info.table, {})[info.name] = new.get(info.table, {}).get(info.name)
    return old == new and old[info.table][info.name] == tomllib.loads(line)[info.name]
