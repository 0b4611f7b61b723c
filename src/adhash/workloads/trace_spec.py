"""What trace to generate: every number that a generated trace depends on, and their ranges."""

from __future__ import annotations

import dataclasses
import math
from typing import get_args

from adhash.errors import BadInputError
from adhash.units import UINT64_MAX
from adhash.workloads.churn import Lifetime
from adhash.workloads.expiry import Spread
from adhash.workloads.operation_mix import MAX_SCAN_ROWS, SHARE_NAMES
from adhash.workloads.phases import Phase

DISTRIBUTIONS = ("uniform", "zipf", "hotspot", "latest", "exponential", "sequential")
KEY_TYPES = ("int64", "uint64", "str")

MAX_KEYS = 1 << 48
_MAX_LENGTH = 4096
_DENSE_EXTRA = 1  # the letter in front of the digits
# The zeta of so few records makes the formula of YCSB divide by nothing.
_LEAST_YCSB_KEYS = 10
# Where keys are replaced, a table of them is kept: 2 GiB at most.
_MOST_REPLACED_KEYS = 1 << 28


@dataclasses.dataclass(frozen=True, kw_only=True)
class TraceSpec:
    """What trace to generate; the same specification gives the same trace.

    Parameters
    ----------
    rows : int
        Operations.
    keys : int
        The size of the key space; where keys are inserted, the size it begins with.
    distribution : {"uniform", "zipf", "hotspot", "latest", "exponential", "sequential"}
        How often each key is used; see `adhash.workloads.distributions`. "sequential" is a queue:
        puts bring the keys in order, deletes take the oldest, gets walk over those that are there.
    exponent : float
        Of the distributions "zipf" and "latest"; at least 0.
    hot_set, hot_ops : float
        Of "hotspot": the fraction of the keys that is hot, and of the requests that go there.
    exp_percentile, exp_frac : float
        Of "exponential": so many percent of the requests go to this fraction of the keys, the
        newest ones.
    get, put, delete : float
        The shares of the requests; any numbers, of which only the proportions count. Deletes
        take keys that were put before; where there is none yet, the row is a get.
    insert : float
        The share of puts that bring a new key.
    scan : float
        The share of scans: gets of a key and of those that follow it in the key space.
    rmw : float
        The share of read-modify-writes: a get and a put of the same key.
    replace : float
        The share of replacements: a del of a key that is there, and the put of a new one.
    lifetime : {"geometric", "fixed", "skewed"}
        Which keys are replaced, and so how long they live; see `adhash.workloads.churn`.
    ttl : int
        So many rows after it was put a key is deleted, on average; 0 for never. The rows that
        delete such keys are not counted in this time.
    ttl_spread : {"fixed", "uniform", "exponential"}
        How that time differs from put to put; see `adhash.workloads.expiry`.
    phases : tuple of Phase
        What changes at which row, in ascending order; rows that expire keys are not counted.
    move_every : int
        Each time so many rows have passed, the working set moves; 0 for never.
    move_by : float
        By which fraction of the keys.
    max_scan : int
        Scans are of 1 to so many keys, each length equally often.
    preload : int
        The first so many rows put the first so many keys, each once.
    ycsb_compat : bool
        Whether Zipf samples, and the names of keys, are those of YCSB.
    key_type : {"int64", "uint64", "str"}
        The type of the keys.
    key_bits : int
        Scattered integer keys lie in [0, 2**key_bits); 0 for as many as the type has.
    key_length : int
        Characters of a string key.
    value_length : int
        Characters of a value; 0 for integers in [0, 1,000,000).
    dense : bool
        Whether key k is the integer k (or that in digits) instead of being scattered.
    seed : int
        Of everything random; at least 0.

    Raises
    ------
    BadInputError
        Where a number is out of its range, or so many keys do not fit.
    """

    rows: int
    keys: int = 1_000_000
    distribution: str = "uniform"
    exponent: float = 0.99
    hot_set: float = 0.2
    hot_ops: float = 0.8
    exp_percentile: float = 95.0
    exp_frac: float = 0.8571428571
    get: float = 75.0
    put: float = 20.0
    delete: float = 5.0
    insert: float = 0.0
    scan: float = 0.0
    rmw: float = 0.0
    replace: float = 0.0
    max_scan: int = 100
    lifetime: Lifetime = "geometric"
    ttl: int = 0
    ttl_spread: Spread = "fixed"
    phases: tuple[Phase, ...] = ()
    move_every: int = 0
    move_by: float = 0.1
    preload: int = 0
    ycsb_compat: bool = False
    key_type: str = "int64"
    key_bits: int = 0
    key_length: int = 16
    value_length: int = 0
    dense: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        _require_one_of("distribution", self.distribution, DISTRIBUTIONS)
        _require_one_of("key_type", self.key_type, KEY_TYPES)
        _require("rows", self.rows, 1, 1 << 48)
        _require("keys", self.keys, 1, MAX_KEYS)
        _require("exponent", self.exponent, 0, 100)
        _require("hot_set", self.hot_set, 0, 1)
        _require("hot_ops", self.hot_ops, 0, 1)
        _require("exp_percentile", self.exp_percentile, 1e-6, 100 - 1e-6)
        _require("exp_frac", self.exp_frac, 1e-9, 1e9)
        _require_one_of("lifetime", self.lifetime, get_args(Lifetime))
        _require_one_of("ttl_spread", self.ttl_spread, get_args(Spread))
        _require("ttl", self.ttl, 0, 1 << 47)
        _require("move_every", self.move_every, 0, 1 << 48)
        _require("move_by", self.move_by, 0, 1)
        _require("max_scan", self.max_scan, 1, MAX_SCAN_ROWS)
        _require("preload", self.preload, 0, self.keys)
        _require("key_bits", self.key_bits, 0, 64 if self.key_type == "uint64" else 63)
        _require("key_length", self.key_length, 1, _MAX_LENGTH)
        _require("value_length", self.value_length, 0, _MAX_LENGTH)
        _require("seed", self.seed, 0, UINT64_MAX)
        for name in SHARE_NAMES:
            _require(name, getattr(self, name), 0, 1e9)
        if not sum(getattr(self, name) for name in SHARE_NAMES) > 0:
            raise BadInputError(
                "get, put, delete and the other shares are all 0", hint="give one of them a share"
            )
        self._require_what_fits_together()
        self._require_room_for_keys()

    def shares(self) -> tuple[float, ...]:
        """Return the fractions of the requests, in the order of `SHARE_NAMES`; they sum to 1."""
        given = [getattr(self, name) for name in SHARE_NAMES]
        total = sum(given)
        return tuple(share / total for share in given)

    def effective_key_bits(self) -> int:
        """Return the number of bits that scattered integer keys have."""
        return self.key_bits or (64 if self.key_type == "uint64" else 63)

    def most_keys(self) -> int:
        """Return how many keys the trace can have, inserted ones included."""
        grows = any(each.insert or each.replace for each in self.stages())
        return self.keys + (self.rows if grows else 0)

    def stages(self) -> list[TraceSpec]:
        """Return the specification without phases, and what each phase makes of it.

        Returns
        -------
        list of TraceSpec
            One more than there are phases.

        Raises
        ------
        BadInputError
            Where a phase is out of order, or gives something a number that it cannot have.
        """
        found = [dataclasses.replace(self, phases=())] if self.phases else [self]
        row = -1
        for phase in self.phases:
            if phase.row <= row:
                raise BadInputError(
                    f"the phase of row {phase.row} does not come after row {row}",
                    hint="give phases in the order of their rows",
                )
            row = phase.row
            found.append(dataclasses.replace(found[-1], **phase.changes))
        return found

    def expected_inserts(self) -> int:
        """Return how many keys are inserted, on average."""
        shares = dict(zip(SHARE_NAMES, self.shares(), strict=True))
        rows_of_scan = (1 + self.max_scan) / 2
        rows_of_request = (
            1 + shares["rmw"] + shares["replace"] + shares["scan"] * (rows_of_scan - 1)
        )
        return int(shares["insert"] * max(self.rows - self.preload, 0) / rows_of_request)

    def _require_what_fits_together(self) -> None:
        stages = self.stages()
        if any(each.distribution == "sequential" for each in stages):
            self._refuse_beside_a_queue(stages)
        if any(each.replace for each in stages):
            self._refuse_beside_replacing(stages)
        if self.ycsb_compat and self.keys < _LEAST_YCSB_KEYS:
            raise BadInputError(
                f"ycsb_compat needs at least {_LEAST_YCSB_KEYS} keys; got {self.keys}"
            )

    def _refuse_beside_a_queue(self, stages: list[TraceSpec]) -> None:
        if any(each.distribution != "sequential" for each in stages):
            raise BadInputError(
                "a phase changes the distribution from or to 'sequential'",
                hint="a queue stays one: its phases can change get, put and delete",
            )
        for name in ("insert", "scan", "rmw", "replace", "ycsb_compat", "ttl", "move_every"):
            if any(getattr(each, name) for each in stages):
                raise BadInputError(
                    f"{name} does not go with the distribution 'sequential'",
                    hint="a queue has get, put and delete only: choose another distribution",
                )
        if any(phase.move for phase in self.phases):
            raise BadInputError("move does not go with the distribution 'sequential'")

    def _refuse_beside_replacing(self, stages: list[TraceSpec]) -> None:
        _require("keys", self.keys, 1, _MOST_REPLACED_KEYS)
        for name in ("insert", "scan", "delete", "ttl"):
            if any(getattr(each, name) for each in stages):
                raise BadInputError(
                    f"{name} does not go with replace, which keeps the number of keys",
                    hint=f"give {name} 0, or leave replace out",
                )

    def _require_room_for_keys(self) -> None:
        keys = self.most_keys()
        if self.key_type != "str":
            name, given = "key_bits", self.effective_key_bits()
            room, needed = 1 << given, math.ceil(math.log2(keys)) or 1
        elif self.dense:
            name, given = "key_length", self.key_length
            room, needed = 10 ** (given - _DENSE_EXTRA), len(str(keys - 1)) + _DENSE_EXTRA
        else:
            name, given = "key_length", self.key_length
            room, needed = 32 ** min(given, 12), math.ceil(math.log(keys, 32)) or 1
        if room < keys:
            raise BadInputError(
                f"{keys} distinct keys do not fit into {name} = {given}",
                hint=f"make {name} at least {needed}",
            )


def _require_one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise BadInputError(f"{name} must be one of {', '.join(allowed)}; got {value!r}")


def _require(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise BadInputError(f"{name} must be in [{low}, {high}]; got {value}")
