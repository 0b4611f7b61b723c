"""Typed hash maps on native engines, with the interface of a dict and batches over arrays."""

from adhash.maps.engines import colliding_keys, engines
from adhash.maps.errors import BatchLengthError, KeyRangeError, MapChangedError, ValueRangeError
from adhash.maps.invariants import Invariant
from adhash.maps.lookup import Lookup
from adhash.maps.map import Map
from adhash.maps.probe_trace import Landing, ProbedTable, ProbeStep, ProbeTrace, SlotSeen
from adhash.maps.stats import Decision, MapStats

__all__ = [
    "BatchLengthError",
    "Decision",
    "Invariant",
    "KeyRangeError",
    "Landing",
    "Lookup",
    "Map",
    "MapChangedError",
    "MapStats",
    "ProbeStep",
    "ProbeTrace",
    "ProbedTable",
    "SlotSeen",
    "ValueRangeError",
    "colliding_keys",
    "engines",
]
