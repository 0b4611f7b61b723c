"""Workloads by name: the settings of a trace that a name stands for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from adhash.errors import BadInputError
from adhash.workloads.operation_mix import SHARE_NAMES

_YCSB_RECORDS = 100_000
_NONE = dict.fromkeys(SHARE_NAMES, 0.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preset:
    """A workload that has a name.

    Parameters
    ----------
    name : str
        Of the workload.
    about : str
        What it does, in a line.
    settings : mapping of str to object
        Fields of `TraceSpec`.
    loads : bool
        Whether every key is put before the rest begins.
    """

    name: str
    about: str
    settings: Mapping[str, Any]
    loads: bool = True


def _ycsb(letter: str, about: str, *, distribution: str = "zipf", **shares: float) -> Preset:
    return Preset(
        name=f"ycsb-{letter}",
        about=about,
        settings={
            "keys": _YCSB_RECORDS,
            "distribution": distribution,
            "exponent": 0.99,
            **_NONE,
            **shares,
        },
    )


def _mixed(name: str, about: str, **settings: Any) -> Preset:
    mix = {**_NONE, "get": 95.0, "put": 5.0}
    return Preset(name=name, about=about, settings={"keys": _YCSB_RECORDS, **mix, **settings})


PRESETS = (
    _ycsb("a", "update heavy: 50 % get, 50 % put, Zipf 0.99", get=50.0, put=50.0),
    _ycsb("b", "read mostly: 95 % get, 5 % put, Zipf 0.99", get=95.0, put=5.0),
    _ycsb("c", "read only: gets, Zipf 0.99", get=100.0),
    _ycsb(
        "d",
        "read latest: 95 % get, mostly of new keys, 5 % put of a new key",
        distribution="latest",
        get=95.0,
        insert=5.0,
    ),
    _ycsb(
        "e",
        "short ranges: 95 % scans of 1 to 100 keys as that many gets, 5 % put of a new key",
        scan=95.0,
        insert=5.0,
    ),
    _ycsb(
        "f",
        "read-modify-write: 50 % get, 50 % get and put of the same key, Zipf 0.99",
        get=50.0,
        rmw=50.0,
    ),
    _mixed("uniform", "95 % get, 5 % put, every key equally often", distribution="uniform"),
    _mixed("zipf", "95 % get, 5 % put, Zipf 0.99, exact", distribution="zipf"),
    _mixed(
        "hotspot", "95 % get, 5 % put, 80 % of them on a fifth of the keys", distribution="hotspot"
    ),
    _mixed(
        "latest",
        "95 % get, mostly of new keys, 5 % put of a new key",
        distribution="latest",
        put=0.0,
        insert=5.0,
    ),
    _mixed(
        "exponential",
        "95 % get, 5 % put of a new key, exponentially fewer by the age of the key",
        distribution="exponential",
        put=0.0,
        insert=5.0,
    ),
    _mixed(
        "churn",
        "80 % get, 20 % del and put of a new key: the number of keys stays, Zipf 0.99",
        distribution="zipf",
        get=80.0,
        put=0.0,
        replace=20.0,
    ),
    Preset(
        name="expiry",
        about="70 % get, 30 % put, Zipf 0.99; keys are deleted 100,000 rows after their last put",
        settings={
            **_NONE,
            "keys": _YCSB_RECORDS,
            "distribution": "zipf",
            "get": 70.0,
            "put": 30.0,
            "ttl": 100_000,
        },
        loads=False,
    ),
    _mixed(
        "moving",
        "95 % get, 5 % put, Zipf 0.99; after each 100,000 rows a tenth of the keys further on",
        distribution="zipf",
        move_every=100_000,
        move_by=0.1,
    ),
    Preset(
        name="queue",
        about="40 % get, 30 % put of new keys, 30 % del of the oldest, 5,000 keys at the beginning",
        settings={
            **_NONE,
            "keys": 1_000_000,
            "preload": 5_000,
            "distribution": "sequential",
            "get": 40.0,
            "put": 30.0,
            "delete": 30.0,
        },
        loads=False,
    ),
)


def preset(name: str) -> Preset:
    """Return the workload of that name.

    Parameters
    ----------
    name : str
        Such as ``"ycsb-a"``.

    Returns
    -------
    Preset
        Of `PRESETS`.

    Raises
    ------
    BadInputError
        If there is none.
    """
    for each in PRESETS:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in PRESETS)
    raise BadInputError(f"there is no workload {name!r}", hint=f"the workloads are {names}")
