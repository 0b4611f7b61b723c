"""Comparisons and self-tests as rows and lines of text, from their JSON; no framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adhash.presenters import NOTHING, Table, columns, or_dash
from adhash.units import format_bytes, format_count, format_ns, format_seconds

_VERDICTS = ("better", "worse", "same", "inconclusive")
# How a metric is written, by the unit that its name ends in.
_METRIC_FORMS = {"ns": format_ns, "s": format_seconds, "bytes": format_bytes}


def ab_compare_table(result: Mapping[str, Any]) -> Table:
    """Return a row for every metric of a comparison.

    Parameters
    ----------
    result : mapping
        A comparison as JSON, schema ``adhash.ab-compare.v1``.

    Returns
    -------
    Table
        The medians of both sides, their ratio and its interval; the metrics that decide are marked,
        and have the p-value that is corrected for their number.
    """
    rows = tuple(map(_metric_row, result["metrics"]))
    return Table(columns=columns("metric", "a>", "b>", "b / a>", "interval>", "p>", ""), rows=rows)


def _metric_row(metric: Mapping[str, Any]) -> tuple[str, ...]:
    name = metric["metric"]
    form = _METRIC_FORMS.get(name.rpartition("_")[2], format_count)
    low, high = metric["interval"] or (None, None)
    p_value = metric["corrected_p_value"] if metric["decides"] else metric["p_value"]
    return (
        f"{name} *" if metric["decides"] else name,
        form(metric["a"]),
        form(metric["b"]),
        or_dash(metric["ratio"], lambda ratio: f"{ratio:.3f}x"),
        NOTHING if low is None else f"{low:.3f} to {high:.3f}",
        or_dash(p_value, lambda p: f"{p:.2g}"),
        metric["verdict"] or "",
    )


def ab_compare_notes(result: Mapping[str, Any]) -> list[str]:
    """Return the verdict of a comparison and what it rests on, a line each.

    Parameters
    ----------
    result : mapping
        A comparison as JSON, schema ``adhash.ab-compare.v1``.

    Returns
    -------
    list of str
        The last line is the verdict.
    """
    lines = [f"{len(result['pairs'])} pairs of runs, {_setting(result)}; * decides"]
    lines += [_build_note(side, result[side]) for side in "ab" if result[side]["python_program"]]
    if result["noise"]["noisy_runs"]:
        lines.append(_noise_note(result["noise"]))
    return [*lines, f"b is {result['verdict']}: {result['reason']}"]


def _setting(result: Mapping[str, Any]) -> str:
    core, replays = result["core"], result["replays"]
    each = "a replay each" if replays == 1 else f"the median of {replays} replays each"
    return f"{each}, {'not bound to a core' if core is None else f'bound to core {core}'}"


def _build_note(label: str, side: Mapping[str, Any]) -> str:
    build = side["build"]
    return (
        f"{label} is adhash {build['version']} of {side['python_program']} "
        f"(Python {build['python']})"
    )


def _noise_note(noise: Mapping[str, Any]) -> str:
    reasons = "; ".join(noise["reasons"])
    return f"the machine disturbed {noise['noisy_runs']} of {noise['runs']} runs: {reasons}"


# --- the self-test -----------------------------------------------------------------------------


def self_test_table(result: Mapping[str, Any]) -> Table:
    """Return a row for every way in which a self-test repeated its comparisons.

    Parameters
    ----------
    result : mapping
        A self-test as JSON, schema ``adhash.ab-self-test.v1``.

    Returns
    -------
    Table
        How many comparisons there were, and what they found.
    """
    rows = tuple(
        _outcomes_row(result[sides], way)
        for sides in ("equal", "slowed")
        for way in ("in_a_row", "resampled")
    )
    verdicts = (f"{verdict}>" for verdict in _VERDICTS)
    return Table(columns=columns("sides", "pairs>", "made", "times>", *verdicts), rows=rows)


def _outcomes_row(tested: Mapping[str, Any], way: str) -> tuple[str, ...]:
    outcomes = tested[way]
    times = outcomes["comparisons"]
    shares = (f"{100 * outcomes[each] / times:.1f} %" if times else NOTHING for each in _VERDICTS)
    return (tested["sides"], str(tested["pairs"]), way.replace("_", " "), f"{times:,}", *shares)


def _times_longer(result: Mapping[str, Any]) -> float:
    ratio: float = result["slowed"]["ratio"]
    return 1 / ratio if result["metrics"][0] == "ops_per_second" else ratio


def self_test_notes(result: Mapping[str, Any]) -> list[str]:
    """Return what a self-test found, a line each.

    Parameters
    ----------
    result : mapping
        A self-test as JSON, schema ``adhash.ab-self-test.v1``.

    Returns
    -------
    list of str
        The last line is whether the procedure held what it promises on this machine.
    """
    equal, slowed = result["equal"], result["slowed"]
    lines = [
        f"{equal['pairs']} pairs of equal sides and {slowed['pairs']} of a slowed one, "
        f"{_setting(result)}, in {format_seconds(result['elapsed_s'])}",
        f"a pair of equal sides spreads by {100 * equal['spread']:.2g} %, and follows the one "
        f"before it with a correlation of {equal['correlation']:+.2f}",
        f"the slowed side took {100 * (_times_longer(result) - 1):.1f} % longer "
        f"(it was made to take {100 * result['slowdown']:.3g} %)",
    ]
    if result["noise"]["noisy_runs"]:
        lines.append(_noise_note(result["noise"]))
    return [*lines, f"{result['verdict']}: {result['reason']}"]
