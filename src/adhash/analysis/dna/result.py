"""What a trace is like: the ``adhash.workload-dna.v1`` model."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from adhash.analysis.dna.result_base import Bucket as Bucket
from adhash.analysis.dna.result_base import Figures
from adhash.analysis.dna.result_changes import Phases, PopularityDecay
from adhash.analysis.dna.result_entries import Churn, NegativeLookups
from adhash.analysis.dna.result_risks import CollisionRisk
from adhash.presenters import Table, columns
from adhash.results import Result, ResultPart
from adhash.units import format_seconds

_SHOWN_HOT_KEYS, _SHOWN_KEY = 10, 48

SCHEMA: Literal["adhash.workload-dna.v1"] = "adhash.workload-dna.v1"


class Sampling(ResultPart):
    """Which keys were followed."""

    is_exact: bool = Field(description="Whether every key was followed to the end.")
    key_share: float = Field(description="The share of keys followed at the end; 1 for all.")
    tracked_keys: int = Field(description="How many keys were followed at the end.")
    exact_rows: int = Field(
        description="Rows from the beginning in which every key was followed; they are counted "
        "exactly in every sum."
    )


class OperationShare(ResultPart):
    """One type of operation."""

    count: int = Field(description="Rows.")
    share: float = Field(description="Their share of all rows.")


class OperationMix(ResultPart):
    """Operations by type; always exact."""

    get: OperationShare = Field(description="Gets.")
    put: OperationShare = Field(description="Puts.")
    del_: OperationShare = Field(alias="del", description="Deletions.")


class Outcomes(Figures):
    """What an empty map would answer, operation by operation."""

    hits: int = Field(description="Gets that find their key.")
    misses: int = Field(description="Gets that find none.")
    hit_share: float | None = Field(description="hits divided by gets; null without gets.")
    misses_never_put: int = Field(description="Misses on keys that were not put so far.")
    misses_deleted: int = Field(description="Misses on keys that were put, and deleted since.")
    inserts: int = Field(description="Puts of a key that is not in the map.")
    updates: int = Field(description="Puts of a key that is in the map.")
    deletes_found: int = Field(description="Deletions that find their key.")
    deletes_missed: int = Field(description="Deletions that find none.")
    peak_entries: int = Field(description="The most entries that the map holds.")
    final_entries: int = Field(description="Entries at the end.")


class Keys(Figures):
    """Distinct keys and how evenly rows are spread over them."""

    unique: int = Field(description="Distinct keys.")
    never_put: int = Field(description="Keys that occur and are never put.")
    once_only_share: float = Field(description="The share of keys that occur in a single row.")
    entropy_bits: float = Field(
        description="Shannon entropy of the key of a row drawn at random, in bits."
    )
    evenness: float | None = Field(
        description="entropy_bits divided by log2(unique): 1 if all keys are equally frequent; "
        "null for one key."
    )
    effective_keys: float = Field(
        description="2 to the power of entropy_bits: so many equally frequent keys would be as "
        "hard to guess."
    )


class Zipf(ResultPart):
    """The exponent of the nearest Zipf distribution, by maximum likelihood."""

    method: Literal["maximum-likelihood"] = Field(
        default="maximum-likelihood", description="How it was fitted."
    )
    exponent: float = Field(description="0 is uniform; 1 is Zipf's law.")
    standard_error: float = Field(
        description="Of the exponent, if the rows were drawn independently from such a "
        "distribution."
    )
    ks_distance: float = Field(
        description="How bad the fit is: the greatest difference between the share of rows up to "
        "a rank and the fit's (Kolmogorov-Smirnov). Above 0.1, the keys are not of this form."
    )
    ranks_fitted: int = Field(
        description="How many of the most frequent keys were fitted: those that occur at least 30 "
        "times (or 10, or at all, where these are too few)."
    )


class LogLog(ResultPart):
    """The slope of the log-log plot of count against rank, by least squares."""

    exponent: float = Field(description="The slope without its sign.")
    r_squared: float = Field(description="Of the straight line: 1 is a perfect fit.")


class Skew(Figures):
    """How much more frequent some keys are than others."""

    zipf: Zipf | None = Field(description="The fitted exponent; null for one key.")
    log_log: LogLog | None = Field(
        description="The slope over 200 ranks up to 20,000, evenly spaced in the logarithm; null "
        "for one key, or in a sample."
    )
    top_key_share: float = Field(description="The share of rows that go to the hottest key.")
    top_1pct_share: float = Field(
        description="The share of rows that go to the hottest 1 % of keys (at least one key)."
    )
    top_10pct_share: float = Field(description="The same for 10 %.")
    keys_for_half: int = Field(description="How many keys take half of the rows.")
    keys_for_90pct: int = Field(description="How many keys take 90 % of the rows.")


class HotKey(ResultPart):
    """One of the hottest keys."""

    key: int | str = Field(
        description="The key; of a string its first 200 characters, of bytes what is UTF-8 in "
        "them, the rest as \\xNN."
    )
    key_bytes: int = Field(description="Length of the whole key as text, in bytes.")
    count: int = Field(description="Rows with this key; from a sketch the least it can be.")
    count_error: int = Field(
        description="The true count is at least count, and at most count + count_error."
    )
    share: float = Field(description="count divided by all rows.")


class HotKeys(ResultPart):
    """The hottest keys, the hottest first."""

    is_exact: bool = Field(description="Whether they were counted; else they come from a sketch.")
    method: Literal["counted", "misra-gries"] = Field(
        description="misra-gries: a sketch of the most frequent keys, merged block by block."
    )
    error_bound: int = Field(
        description="A key that is not listed occurs at most so often, or as often as the last "
        "one listed; 0 where keys were counted."
    )
    keys: list[HotKey] = Field(description="As many as were asked for, or fewer.")


class Window(ResultPart):
    """A stretch of the trace."""

    first_row: int = Field(description="Its first row, from 0.")
    get: int = Field(description="Gets in it.")
    put: int = Field(description="Puts in it.")
    del_: int = Field(alias="del", description="Deletions in it.")
    distinct: int = Field(description="Distinct keys in it.")
    new: int = Field(description="Of these, keys that no row before the window has.")
    shared: int = Field(description="Of these, keys that the window before has too.")
    standard_error: float = Field(description="Of distinct; 0 where exact.")


class WorkingSet(Figures):
    """Distinct keys over time."""

    window_rows: int = Field(description="Rows of each window; the last may have fewer.")
    mean_distinct: float = Field(description="Distinct keys of a window, on average.")
    max_distinct: int = Field(description="The most of any window.")
    windows: list[Window] = Field(
        description="In order: 20 to 40 of them, or one a row of a shorter trace."
    )


class Distribution(Figures):
    """A distribution in buckets by powers of two."""

    first_accesses: int = Field(description="Rows that have no access to the same key before.")
    p50: int | None = Field(
        description="The median, rounded down to the next of 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, "
        "16, 20, ...: four steps to a doubling. Null where no key comes twice."
    )
    p90: int | None = Field(description="The 90th percentile, in the same way.")
    p99: int | None = Field(description="The 99th percentile, in the same way.")
    buckets: list[Bucket] = Field(description="Without empty ones at the ends.")


class MissRatioPoint(ResultPart):
    """What a cache of one size would miss."""

    entries: int = Field(description="Keys that the cache holds.")
    of_gets: float | None = Field(
        description="The share of gets whose key is not among the keys last touched; null without "
        "gets."
    )
    of_rows: float = Field(description="The same share of all rows.")
    standard_error: float = Field(description="Of of_rows; 0 where exact.")


class MissRatioCurve(Figures):
    """The miss ratio of an LRU cache that every operation touches, by its size."""

    points: list[MissRatioPoint] = Field(
        description="At 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, ... entries, up to one that holds all."
    )
    method: Literal["counted", "shards"] = Field(
        description="shards: from keys sampled by their hash, whose distances count for more."
    )
    mean_standard_error: float = Field(
        description="The standard error of of_rows, on average over the points; 0 where exact."
    )
    max_standard_error: float = Field(description="The greatest of any point.")


class Lengths(ResultPart):
    """Lengths in bytes, of the text that a trace in CSV has; always exact but for quantiles."""

    count: int = Field(description="How many were measured: all rows, or all puts for values.")
    mean: float = Field(description="On average; 0 where there are none.")
    min: int = Field(description="The least.")
    p50: int = Field(description="The median; above 1,023 rounded down to a quarter of an octave.")
    p90: int = Field(description="The 90th percentile, in the same way.")
    p99: int = Field(description="The 99th percentile, in the same way.")
    max: int = Field(description="The greatest.")
    buckets: list[Bucket] = Field(description="By powers of two, without empty ones at the ends.")


class IntegerKeys(Figures):
    """Order and density of integer keys. Steps are from each row to the next, always exact."""

    min: int = Field(description="The least key.")
    max: int = Field(description="The greatest key.")
    density: float = Field(
        description="Distinct keys divided by the integers from min to max: 1 if none is missing."
    )
    sequential_share: float = Field(description="The share of rows whose key is the last plus 1.")
    same_key_share: float = Field(description="The share of rows with the key of the row before.")
    descending_share: float = Field(description="The share of rows whose key is the last minus 1.")
    ascending_share: float = Field(
        description="The share of rows whose key is greater than the one before."
    )
    common_step: int = Field(
        description="The greatest number that divides all differences of keys: 16 for pointers "
        "aligned to 16 bytes; 0 for one key."
    )
    step_density: float = Field(
        description="Distinct keys divided by the multiples of common_step from min to max: what "
        "density would be, were keys divided by the step."
    )
    longest_run: int = Field(
        description="The most steps by plus 1 in a row, each from one row to the next."
    )
    run_share: float = Field(
        description="The share of rows that are such steps in runs of 8 and more."
    )


class WorkloadDnaResult(Result):
    """What a trace is like."""

    schema_: Literal["adhash.workload-dna.v1"] = Field(
        default=SCHEMA, alias="schema", description="The version of this format."
    )
    csv: str = Field(description='The trace as it was named; "-" is standard input.')
    trace_sha256: str | None = Field(description="SHA-256 of the file; null of a pipe cut short.")
    key_type: str = Field(description="The type of the keys.")
    value_type: str = Field(description="The type of the values.")
    rows: int = Field(description="Operations in the trace.")
    elapsed_s: float = Field(description="How long reading and analysing took, in seconds.")
    rows_per_second: float = Field(description="rows divided by elapsed_s.")
    sampling: Sampling = Field(description="Which keys were followed.")
    operations: OperationMix = Field(description="Operations by type.")
    outcomes: Outcomes = Field(description="What an empty map would answer.")
    churn: Churn = Field(description="Entries that go and come back.")
    negative_lookups: NegativeLookups = Field(description="Gets that find nothing.")
    keys: Keys = Field(description="Distinct keys.")
    skew: Skew = Field(description="How much more frequent some keys are than others.")
    hot_keys: HotKeys = Field(description="The hottest keys.")
    working_set: WorkingSet = Field(description="Distinct keys over time.")
    popularity_decay: PopularityDecay = Field(description="Whether keys stay popular.")
    phases: Phases = Field(description="Stretches that differ from one another.")
    reuse_distance: Distribution = Field(
        description="Distinct other keys touched since the last access to the same key (LRU stack "
        "distance)."
    )
    reuse_gap: Distribution = Field(
        description="Rows since the last access to the same key: 1 if it was the row before."
    )
    miss_ratio_curve: MissRatioCurve = Field(description="Misses of LRU caches by their size.")
    key_lengths: Lengths = Field(description="Lengths of the keys of all rows.")
    value_lengths: Lengths = Field(description="Lengths of the values of all puts.")
    integer_keys: IntegerKeys | None = Field(
        description="Order and density of integer keys; null for strings and bytes."
    )
    collision_risk: CollisionRisk = Field(
        description="How the keys lie in the table of each engine."
    )

    def _highlights(self) -> dict[str, str]:
        mix = self.operations
        shares = (("get", mix.get), ("put", mix.put), ("del", mix.del_))
        zipf = self.skew.zipf
        about = "" if self.sampling.is_exact else ", estimated from a sample of the keys"
        hit_share = self.outcomes.hit_share
        return {
            "trace": f"{self.csv}: {self.rows:,} operations, read in "
            f"{format_seconds(self.elapsed_s)}",
            "operations": ", ".join(f"{name} {each.share:.1%}" for name, each in shares),
            "keys": f"{self.keys.unique:,} ({self.key_type}){about}",
            "gets that hit": "no gets" if hit_share is None else f"{hit_share:.1%}",
            "Zipf exponent": "one key" if zipf is None else f"{zipf.exponent:.3f}",
            "hottest 1 % of keys": f"{self.skew.top_1pct_share:.1%} of the rows",
            "entries": f"{self.outcomes.final_entries:,} at the end, "
            f"{self.outcomes.peak_entries:,} at most",
            "key lengths": f"{self.key_lengths.mean:.1f} bytes on average, "
            f"{self.key_lengths.max:,} at most",
        }

    def _tables(self) -> tuple[Table, ...]:
        rows = tuple(
            (_shortened(str(each.key)), f"{each.count:,}", _percent(each.share))
            for each in self.hot_keys.keys[:_SHOWN_HOT_KEYS]
        )
        return (Table(columns=columns("hottest keys", "rows>", "share>"), rows=rows),)


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else f"{100 * share:.2g}%"


def _shortened(key: str) -> str:
    return key if len(key) <= _SHOWN_KEY else f"{key[:_SHOWN_KEY]}..."
