"""Parts of a result that are about entries: how long they live, and look-ups that find none."""

from __future__ import annotations

from pydantic import Field

from adhash.analysis.dna.result_base import Bucket, Figures
from adhash.results import ResultPart


class Lifetimes(ResultPart):
    """Rows from the insertion of an entry to its deletion."""

    count: int = Field(description="Entries that were deleted.")
    p50: int | None = Field(
        description="The median, rounded down to a quarter of an octave; null without deletions."
    )
    p90: int | None = Field(description="The 90th percentile, in the same way.")
    p99: int | None = Field(description="The 99th percentile, in the same way.")
    buckets: list[Bucket] = Field(description="By powers of two, without empty ones at the ends.")


class Churn(Figures):
    """Entries that go and come back."""

    reinserts: int = Field(description="Inserts of a key that had been deleted before.")
    reinsert_share: float | None = Field(
        description="reinserts divided by inserts; null without inserts."
    )
    turnover: float | None = Field(
        description="Deletions that find their key, divided by the most entries held: how often "
        "the map is replaced as a whole; null where it is never filled."
    )
    lifetimes: Lifetimes = Field(description="How long entries live that are deleted.")
    unread_share: float | None = Field(
        description="The share of deleted entries that no get had found since they were inserted; "
        "null without deletions."
    )


class NegativeLookups(Figures):
    """Gets that find nothing."""

    count: int = Field(description="Such gets.")
    share: float | None = Field(description="count divided by gets; null without gets.")
    never_put: int = Field(description="Of these, on keys that no row of the trace puts.")
    put_later: int = Field(description="On keys that are put for the first time later on.")
    deleted: int = Field(description="On keys that had been put and deleted.")
    never_put_keys: int = Field(description="Keys that are asked for and never put.")
    gets_per_key: float | None = Field(
        description="never_put divided by never_put_keys: how often a key is asked for in vain "
        "that will never be there; null where there is none."
    )
    verdict: str = Field(description="What that means for a map, in words.")
