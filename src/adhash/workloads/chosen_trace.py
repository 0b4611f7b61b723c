"""From the options of ``adhash generate-csv`` to the trace they describe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adhash.errors import BadInputError
from adhash.options.generate_csv import GenerateCsvOptions
from adhash.workloads.key_spaces import KeySpace
from adhash.workloads.phases import read_phase
from adhash.workloads.trace_presets import preset
from adhash.workloads.trace_spec import TraceSpec

_DEFAULT_ROWS = 1_000_000
_DEFAULT_COLLIDING_KEYS = 10_000
# Options of the same name as the field of `TraceSpec` that they are.
_SAME = (
    "rows",
    "keys",
    "preload",
    "distribution",
    "exponent",
    "hot_set",
    "hot_ops",
    "exp_percentile",
    "exp_frac",
    "get",
    "put",
    "delete",
    "insert",
    "scan",
    "rmw",
    "replace",
    "max_scan",
    "lifetime",
    "ttl",
    "ttl_spread",
    "move_every",
    "move_by",
    "ycsb_compat",
    "key_type",
    "key_bits",
    "key_length",
    "value_length",
    "dense",
    "seed",
)
_NOT_OF_YCSB = ("key_bits", "key_length", "adversarial")


@dataclass(frozen=True, kw_only=True)
class ChosenTrace:
    """A trace to generate, and its keys where they are not those that `spec` describes."""

    spec: TraceSpec
    key_space: KeySpace | None = None


def chosen_trace(options: GenerateCsvOptions) -> ChosenTrace:
    """Return the trace that options describe.

    Parameters
    ----------
    options : GenerateCsvOptions
        As they were given.

    Returns
    -------
    ChosenTrace
        To be generated.

    Raises
    ------
    BadInputError
        If options exclude each other, or a number is out of its range.
    """
    given = options.model_dump(exclude_none=True)
    _refuse_beside_ycsb_keys(given)
    if "adversarial" in given:
        return _colliding(given)
    if "count" in given or "hash_seed" in given:
        name = "count" if "count" in given else "hash_seed"
        raise BadInputError(f"{name} needs adversarial", hint="use --keys or --rows")
    settings = {**_named_settings(given), **_own_settings(given)}
    loaded = settings.get("preload", 0)
    settings.setdefault("rows", _DEFAULT_ROWS + loaded)
    if loaded >= settings["rows"] and "preload" not in given and "workload" in given:
        raise BadInputError(
            f"rows = {settings['rows']} are all taken by the load of {loaded} keys",
            hint="give more --rows or fewer --keys; --preload says how many keys to load",
        )
    return ChosenTrace(spec=TraceSpec(**settings))


def _refuse_beside_ycsb_keys(given: dict[str, Any]) -> None:
    for name in _NOT_OF_YCSB:
        if given.get("ycsb_compat") and name in given:
            raise BadInputError(
                f"{name} does not go with ycsb_compat, which names the keys itself",
                hint=f"leave out --{name.replace('_', '-')} or --ycsb-compat",
            )


def _named_settings(given: dict[str, Any]) -> dict[str, Any]:
    """Return what the name of a workload sets."""
    if "workload" not in given:
        return {}
    named = preset(given["workload"])
    settings = dict(named.settings)
    if named.loads:
        settings["preload"] = given.get("keys", settings["keys"])
    return settings


def _own_settings(given: dict[str, Any]) -> dict[str, Any]:
    """Return what is set one by one."""
    settings = {name: given[name] for name in _SAME if name in given}
    if given["phase"]:
        settings["phases"] = tuple(read_phase(each) for each in given["phase"])
    return settings


def _colliding(given: dict[str, Any]) -> ChosenTrace:
    from adhash.workloads.adversarial import colliding_key_space

    if "keys" in given:
        raise BadInputError("adversarial chooses the keys itself", hint="use --count, not --keys")
    count = given.get("count", _DEFAULT_COLLIDING_KEYS)
    settings = {**_named_settings(given), "preload": count, "rows": 2 * count}
    spec = TraceSpec(**{**settings, **_own_settings(given), "keys": count})
    if spec.most_keys() > count:
        raise BadInputError(
            "insert and replace do not go with adversarial: new keys would have to collide as well",
            hint="use --put, which takes keys that collide",
        )
    keys = colliding_key_space(
        given["adversarial"],
        hash_seed=given.get("hash_seed", 0),
        count=count,
        key_type=spec.key_type,
    )
    return ChosenTrace(spec=spec, key_space=keys)
