"""What a call of the replay asks for, checked as a whole before anything runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from adhash.config_layers import Layer, find_faults, raise_all
from adhash.config_models import ALL_MODES, MODE_ENGINES, Settings
from adhash.config_sources import load_settings, merge_layers
from adhash.errors import BadInputError, StorageError
from adhash.metrics.writer import FILE_NAME
from adhash.options.run_csv import OPTION_SETTINGS

STDIN = "-"
PathLike = str | os.PathLike[str]


class ReplayOptions(TypedDict, total=False):
    """The options of a replay by name; each that is missing or None keeps its setting.

    Numbers may be given as text, as the command line does.
    """

    key_type: str | None
    value_type: str | None
    format: str | None
    fill: str | None
    value_cap: int | str | None
    rate: float | str | None
    verify: bool | None
    seed: int | str | None
    csv_max_rows: int | str | None
    csv_max_bytes: int | str | None
    latency_sample_every: int | str | None
    latency_buckets: Sequence[float] | str | None
    compact_interval: float | str | None
    compress: str | bool | None
    metrics_out_dir: PathLike | None
    metrics_max_ticks: int | str | None
    metrics_host: str | None
    metrics_port: int | str | None
    dry_run: bool
    snapshot_in: PathLike | None
    snapshot_out: PathLike | None
    json_summary_out: PathLike | None
    config: PathLike | None
    preset: str | None


@dataclass(frozen=True, kw_only=True)
class Mode:
    """A mode as it was asked for, and the engine it stands for."""

    name: str
    engine: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything a run was asked for."""

    csv: str
    modes: tuple[Mode, ...]
    settings: Settings
    is_dry_run: bool = False
    snapshot_in: Path | None = None
    snapshot_out: Path | None = None
    json_summary_out: Path | None = None


def make_plan(
    csv: PathLike,
    *,
    mode: str | Sequence[str] | None,
    options: Mapping[str, Any],
    settings: Settings | None,
    environ: Mapping[str, str],
    engines: Callable[[], list[str]],
) -> Plan:
    """Return the plan that a call asks for.

    Parameters
    ----------
    csv : str or PathLike
        The trace; ``"-"`` for standard input.
    mode : str, sequence of str, or None
        The modes; None takes those of the settings.
    options : mapping
        By the names of `ReplayOptions`.
    settings : Settings or None
        The settings that the options change; None reads preset, file and environment.
    environ : mapping
        The environment.
    engines : callable
        Returns the engines of this build.

    Returns
    -------
    Plan
        Checked as far as it can be without running.

    Raises
    ------
    BadInputError
        If an option is unknown, out of its range, or does not go with another.
    StorageError
        If a file to read is missing or the place of a file to write is.
    """
    _refuse_unknown(options)
    merged = _merge(mode, options, settings, environ)
    plan = Plan(
        csv=os.fspath(csv),
        modes=resolve_modes(merged.replay.mode, engines()),
        settings=merged,
        is_dry_run=bool(options.get("dry_run")),
        snapshot_in=_path(options, "snapshot_in"),
        snapshot_out=_path(options, "snapshot_out"),
        json_summary_out=_path(options, "json_summary_out"),
    )
    _require_coherence(plan)
    _require_places(plan)
    return plan


def _refuse_unknown(options: Mapping[str, Any]) -> None:
    known = ReplayOptions.__annotations__
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise BadInputError(
            f"unknown option {', '.join(unknown)}", hint=f"known are {', '.join(sorted(known))}"
        )


def _merge(
    mode: str | Sequence[str] | None,
    options: Mapping[str, Any],
    settings: Settings | None,
    environ: Mapping[str, str],
) -> Settings:
    overrides = {key: options.get(name) for name, key in OPTION_SETTINGS.items()}
    overrides["replay.mode"] = mode
    if isinstance(overrides["replay.compress"], bool):
        overrides["replay.compress"] = "zstd" if overrides["replay.compress"] else "none"
    if overrides["metrics.out_dir"] is not None:
        overrides["metrics.out_dir"] = os.fspath(overrides["metrics.out_dir"])
    if settings is None:
        config = _path(options, "config")
        return load_settings(
            config=config, preset=options.get("preset"), overrides=overrides, environ=environ
        )
    if options.get("config") is not None or options.get("preset") is not None:
        raise BadInputError(
            "settings were given, and a config file or preset as well", hint="give one of them"
        )
    return _override(settings, overrides)


def _override(settings: Settings, overrides: Mapping[str, Any]) -> Settings:
    tables: dict[str, dict[str, object]] = {}
    for key, value in overrides.items():
        if value is not None:
            table, name = key.split(".", 1)
            tables.setdefault(table, {})[name] = value
    given = Layer(source="option", tables=tables)
    raise_all(find_faults(given))
    return merge_layers([Layer(source="settings", tables=settings.model_dump()), given])


def _path(options: Mapping[str, Any], name: str) -> Path | None:
    value = options.get(name)
    return None if value is None else Path(value)


def resolve_modes(names: Sequence[str], engines: Sequence[str]) -> tuple[Mode, ...]:
    """Return the modes that names stand for, each once, in the order given.

    Parameters
    ----------
    names : sequence of str
        Modes; ``"all"`` stands for every engine.
    engines : sequence of str
        The engines of this build.

    Returns
    -------
    tuple of Mode
        At least one.

    Raises
    ------
    BadInputError
        If a name is no mode.
    """
    wanted = [each for name in names for each in (engines if name == ALL_MODES else [name])]
    modes = [Mode(name=name, engine=MODE_ENGINES.get(name, name)) for name in dict.fromkeys(wanted)]
    for mode in modes:
        if mode.engine not in engines:
            known = ", ".join([*MODE_ENGINES, *engines, ALL_MODES])
            raise BadInputError(f"unknown mode {mode.name!r}", hint=f"modes are {known}")
    return tuple(modes)


def _require_coherence(plan: Plan) -> None:
    if plan.csv == STDIN and len(plan.modes) > 1 and not plan.is_dry_run:
        raise BadInputError(
            f"standard input can be read once, but {len(plan.modes)} modes were asked for",
            hint="give one --mode, or save the trace to a file",
        )
    if plan.snapshot_out is not None and len(plan.modes) > 1:
        raise BadInputError(
            f"--snapshot-out names one file, but {len(plan.modes)} modes were asked for",
            hint="give one --mode",
        )
    _require_distinct_files(plan)


def _require_distinct_files(plan: Plan) -> None:
    """Refuse outputs that would replace each other or what is read; a snapshot may be renewed."""
    out_dir = plan.settings.metrics.out_dir
    written = {
        "--snapshot-out": plan.snapshot_out,
        "--json-summary-out": plan.json_summary_out,
        "the ticks of --metrics-out-dir": out_dir and out_dir / FILE_NAME,
    }
    named = {"the trace": None if plan.csv == STDIN else Path(plan.csv), **written}
    if plan.snapshot_in != plan.snapshot_out:
        named["--snapshot-in"] = plan.snapshot_in
    owners: dict[Path, str] = {}
    for name, path in named.items():
        if path is not None:
            other = owners.setdefault(path.resolve(), name)
            if other != name:
                raise BadInputError(f"{other} and {name} are the same file: {path}")


def _require_places(plan: Plan) -> None:
    """Refuse what could only fail after the run: an hour of replay deserves a place to go."""
    if plan.snapshot_in is not None and not plan.snapshot_in.is_file():
        raise StorageError(f"there is no snapshot {plan.snapshot_in}", hint="check --snapshot-in")
    for option, path in (
        ("--snapshot-out", plan.snapshot_out),
        ("--json-summary-out", plan.json_summary_out),
    ):
        if path is not None:
            require_place(option, path)


def require_place(option: str, path: Path) -> None:
    """Check that a file can be made or replaced; folders on the way to it are made by the run.

    Parameters
    ----------
    option : str
        The option that names the file, for the message.
    path : Path
        The file.

    Raises
    ------
    StorageError
        If it cannot.
    """
    if path.exists() and not path.is_file():
        raise StorageError(
            f"cannot write {path}: it is not a regular file", hint=f"give {option} a file"
        )
    folders = path.resolve().parents
    folder = next(each for each in folders if each.exists())
    if not folder.is_dir():
        raise StorageError(
            f"cannot write {path}: {folder} is not a folder", hint=f"give {option} another place"
        )
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise StorageError(
            f"cannot write {path}: permission denied", hint=f"give {option} another place"
        )
