"""adhash: an adaptive hash map, and the lab to choose a hash map on your own traffic.

Every name is imported when it is first used, so that a program that only wants a map, or only the
version, does not wait for the rest.
"""

from __future__ import annotations

# As typing.TYPE_CHECKING, whose import takes longer than that of this package: until it is there,
# Ctrl-C ends the command line with a traceback.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from adhash import config_models, errors, maps, metrics, replay, snapshots, workloads
    from adhash.config_models import Settings
    from adhash.config_sources import load_settings
    from adhash.errors import (
        AdhashError,
        BadInputError,
        ConfigError,
        InterruptedRunError,
        InvariantError,
        KeyTypeError,
        PolicyError,
        SnapshotError,
        StorageError,
        TraceError,
        ValueTypeError,
    )
    from adhash.maps import Map

    __version__: str

__all__ = [
    "AdhashError",
    "BadInputError",
    "ConfigError",
    "InterruptedRunError",
    "InvariantError",
    "KeyTypeError",
    "Map",
    "PolicyError",
    "Settings",
    "SnapshotError",
    "StorageError",
    "TraceError",
    "ValueTypeError",
    "__version__",
    "config_models",
    "errors",
    "load_settings",
    "maps",
    "metrics",
    "replay",
    "snapshots",
    "workloads",
]

_HOMES = {"Map": "maps", "Settings": "config_models", "load_settings": "config_sources"}
_MODULES = frozenset(
    {"config_models", "errors", "maps", "metrics", "replay", "snapshots", "workloads"}
)


def __getattr__(name: str) -> object:
    import importlib

    if name == "__version__":
        value: object = _version()
    elif name in _MODULES:
        return importlib.import_module(f"adhash.{name}")
    elif name in __all__:
        value = getattr(importlib.import_module(f"adhash.{_HOMES.get(name, 'errors')}"), name)
    else:
        raise AttributeError(f"module 'adhash' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("adhash")
    except metadata.PackageNotFoundError:
        # A source tree on the path, never installed.
        return "0+unknown"
