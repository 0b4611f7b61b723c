"""What parts of a result have in common: figures that may be estimates, and buckets."""

from __future__ import annotations

from pydantic import Field

from adhash.results import ResultPart


class Figures(ResultPart):
    """Figures that may be estimates."""

    is_exact: bool = Field(
        description="Whether every key was followed; else the figures of this part are estimates."
    )
    standard_errors: dict[str, float | None] = Field(
        default_factory=dict,
        description="Of estimates: the standard error of each figure by its name, in its unit; "
        "null where the sample is too small to tell. Empty where figures are exact.",
    )


class Bucket(ResultPart):
    """A bucket of a distribution."""

    from_: int = Field(alias="from", description="The least number that falls into it.")
    below: int = Field(description="The least number above it.")
    count: int = Field(description="How many fall into it.")
    share: float = Field(description="The same, divided by the sum of all buckets.")
