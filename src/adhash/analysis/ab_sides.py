"""The two configurations of a comparison: what was given, laid over what both start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adhash.analysis.ab_builds import Interpreter
from adhash.analysis.ab_result import ComparedSide, Label
from adhash.config_layers import Layer, did_you_mean, find_faults, raise_all
from adhash.config_models import Settings, setting_catalogue
from adhash.config_sources import merge_layers, read_layers
from adhash.errors import BadInputError, ConfigError
from adhash.options.ab_compare import AbCompareOptions
from adhash.options.traces import SHARED_SETTINGS
from adhash.replay.plan import Mode, resolve_modes

Given = Mapping[str, str | bool | int | float]

_SHORT_NAMES = {"mode": "replay.mode"}
# A run of a comparison leaves nothing behind and serves nothing: both sides would write to one
# place, and the name of a setting is no way to a file or a port.
_REFUSED = frozenset({"metrics.out_dir", "metrics.port", "metrics.host"})


@dataclass(frozen=True, kw_only=True)
class Side:
    """One configuration, complete and checked.

    `fixed_seed` is the seed of the hash where the configuration names one, else None.
    """

    label: Label
    given: dict[str, str | bool | int | float]
    interpreter: Interpreter
    mode: Mode
    settings: Settings
    fixed_seed: int | None

    @property
    def name(self) -> str:
        """Return how messages call it: its label and its mode."""
        return f"{self.label} ({self.mode.name})"

    def described(self) -> ComparedSide:
        """Return it for the result."""
        return ComparedSide(
            given=self.given,
            mode=self.mode.name,
            engine=self.mode.engine,
            settings=self.settings.model_dump(mode="json"),
            python_program=self.interpreter.python if self.interpreter.is_foreign else None,
            build=self.interpreter.build,
        )


def resolve_sides(
    options: AbCompareOptions,
    *,
    environ: Mapping[str, str],
    interpreters: Mapping[Label, Interpreter],
) -> tuple[Side, Side]:
    """Return both configurations, all that is wrong with either told at once.

    Parameters
    ----------
    options : AbCompareOptions
        What was asked for.
    environ : mapping
        The environment, from which both start.
    interpreters : mapping
        What runs each side, with the engines of its build.

    Returns
    -------
    tuple of Side
        The baseline and the candidate; in a self-test both are the baseline.

    Raises
    ------
    ConfigError
        If a setting is unknown, out of its range, given twice or not for comparisons.
    BadInputError
        If a mode is unknown or a side has several.
    StorageError
        If a file of settings cannot be read.
    """
    shared = {f"replay.{name}": getattr(options, name) for name in SHARED_SETTINGS}
    base = read_layers(
        config=None if options.config is None else Path(options.config),
        preset=options.preset,
        overrides=shared,
        environ=environ,
    )
    given: dict[Label, Given] = {"a": options.a or {}, "b": options.b or options.a or {}}
    layers = {label: _layer(label, settings) for label, settings in given.items()}
    raise_all(fault for layer in layers.values() for fault in find_faults(layer))
    a, b = (
        _side(label, given[label], merge_layers([*base, layer]), interpreters[label])
        for label, layer in layers.items()
    )
    return a, b


def _layer(label: Label, given: Given) -> Layer:
    tables: dict[str, dict[str, object]] = {}
    for name, value in given.items():
        key = _SHORT_NAMES.get(name, name)
        _require_comparable(label, key, value)
        table, _, rest = key.partition(".")
        if rest in tables.setdefault(table, {}):
            raise ConfigError(f"{label}: {key} is given twice", key=key, value=value)
        tables[table][rest] = value
    return Layer(source=label, tables=tables)


def _require_comparable(label: Label, key: str, value: object) -> None:
    if key in _REFUSED:
        raise ConfigError(
            f"{label}: {key} is about what a run leaves or serves; a comparison does neither",
            hint="leave it out",
            key=key,
            value=value,
        )
    # Also keeps names without a table, or with an empty one, from the reader of layers.
    if key == "python":
        hint = f"a build is no setting: --{label}-python PATH, on the command line and in Python"
        raise ConfigError(f"{label}: python is not a setting", hint=hint, key=key, value=value)
    if key not in setting_catalogue():
        near = did_you_mean(key, [*setting_catalogue(), *_SHORT_NAMES])
        raise ConfigError(
            f"{label}: {key[:80]!r} is not a setting",
            hint=near or "adhash config show lists them; mode stands for replay.mode",
            key=key,
            value=value,
        )


def _side(label: Label, given: Given, settings: Settings, interpreter: Interpreter) -> Side:
    quiet = settings.metrics.model_copy(update={"out_dir": None, "port": None})
    return Side(
        label=label,
        given=dict(given),
        interpreter=interpreter,
        mode=_mode(label, settings, interpreter.engines),
        settings=settings.model_copy(update={"metrics": quiet}),
        fixed_seed=settings.replay.seed,
    )


def _mode(label: Label, settings: Settings, engines: list[str]) -> Mode:
    try:
        modes = resolve_modes(settings.replay.mode, engines)
    except BadInputError as error:
        raise BadInputError(f"{label}: {error.detail}", hint=error.hint) from error
    if len(modes) != 1:
        names = ", ".join(mode.name for mode in modes)
        raise BadInputError(
            f"{label} must have one mode; got {names}", hint=f"give {label} a mode=NAME"
        )
    return modes[0]
