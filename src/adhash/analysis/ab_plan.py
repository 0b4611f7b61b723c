"""What a comparison was asked for, checked before the first run."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from adhash.analysis.ab_builds import Interpreter
from adhash.analysis.ab_family import FamilyRule
from adhash.analysis.ab_result import Label
from adhash.analysis.ab_sides import Side, resolve_sides
from adhash.analysis.paired_statistics import Look, plan_looks
from adhash.errors import BadInputError
from adhash.options.ab_compare import AbCompareOptions

SEED_BITS = 53  # these survive readers of JSON that know only floating-point numbers
_STDIN = "-"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything a comparison was asked for, checked."""

    options: AbCompareOptions
    csv: str
    a: Side
    b: Side
    seed: int
    looks: list[Look]
    rule: FamilyRule


def plan_comparison(
    options: AbCompareOptions,
    *,
    environ: Mapping[str, str],
    interpreters: Mapping[Label, Interpreter],
) -> Comparison:
    """Return the plan of a comparison.

    Parameters
    ----------
    options : AbCompareOptions
        What was asked for.
    environ : mapping
        The environment, for settings.
    interpreters : mapping
        What runs each side.

    Returns
    -------
    Comparison
        Checked as far as it can be without running.

    Raises
    ------
    BadInputError
        If a setting, a mode or the trace is wrong.
    """
    a, b = resolve_sides(options, environ=environ, interpreters=interpreters)
    seed = secrets.randbits(SEED_BITS) if options.seed is None else options.seed
    chance, metrics = 1.0 - options.confidence, options.metric
    # The first of several metrics must be decided at its share: looks too early for that are none.
    looks = plan_looks(
        min_pairs=options.min_pairs,
        max_pairs=options.max_pairs,
        chance=chance,
        tests=len(metrics),
    )
    rule = FamilyRule(metrics=metrics, min_effect=options.min_effect)
    return Comparison(
        options=options, csv=_trace(options), a=a, b=b, seed=seed, looks=looks, rule=rule
    )


def _trace(options: AbCompareOptions) -> str:
    if options.sample is not None:
        from adhash.workloads.samples import sample_path

        return str(sample_path(options.sample))
    if options.csv is None or options.csv == _STDIN:
        raise BadInputError(
            "standard input can be read once, and a comparison reads its trace many times",
            hint="save the trace to a file",
        )
    return options.csv
