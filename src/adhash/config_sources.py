"""Where settings come from: defaults < preset < file < environment < command line.

Each source is checked on its own before the sources are merged. Checking only the merged result
could not name the source of a bad value, and would let a wrong line in a file sleep until the
option that hides it is left out.

The environment and the presets' folder are passed in; nothing here reaches for them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from adhash.config_layers import (
    ENVIRONMENT,
    PREFIX,
    Layer,
    Tables,
    did_you_mean,
    find_faults,
    raise_all,
)
from adhash.config_models import Settings, setting_catalogue
from adhash.errors import ConfigError, StorageError

PRESETS_VARIABLE = "ADHASH_PRESETS_DIR"
# A settings file is a page of text; more is a wrong path, such as the trace itself.
_MAX_FILE_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A named settings file that comes with adhash or lies in the user's folder of presets."""

    name: str
    summary: str
    text: str
    origin: str


# --- the story ---------------------------------------------------------------------------------


def load_settings(
    *,
    config: Path | None = None,
    preset: str | None = None,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    presets_dir: Path | None = None,
) -> Settings:
    """Return the settings that all sources together give.

    Parameters
    ----------
    config : Path or None
        A TOML file.
    preset : str or None
        The name of a preset.
    overrides : mapping or None
        What the command line says, by dotted name: ``{"replay.rate": 1000}``. None as a value
        means that the option was not given; to switch something off, say ``"off"``.
    environ : mapping or None
        The environment; variables ``ADHASH_<TABLE>__<NAME>`` are read, and `PRESETS_VARIABLE`
        where `presets_dir` is None.
    presets_dir : Path or None
        A folder of presets, which win over the bundled ones.

    Returns
    -------
    Settings
        Complete and valid.

    Raises
    ------
    ConfigError
        If a source holds an unknown setting or a value out of its range. All that is wrong with
        all the sources is told at once; `ConfigError.causes` has it one by one.
    StorageError
        If a file cannot be read.
    """
    layers = read_layers(
        config=config, preset=preset, overrides=overrides, environ=environ, presets_dir=presets_dir
    )
    return merge_layers(layers)


def read_layers(
    *,
    config: Path | None = None,
    preset: str | None = None,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    presets_dir: Path | None = None,
) -> list[Layer]:
    """Return the sources of `load_settings`, each checked, the weakest first.

    Parameters
    ----------
    config : Path or None
        A TOML file.
    preset : str or None
        The name of a preset.
    overrides : mapping or None
        What the command line says, by dotted name.
    environ : mapping or None
        The environment.
    presets_dir : Path or None
        A folder of presets.

    Returns
    -------
    list of Layer
        Preset and file where given, then environment and command line.

    Raises
    ------
    ConfigError
        As `load_settings`.
    StorageError
        If a file cannot be read.
    """
    environ = environ or {}
    layers = []
    if preset is not None:
        found = find_preset(preset, folder=presets_dir or presets_folder(environ))
        layers.append(Layer(source=found.origin, tables=_parse(found.text, found.origin)))
    if config is not None:
        layers.append(read_file(config))
    layers.append(_environment_layer(environ))
    layers.append(_command_line_layer(overrides or {}))
    raise_all(cause for layer in layers for cause in find_faults(layer))
    return layers


def merge_layers(layers: Iterable[Layer]) -> Settings:
    """Return the settings of checked layers; a later layer wins."""
    merged: dict[str, dict[str, object]] = {}
    for layer in layers:
        for key, value in layer.values().items():
            table, name = key.split(".", 1)
            merged.setdefault(table, {})[name] = value
    return Settings.model_validate(merged)


def origins(layers: Iterable[Layer]) -> dict[str, str]:
    """Return for every setting the name of the source that its value comes from."""
    found = dict.fromkeys(setting_catalogue(), "default")
    for layer in layers:
        found.update(dict.fromkeys(layer.values(), layer.source))
    return found


# --- the sources -------------------------------------------------------------------------------


def read_file(path: Path) -> Layer:
    """Return the unchecked layer of the TOML file at `path`.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Layer
        What the file says, right or wrong.

    Raises
    ------
    ConfigError
        If it is not TOML.
    StorageError
        If it is missing or cannot be read.
    """
    return Layer(source=str(path), tables=_parse(read_text(path), str(path)))


def read_text(path: Path) -> str:
    """Return the text of the settings file at `path`.

    Parameters
    ----------
    path : Path
        The file, at most 1 MiB of UTF-8.

    Returns
    -------
    str
        The text, without a byte order mark.

    Raises
    ------
    ConfigError
        If it is too long or not UTF-8.
    StorageError
        If it is missing or cannot be read.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        hint = f"adhash config init {path} writes one"
        raise StorageError(f"there is no settings file {path}", hint=hint) from None
    except OSError as error:
        raise StorageError(f"cannot read the settings file {path}: {error.strerror}") from error
    if len(raw) > _MAX_FILE_BYTES:
        raise ConfigError(f"{path} is longer than 1 MiB: it is no settings file")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8: byte {error.start} is wrong") from None


def parse_text(text: str, *, source: str) -> Layer:
    """Return the layer of a TOML text, checked.

    Parameters
    ----------
    text : str
        The content of a settings file.
    source : str
        The name of the source in messages.

    Returns
    -------
    Layer
        The values that `text` gives.

    Raises
    ------
    ConfigError
        If it is not TOML, or with all that is wrong with its settings.
    """
    layer = Layer(source=source, tables=_parse(text, source))
    raise_all(find_faults(layer))
    return layer


def _parse(text: str, source: str) -> Tables:
    try:
        return tomllib.loads(text)
    except ValueError as error:
        # TOMLDecodeError, or Python's own refusal of a number with thousands of digits.
        raise ConfigError(f"{source} is not valid TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{source} is nested too deeply for a settings file") from None


def _environment_layer(environ: Mapping[str, str]) -> Layer:
    tables: dict[str, dict[str, object]] = {}
    for variable in sorted(environ):
        if variable.startswith(PREFIX) and "__" in variable:
            table, name = variable.removeprefix(PREFIX).lower().split("__", 1)
            tables.setdefault(table, {})[name] = environ[variable]
    return Layer(source=ENVIRONMENT, tables=tables)


def _command_line_layer(overrides: Mapping[str, object]) -> Layer:
    tables: dict[str, dict[str, object]] = {}
    for key, value in overrides.items():
        if value is not None:
            table, _, name = key.partition(".")
            tables.setdefault(table, {})[name] = value
    return Layer(source="command line", tables=tables)


# --- presets -----------------------------------------------------------------------------------


def presets_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the user's folder of presets, None if the environment names none."""
    named = environ.get(PRESETS_VARIABLE)
    return Path(named) if named else None


def list_presets(*, folder: Path | None = None) -> list[Preset]:
    """Return every preset by name; one in `folder` hides the bundled one of its name.

    Parameters
    ----------
    folder : Path or None
        The user's presets, ``*.toml``.

    Returns
    -------
    list of Preset
        In the order of their names.

    Raises
    ------
    ConfigError
        If `folder` is not a folder.
    StorageError
        If a preset cannot be read.
    """
    found = {preset.name: preset for preset in _bundled_presets()}
    found.update((preset.name, preset) for preset in _folder_presets(folder))
    return [found[name] for name in sorted(found)]


def find_preset(name: str, *, folder: Path | None = None) -> Preset:
    """Return the preset called `name`.

    Parameters
    ----------
    name : str
        Its name.
    folder : Path or None
        The user's presets, searched first.

    Returns
    -------
    Preset
        Its text, unchecked.

    Raises
    ------
    ConfigError
        If there is none, with those there are.
    StorageError
        If it cannot be read.
    """
    presets = {preset.name: preset for preset in list_presets(folder=folder)}
    if name in presets:
        return presets[name]
    allowed = "one of " + ", ".join(presets)
    raise ConfigError(
        f"there is no preset {name!r}; it must be {allowed}",
        hint=did_you_mean(name, presets) or "adhash config presets lists them",
        key="preset",
        value=name,
        allowed=allowed,
    )


def _bundled_presets() -> Iterator[Preset]:
    for entry in _toml_entries(resources.files("adhash") / "presets"):
        name = entry.name.removesuffix(".toml")
        yield _preset(name, entry.read_text("utf-8"), origin=f"preset {name}")


def _folder_presets(folder: Path | None) -> Iterator[Preset]:
    if folder is None:
        return
    if not folder.is_dir():
        raise ConfigError(
            f"the folder of presets {folder} is not a folder",
            hint=f"create it, or unset {PRESETS_VARIABLE}",
            key=PRESETS_VARIABLE,
            value=str(folder),
        )
    for entry in sorted(folder.glob("*.toml")):
        yield _preset(entry.stem, read_text(entry), origin=f"preset {entry.stem} ({entry})")


def _toml_entries(folder: Traversable) -> list[Traversable]:
    entries = [entry for entry in folder.iterdir() if entry.name.endswith(".toml")]
    return sorted(entries, key=lambda entry: entry.name)


def _preset(name: str, text: str, *, origin: str) -> Preset:
    """Take the first comment line for what the preset is about."""
    first = next(iter(text.splitlines()), "")
    summary = first.removeprefix("#").strip() if first.startswith("#") else ""
    return Preset(name=name, summary=summary, text=text, origin=origin)
