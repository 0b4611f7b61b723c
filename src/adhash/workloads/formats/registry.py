"""Which foreign formats there are: those of this package, and those that plug-ins bring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from adhash.config_layers import did_you_mean
from adhash.errors import BadInputError
from adhash.workloads.formats import (
    arc,
    cachelib,
    integers,
    libcachesim,
    ltrace,
    malloc_log,
    memcached_vv,
    mtrace,
    object_walk,
    package_index,
    path_lookups,
    redis_monitor,
    strace,
    text,
    twitter,
    ycsb,
)
from adhash.workloads.formats.trace_format import TraceFormat
from adhash.workloads.importing import AUTO, NATIVE

ENTRY_POINTS = "adhash.trace_formats"

_BUILT_IN = (
    arc.FORMAT,
    *integers.FORMATS,
    *libcachesim.FORMATS,
    twitter.FORMAT,
    *cachelib.FORMATS,
    ycsb.FORMAT,
    redis_monitor.FORMAT,
    memcached_vv.FORMAT,
    malloc_log.FORMAT,
    ltrace.FORMAT,
    mtrace.FORMAT,
    strace.FORMAT,
    path_lookups.FORMAT,
    object_walk.FORMAT,
    package_index.FORMAT,
    *text.FORMATS,
)


@cache
def trace_formats() -> Mapping[str, TraceFormat]:
    """Return every foreign format by its name.

    Returns
    -------
    mapping of str to TraceFormat
        Those of this package first.

    Raises
    ------
    BadInputError
        Where a plug-in cannot be loaded, or takes a name that is taken.
    """
    formats = {each.name: each for each in _BUILT_IN}
    for name, found in _plugged_in():
        if found.name in formats or found.name in (*NATIVE, AUTO):
            raise BadInputError(
                f"the plug-in {name} brings a trace format {found.name!r}, which exists",
                hint="uninstall it, or have it rename its format",
            )
        formats[found.name] = found
    return MappingProxyType(formats)


def trace_format(name: str) -> TraceFormat:
    """Return the foreign format of a name.

    Parameters
    ----------
    name : str
        As ``--format`` takes it.

    Returns
    -------
    TraceFormat
        Built in or plugged in.

    Raises
    ------
    BadInputError
        Where there is none.
    """
    found = trace_formats().get(name)
    if found is None:
        names = [AUTO, *NATIVE, *trace_formats()]
        hint = did_you_mean(name, names) or f"formats are {', '.join(names)}"
        raise BadInputError(f"no trace format is called {name!r}", hint=hint)
    return found


def detected(start: bytes, name: str) -> TraceFormat | None:
    """Return the foreign format of a trace.

    Parameters
    ----------
    start : bytes
        The first bytes of its decompressed content.
    name : str
        Its file, without a suffix of compression.

    Returns
    -------
    TraceFormat or None
        None where none is recognised.
    """
    formats = trace_formats().values()
    by_name = (each for each in formats if name.lower().endswith(each.suffixes or ("\0",)))
    by_content = (each for each in formats if each.detects(start))
    return next(by_name, None) or next(by_content, None)


def _plugged_in() -> Iterator[tuple[str, TraceFormat]]:
    for point in entry_points(group=ENTRY_POINTS):
        yield point.name, _loaded(point)


def _loaded(point: EntryPoint) -> TraceFormat:
    try:
        found = point.load()
        found = found if isinstance(found, TraceFormat) else found()
    except Exception as error:  # whatever a plug-in raises
        raise BadInputError(
            f"the plug-in {point.name} ({point.value}) cannot be loaded: {error}",
            hint="uninstall it, or install a version for this adhash",
        ) from error
    if not isinstance(found, TraceFormat):
        raise BadInputError(
            f"the plug-in {point.name} ({point.value}) brings a {type(found).__name__}, "
            "not a TraceFormat",
            hint="see the reference of trace formats",
        )
    return found


def described_formats() -> list[dict[str, str]]:
    """Return what each foreign format is, for people.

    Returns
    -------
    list of dict
        With ``format``, ``keys`` (their type), ``recognised`` (by what) and ``summary``.

    Raises
    ------
    BadInputError
        Where a plug-in cannot be loaded.
    """
    return [
        {
            "format": each.name,
            "keys": each.key_type,
            "recognised": _recognised_by(each),
            "summary": each.summary,
        }
        for each in trace_formats().values()
    ]


def _recognised_by(each: TraceFormat) -> str:
    ways = ["content"] if each.detects is not TraceFormat.detects else []
    return ", ".join([*ways, *each.suffixes]) or "no"
