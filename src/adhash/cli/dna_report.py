"""Workload DNA as text: sections of aligned lines, with bars for distributions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from adhash.cli.dna_changes import collisions, decay, phases
from adhash.cli.dna_layout import bar, percent, table_lines
from adhash.presenters import NOTHING, counted, printable
from adhash.units import format_count

if TYPE_CHECKING:
    from adhash.analysis.dna.result import (
        Distribution,
        Lengths,
        MissRatioCurve,
        WorkloadDnaResult,
    )
    from adhash.analysis.dna.result_base import Bucket
    from adhash.analysis.dna.result_entries import Lifetimes

_SHOWN_HOT_KEYS = 10
_SHOWN_KEY = 48
_SHOWN_WINDOWS = 20
_INDENT = "  "

Facts = Iterable[tuple[str, str]]


def report(dna: WorkloadDnaResult) -> str:
    """Return workload DNA as text for a person.

    Parameters
    ----------
    dna : WorkloadDnaResult
        Of a trace.

    Returns
    -------
    str
        Lines; estimates are marked by a tilde and followed by their standard error.
    """
    sections = (
        ("", _overview(dna)),
        ("what a map would answer", _aligned(_answers(dna))),
        ("keys", _aligned(_keys(dna))),
        ("hottest keys", _hot_keys(dna)),
        ("distinct keys over time", _working_set(dna)),
        ("phases", phases(dna)),
        ("traffic of keys after they came up", decay(dna)),
        ("reuse distance: other keys since the last access to a key", _reuse(dna.reuse_distance)),
        ("misses of an LRU cache by its entries", _miss_ratios(dna.miss_ratio_curve)),
        ("lengths in bytes", _lengths(dna)),
        ("probes in each engine, and by chance", collisions(dna)),
    )
    return "\n".join(_laid_out(sections))


def _laid_out(sections: Iterable[tuple[str, Iterable[str]]]) -> Iterator[str]:
    for title, lines in sections:
        if title:
            yield ""
            yield title
        yield from (f"{_INDENT}{line}" if title else line for line in lines)


def _aligned(facts: Facts) -> Iterator[str]:
    rows = list(facts)
    width = max(len(label) for label, _ in rows)
    return (f"{label.ljust(width)}  {text}" for label, text in rows)


def _overview(dna: WorkloadDnaResult) -> Iterator[str]:
    noun = "key" if dna.keys.unique == 1 else "keys"
    yield (
        f"{printable(dna.csv)}: {counted(dna.rows, 'operation')} on "
        f"{_amount(dna.keys.unique, dna, 'keys', 'unique')} {noun} ({dna.key_type})"
    )
    mix = dna.operations
    parts = (("get", mix.get), ("put", mix.put), ("del", mix.del_))
    yield "   ".join(f"{name} {percent(part.share)}" for name, part in parts)
    sampling = dna.sampling
    if not sampling.is_exact:
        yield (
            f"one key in {round(1 / sampling.key_share):,} was followed after row "
            f"{sampling.exact_rows:,}: figures with ~ are estimates, +- one standard error"
        )


def _amount(count: float, dna: WorkloadDnaResult, part: str, name: str) -> str:
    """Return a number of a part of the result, with its error if it is an estimate."""
    figures = getattr(dna, part)
    if figures.is_exact:
        return f"{count:,.0f}"
    error = figures.standard_errors.get(name)
    return f"~{count:,.0f}" + ("" if error is None else f" +- {error:,.0f}")


def _answers(dna: WorkloadDnaResult) -> Facts:
    found, churn = dna.outcomes, dna.churn
    if dna.operations.get.count:
        yield (
            "hits",
            f"{_amount(found.hits, dna, 'outcomes', 'hits')} ({percent(found.hit_share)})",
        )
        yield (
            "misses",
            _amount(found.misses, dna, "outcomes", "misses"),
        )
        yield from _misses(dna)
    if dna.operations.put.count:
        yield "inserts", _amount(found.inserts, dna, "outcomes", "inserts")
        yield "updates", _amount(found.updates, dna, "outcomes", "updates")
    if dna.operations.del_.count:
        yield (
            "deletions",
            f"{_amount(found.deletes_found, dna, 'outcomes', 'deletes_found')} found, "
            f"{found.deletes_missed:,} not",
        )
        yield (
            "churn",
            f"{_amount(churn.reinserts, dna, 'churn', 'reinserts')} inserts again after a deletion "
            f"({percent(churn.reinsert_share)}); the map is replaced "
            f"{NOTHING if churn.turnover is None else f'{churn.turnover:.1f}'} times",
        )
    if churn.lifetimes.p50 is not None:
        names = ("p50", "p90")
        yield (
            "lifetimes",
            f"{_quantiles(churn.lifetimes, names, ', ', is_exact=churn.is_exact)} rows to "
            f"deletion; {percent(churn.unread_share)} deleted without having been read",
        )
    yield "entries", f"{found.final_entries:,} at the end, {found.peak_entries:,} at most"


def _misses(dna: WorkloadDnaResult) -> Facts:
    negative = dna.negative_lookups
    if not negative.count:
        return
    mark = "" if negative.is_exact else "~"
    yield (
        "of these",
        f"{mark}{negative.put_later:,} on keys put later, {mark}{negative.never_put:,} on "
        f"{counted(negative.never_put_keys, 'key', mark)} never put, "
        f"{mark}{negative.deleted:,} on deleted keys",
    )
    yield "so", negative.verdict


def _keys(dna: WorkloadDnaResult) -> Facts:
    keys, skew = dna.keys, dna.skew
    mark = "" if keys.is_exact else "~"
    if skew.zipf is not None:
        fit = "fits" if skew.zipf.ks_distance <= 0.1 else "does not fit well"
        yield (
            "skew",
            f"Zipf exponent {mark}{skew.zipf.exponent:.3f} over {skew.zipf.ranks_fitted:,} ranks "
            f"({fit}: KS distance {skew.zipf.ks_distance:.3f})",
        )
    yield (
        "shares",
        f"hottest key {mark}{percent(skew.top_key_share)}, "
        f"hottest 1 % of keys {mark}{percent(skew.top_1pct_share)}, "
        f"hottest 10 % {mark}{percent(skew.top_10pct_share)}",
    )
    yield (
        "half of rows",
        f"{counted(skew.keys_for_half, 'key', mark)}; "
        f"90 % of rows: {counted(skew.keys_for_90pct, 'key', mark)}",
    )
    evenness = "" if keys.evenness is None else f" ({100 * keys.evenness:.0f} % of even)"
    yield (
        "entropy",
        f"{mark}{keys.entropy_bits:.2f} bits{evenness}, "
        f"as of {counted(keys.effective_keys, 'equally frequent key', mark)}",
    )
    yield "in one row", f"{mark}{percent(keys.once_only_share)} of keys"
    if keys.never_put:
        noun = "key" if keys.never_put == 1 else "keys"
        yield "never put", f"{_amount(keys.never_put, dna, 'keys', 'never_put')} {noun}"
    yield from _integers(dna)


def _integers(dna: WorkloadDnaResult) -> Facts:
    keys = dna.integer_keys
    if keys is None:
        return
    yield "range", f"{keys.min} to {keys.max}, {percent(keys.density)} of it in use"
    yield (
        "order",
        f"the last key plus 1 in {percent(keys.sequential_share)} of rows, the same key in "
        f"{percent(keys.same_key_share)}, a greater one in {percent(keys.ascending_share)}",
    )
    if keys.longest_run > 1:
        yield (
            "runs",
            f"{percent(keys.run_share)} of rows are steps by plus 1 in runs of 8 and more; the "
            f"longest has {keys.longest_run:,}",
        )
    if keys.common_step > 1:
        yield (
            "steps",
            f"all keys differ by multiples of {keys.common_step:,}, of which "
            f"{percent(keys.step_density)} are in use",
        )


def _hot_keys(dna: WorkloadDnaResult) -> Iterator[str]:
    hot = dna.hot_keys
    if not hot.keys:
        yield NOTHING
        return
    shown = hot.keys[:_SHOWN_HOT_KEYS]
    counts = [f"{key.count:,}" + (f" to {key.count + key.count_error:,}" if key.count_error else "")
              for key in shown]  # fmt: skip
    rows = tuple(
        (_shortened(str(key.key)), count, percent(key.share))
        for key, count in zip(shown, counts, strict=True)
    )
    yield from table_lines(("key", "rows>", "share>"), rows)
    if len(hot.keys) > len(shown):
        yield f"and {len(hot.keys) - len(shown):,} more with --json"


def _shortened(key: str) -> str:
    # A key may hold anything, also what moves the cursor.
    plain = "".join(each if each.isprintable() else "?" for each in key)
    return plain if len(plain) <= _SHOWN_KEY else f"{plain[: _SHOWN_KEY - 3]}..."


def _working_set(dna: WorkloadDnaResult) -> Iterator[str]:
    windows = dna.working_set.windows
    step = -(-len(windows) // _SHOWN_WINDOWS)
    most = max(window.distinct for window in windows)
    mark = "" if dna.working_set.is_exact else "~"
    rows = [
        (
            f"row {window.first_row:,}",
            f"{mark}{window.distinct:,}",
            f"{mark}{window.new:,}",
            bar(window.distinct, most),
        )
        for window in windows[::step]
    ]
    every = "" if step == 1 else f", every {step}nd of them" if step == 2 else ""
    yield f"windows of {counted(dna.working_set.window_rows, 'row')}{every}"
    yield from table_lines(("from", "distinct>", "new>", ""), rows)


def _reuse(distances: Distribution) -> Iterator[str]:
    mark = "" if distances.is_exact else "~"
    if not distances.buckets:
        yield "no key comes twice"
        return
    names = ("p50", "p90", "p99")
    yield _quantiles(distances, names, "   ", is_exact=distances.is_exact)
    yield from _bars(distances.buckets, mark)


def _quantiles(
    found: Distribution | Lifetimes, names: Sequence[str], between: str, *, is_exact: bool
) -> str:
    """Return quantiles, each as the span that it is known to lie in, if it is no estimate."""
    values = [(name, getattr(found, name)) for name in names]
    shown = _quarter if is_exact else "~{:,}".format
    return between.join(f"{name} {shown(value)}" for name, value in values if value is not None)


def _quarter(least: int, exact_below: int = 8) -> str:
    """Return the numbers that are rounded down to this one: a quarter of an octave."""
    if least < exact_below:
        return f"{least:,}"
    return f"{least:,}-{least + (1 << (least.bit_length() - 3)) - 1:,}"


def _bars(buckets: Sequence[Bucket], mark: str) -> Iterator[str]:
    most = max(bucket.share for bucket in buckets)
    rows = [
        (_span(bucket), f"{mark}{percent(bucket.share)}", bar(bucket.share, most))
        for bucket in buckets
    ]
    yield from table_lines((">", "share>", ""), rows)


def _span(bucket: Bucket) -> str:
    last = bucket.below - 1
    return f"{bucket.from_:,}" if last == bucket.from_ else f"{bucket.from_:,}-{last:,}"


def _miss_ratios(curve: MissRatioCurve) -> Iterator[str]:
    mark = "" if curve.is_exact else "~"
    doublings = [p for p in curve.points if p.entries & (p.entries - 1) == 0]
    shown = doublings if curve.points[-1] in doublings else [*doublings, curve.points[-1]]
    rows = [
        (
            f"{point.entries:,}",
            f"{mark}{percent(point.of_rows)}",
            NOTHING if point.of_gets is None else f"{mark}{percent(point.of_gets)}",
            bar(point.of_rows, 1),
        )
        for point in shown
    ]
    yield from table_lines(("entries>", "of rows>", "of gets>", ""), rows)
    if not curve.is_exact:
        yield (
            "from a sample (SHARDS): standard error of the share of rows "
            f"{curve.mean_standard_error:.4f} on average, {curve.max_standard_error:.4f} at most"
        )


def _lengths(dna: WorkloadDnaResult) -> Iterator[str]:
    rows = [("keys", dna.key_lengths), ("values", dna.value_lengths)]
    headings = ("", "mean>", "min>", "p50>", "p90>", "p99>", "max>")
    yield from table_lines(
        headings, [(name, *_length_cells(each)) for name, each in rows if each.count]
    )


def _length_cells(lengths: Lengths) -> tuple[str, ...]:
    quantiles = (lengths.p50, lengths.p90, lengths.p99)
    return (
        f"{lengths.mean:,.1f}",
        f"{lengths.min:,}",
        *(_quarter(each, exact_below=1024) for each in quantiles),
        f"{lengths.max:,}",
    )


def speed(dna: WorkloadDnaResult) -> str:
    """Return how fast the trace was read, in a line."""
    return f"read in {dna.elapsed_s:.2f} s ({format_count(dna.rows_per_second)} rows/s)"
