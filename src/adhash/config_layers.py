"""One source of settings, and all that is wrong with it, each fault with its source by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from adhash.config_models import Settings, setting_catalogue
from adhash.config_values import write_toml
from adhash.errors import ConfigError

PREFIX = "ADHASH_"
ENVIRONMENT = "environment"

Tables = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """The values that one source gave, by table, and how messages name that source."""

    source: str
    tables: Tables

    def values(self) -> dict[str, object]:
        """Return the values by dotted name."""
        return {
            f"{table}.{name}": value
            for table, rows in self.tables.items()
            if isinstance(rows, Mapping)
            for name, value in rows.items()
        }


def find_faults(layer: Layer) -> list[ConfigError]:
    """Return all that is wrong with `layer`, one error a setting; empty if it is fine."""
    try:
        Settings.model_validate(layer.tables)
    except ValidationError as error:
        # A union reports one error for each of its branches: one is enough.
        places = dict.fromkeys(tuple(map(str, fault["loc"][:2])) for fault in error.errors())
        keys = (key for place in places for key in _keys_at(layer, place))
        return [_fault(layer, key) for key in keys]
    return []


def _keys_at(layer: Layer, place: tuple[str, ...]) -> Iterator[str]:
    """Yield the dotted names a fault is about: all those of a table that is itself unknown."""
    rows = layer.tables.get(place[0])
    is_unknown_table = len(place) == 1 and place[0] not in Settings.model_fields
    if is_unknown_table and isinstance(rows, Mapping) and rows:
        yield from (f"{place[0]}.{name}" for name in rows)
    else:
        yield ".".join(place)


def _fault(layer: Layer, key: str) -> ConfigError:
    if key in setting_catalogue():
        return _out_of_range(layer, key)
    if key in Settings.model_fields:
        return _not_a_table(layer, key)
    return _unknown(layer, key)


def _out_of_range(layer: Layer, key: str) -> ConfigError:
    info = setting_catalogue()[key]
    value = layer.values()[key]
    unit = f" {info.unit}" if info.unit not in ("", "bytes", "fraction", "factor") else ""
    where = _where(layer, key)
    return ConfigError(
        f"{where}: {key} must be {info.allowed}{unit}; got {_shown(value)}",
        key=key,
        value=value,
        allowed=info.allowed,
    )


def _not_a_table(layer: Layer, key: str) -> ConfigError:
    value = layer.tables[key]
    return ConfigError(
        f"{_where(layer, key)}: {key} is a table of settings; got {_shown(value)}",
        hint=f"write [{key}] on a line of its own and its settings below",
        key=key,
        value=value,
        allowed="a table",
    )


def _unknown(layer: Layer, key: str) -> ConfigError:
    table = key.partition(".")[0]
    value = layer.values().get(key, layer.tables[table])
    known = [name for name in setting_catalogue() if name.startswith(f"{table}.")]
    known = known or list(setting_catalogue())
    return ConfigError(
        f"{_where(layer, key)}: {key} is not a setting; got {_shown(value)}",
        hint=did_you_mean(key, known) or f"known here: {', '.join(known)}",
        key=key,
        value=value,
        allowed=", ".join(known),
    )


def _where(layer: Layer, key: str) -> str:
    if layer.source != ENVIRONMENT:
        return layer.source
    return f"environment variable {PREFIX}{key.replace('.', '__').upper()}"


def _shown(value: object) -> str:
    """Return a refused value on one line, as TOML where TOML can say it."""
    if isinstance(value, int) and value.bit_length() > 128:
        # Python refuses to write a number with thousands of digits, and nobody would read it.
        return f"a number of {value.bit_length()} bits"
    simple = isinstance(value, str | bool | int | float)
    text = write_toml(value) if simple else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``"did you mean ...?"`` with the name nearest to `word`; empty if none is near.

    Only the last part of a dotted name counts: two names in one table share too much otherwise.
    """
    by_last_part = {name.rpartition(".")[2]: name for name in known}
    near = difflib.get_close_matches(word.rpartition(".")[2], by_last_part, n=1)
    return f"did you mean {by_last_part[near[0]]}?" if near else ""


def raise_all(causes: Iterable[ConfigError]) -> None:
    """Raise the one error of `causes`, or one that holds them all; do nothing if there is none.

    Parameters
    ----------
    causes : iterable of ConfigError
        One error a fault.

    Raises
    ------
    ConfigError
        If there is any.
    """
    found = tuple(causes)
    if found:
        raise found[0] if len(found) == 1 else _summed_up(found)


def _summed_up(faults: tuple[ConfigError, ...]) -> ConfigError:
    return ConfigError(
        f"{len(faults)} settings are wrong: " + "; ".join(map(str, faults)),
        hint="adhash config show lists every setting",
        key=faults[0].key,
        value=faults[0].value,
        allowed=faults[0].allowed,
        causes=faults,
    )
