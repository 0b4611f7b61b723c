"""The map that the entries of a snapshot make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, ValidationError

from adhash.config_models import MODE_ENGINES, AdaptiveSettings
from adhash.errors import BadInputError, SnapshotError
from adhash.maps import engines
from adhash.maps.entry_check import EntryCheck
from adhash.results import ResultPart
from adhash.snapshots.columns import column_length

if TYPE_CHECKING:
    from adhash.snapshots import Snapshot, SnapshotHeader
    from adhash.snapshots.reader import Watch


class LoadedMap(ResultPart):
    """A map that the entries were loaded into."""

    engine: str = Field(description="The engine.")
    layout: str = Field(description="The layout it is in after loading.")
    capacity: int = Field(description="Slots for entries.")
    load_factor: float = Field(description="Entries by slots.")
    memory_bytes: int = Field(description="All memory the map holds.")
    bytes_per_entry: float = Field(description="The same by entries.")
    tombstones: int = Field(description="Slots of deleted entries.")
    mean_probe: float = Field(description="Slots, groups or buckets to an entry, on average.")
    longest_probe: int = Field(description="The same for the farthest entry.")
    probe_hist: list[int] = Field(
        description="How many entries are reached in 1, 2, 3, ... steps; the last counts the rest."
    )


def load_snapshot(snapshot: Snapshot, mode: str | None, watch: Watch) -> LoadedMap:
    """Load the entries of a snapshot into an engine, and measure the map.

    Parameters
    ----------
    snapshot : Snapshot
        Open.
    mode : str or None
        The engine, by mode or name; the recorded one where None.
    watch : callable
        Told how far it is.

    Returns
    -------
    LoadedMap
        The state of the map, with the probe length of every entry.

    Raises
    ------
    BadInputError
        If the engine is unknown.
    SnapshotError
        If the settings cannot be used, or a key comes twice.
    """
    header = snapshot.header
    entries = EntryCheck(
        engine=_engine(mode, header),
        key=header.key_type,
        value=header.value_type,
        seed=header.seed,
        capacity=snapshot.room_for_rows(),
        settings=_settings(mode, header),
    )
    rows = new = 0
    for keys, values in snapshot.batches():
        new += entries.add(keys, values)
        rows += column_length(keys)
        watch("loading the entries", rows, header.size, "rows")
    if new != rows:
        raise SnapshotError(
            f"{snapshot.path} holds {rows:,} rows of {new:,} different keys",
            hint="adhash compact-snapshot keeps the first of each",
        )
    stats = entries.stats()
    return LoadedMap(
        engine=stats.engine,
        layout=stats.layout,
        capacity=stats.capacity,
        load_factor=stats.load_factor,
        memory_bytes=stats.memory_bytes,
        bytes_per_entry=stats.bytes_per_entry,
        tombstones=stats.tombstones,
        mean_probe=stats.avg_probe_estimate,
        longest_probe=stats.max_group_len,
        probe_hist=list(stats.probe_hist),
    )


def _engine(mode: str | None, header: SnapshotHeader) -> str:
    engine = header.engine if mode is None else MODE_ENGINES.get(mode, mode)
    if engine not in engines():
        known = ", ".join([*MODE_ENGINES, *engines()])
        raise BadInputError(
            f"this build has no engine {engine!r}", hint=f"give another --mode: {known}"
        )
    return engine


def _settings(mode: str | None, header: SnapshotHeader) -> AdaptiveSettings | None:
    if header.engine != "adaptive" or _engine(mode, header) != "adaptive":
        return None
    try:
        return AdaptiveSettings.model_validate(dict(header.settings))
    except ValidationError as error:
        raise SnapshotError(
            f"its settings cannot be used: {error.errors()[0]['msg']}",
            hint="adhash verify-snapshot --repair replaces them",
        ) from error
