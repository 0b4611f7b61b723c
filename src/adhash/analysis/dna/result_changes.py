"""Parts of a result that are about time: how popularity fades, and phases."""

from __future__ import annotations

from pydantic import Field

from adhash.analysis.dna.result_base import Figures
from adhash.results import ResultPart


class DecayPoint(ResultPart):
    """The traffic of keys some time after they came up."""

    rows: int = Field(description="How long after the window in which a key came up first.")
    traffic: float = Field(
        description="The traffic of such keys then, divided by that in the window after the one "
        "in which they came up: 1 if they stay as popular as they were."
    )
    standard_error: float = Field(description="Of traffic; 0 where exact.")


class PopularityDecay(Figures):
    """Whether keys stay as popular as they were when they came up."""

    window_rows: int = Field(description="Rows of a window.")
    curve: list[DecayPoint] = Field(
        description="Of all keys that the trace shows for so long, by the window in which they "
        "came up; empty for a trace of fewer than four whole windows."
    )
    half_life_rows: int | None = Field(
        description="After so many rows their traffic has halved; null where it never does."
    )
    recurring_keys: int = Field(description="Keys that occur in more than one row.")
    span_p50: int | None = Field(
        description="The median of the rows from the first to the last row of such a key; null "
        "without any."
    )
    span_p90: int | None = Field(description="The 90th percentile of the same.")
    verdict: str = Field(description="The same in words.")


class PhaseBoundary(ResultPart):
    """A place where the character of the trace changes."""

    row: int = Field(description="The first row of the later phase, to within window_rows.")
    score: float = Field(
        description="How different the phases are on both sides: 0 not at all, 1 entirely."
    )
    strength: float = Field(
        description="How much of the difference between windows the boundary explains, as a "
        "multiple of what two neighbouring windows usually differ by."
    )
    mix_change: float = Field(
        description="The Hellinger distance of the shares of operations: 0 to 1."
    )
    working_set_ratio: float = Field(
        description="Distinct keys of a window after the boundary, divided by those before it."
    )
    popularity_change: float = Field(
        description="The Hellinger distance of the rows of 1,024 cells of keys, less what chance "
        "makes: 0 to 1."
    )
    what: str = Field(description="What changes, in words.")


class Phase(ResultPart):
    """A stretch between two boundaries."""

    first_row: int = Field(description="Its first row, from 0.")
    rows: int = Field(description="Its rows.")
    get_share: float = Field(description="The share of gets in them.")
    put_share: float = Field(description="The share of puts.")
    del_share: float = Field(description="The share of deletions.")
    miss_share: float | None = Field(
        description="The share of gets that find nothing; null without gets. Estimated where not "
        "all keys were followed."
    )
    distinct_per_window: int = Field(
        description="Distinct keys of a window on average (HyperLogLog, 3 % standard error each)."
    )


class Phases(ResultPart):
    """Stretches of the trace that differ in operations, working set or popular keys."""

    window_rows: int = Field(description="Rows of the windows that were compared.")
    boundaries: list[PhaseBoundary] = Field(description="In order; empty for a trace of one kind.")
    phases: list[Phase] = Field(description="In order, at least one.")
