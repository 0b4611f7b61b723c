"""What a map knows about itself, and how it explains where it is."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A move of the adaptive engine from one layout to another.

    Parameters
    ----------
    at_ops : int
        How many operations the map had seen.
    signal : str
        What made it move.
    from_layout, to_layout : str
        Where it was and where it went.
    expected_gain : float or None
        The part of an operation's time that the cost model promised to save; None where the move
        was forced.
    measured_gain : float or None
        The part that was saved; None until enough operations have been timed.
    """

    at_ops: int
    signal: str
    from_layout: str
    to_layout: str
    expected_gain: float | None
    measured_gain: float | None

    @classmethod
    def from_native(cls, record: dict[str, Any]) -> Decision:
        """Return a decision of the native log."""
        return cls(
            at_ops=record["at_ops"],
            signal=record["signal"],
            from_layout=record["from"],
            to_layout=record["to"],
            expected_gain=record["expected_gain"],
            measured_gain=record["measured_gain"],
        )

    def __str__(self) -> str:
        move = f"after {self.at_ops:,} operations: {self.from_layout} -> {self.to_layout}"
        return f"{move} ({self.signal}); {self._gains()}"

    def _gains(self) -> str:
        if self.expected_gain is None:
            return "made to keep probes short, not to save time"
        promise = f"expected to save {self.expected_gain:.0%} of the time"
        if self.measured_gain is None:
            return f"{promise}, not measured yet"
        return f"{promise}, saved {self.measured_gain:.0%}"


@dataclass(frozen=True, kw_only=True)
class MapStats:
    """The state of a map at one moment.

    Parameters
    ----------
    engine, layout : str
        The engine, and the layout it is in; they differ for ``adaptive``.
    size, capacity : int
        Entries, and slots for them.
    load_factor : float
        ``size / capacity``.
    max_group_len : int
        The longest probe, bucket or chain, in slots.
    avg_probe_estimate : float
        Slots or groups a look-up of a present key visits on average.
    tombstone_ratio : float
        The part of the slots held by deleted entries.
    tombstones : int
        Their number.
    probe_hist : tuple of int
        ``probe_hist[i]`` entries are reached in i + 1 steps; the last one counts
        all longer ways. Together they are `probe_samples`.
    probe_samples : int
        How many entries `probe_hist` was counted over: all of them, unless fewer were asked for.
    memory_bytes : int
        All memory the map holds, exactly.
    bytes_per_entry : float
        ``memory_bytes / size``; 0 for an empty map.
    migrations, compactions, reseeds : int
        How often the map moved, was compacted, and took a new seed.
    migrating : bool
        Whether a move is under way.
    decisions : tuple of Decision
        The moves the adaptive engine chose, in order.
    """

    engine: str
    layout: str
    size: int
    capacity: int
    load_factor: float
    max_group_len: int
    avg_probe_estimate: float
    tombstone_ratio: float
    tombstones: int
    probe_hist: tuple[int, ...]
    probe_samples: int
    memory_bytes: int
    bytes_per_entry: float
    migrations: int
    compactions: int
    reseeds: int
    migrating: bool
    decisions: tuple[Decision, ...]

    @classmethod
    def from_native(cls, record: dict[str, Any]) -> MapStats:
        """Return the statistics that a native map reports."""
        converted = {field.name: record[field.name] for field in fields(cls)}
        converted["probe_hist"] = tuple(record["probe_hist"])
        converted["decisions"] = tuple(map(Decision.from_native, record["decisions"]))
        return cls(**converted)

    def explain(self) -> str:
        """Return in a few lines of text why the map is where it is."""
        state = (
            f"{self.engine} map of {self.size:,} entries in layout {self.layout}: load factor"
            f" {self.load_factor:.2f}, {self.avg_probe_estimate:.2f} steps a look-up,"
            f" {self.bytes_per_entry:.1f} bytes an entry"
        )
        return "\n".join([state, *self._reasons()])

    def _reasons(self) -> list[str]:
        if self.engine != "adaptive":
            return [f"It stays there: {self.engine} has one layout."]
        moving = ["A move is under way."] if self.migrating else []
        if not self.decisions:
            return ["It has had no reason to move yet.", *moving]
        return [*(f"- {decision}" for decision in self.decisions), *moving]
