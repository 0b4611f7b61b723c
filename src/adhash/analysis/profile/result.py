"""The result of a profile: the ``adhash.profile.v1`` model."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from adhash.presenters import Table, candidates_table
from adhash.replay.manifest import Manifest
from adhash.results import Result, ResultPart


class Candidate(ResultPart):
    """What was measured of one mode, and what that means for the whole trace."""

    mode: str = Field(description="The mode.")
    engine: str = Field(description="The engine it stands for.")
    measured_s: float | None = Field(
        description="Seconds that the sampled operations took in the map: the median of the laps; "
        "null where it was not raced, as spread, ops_per_second and memory_bytes."
    )
    spread: tuple[float, float] | None = Field(
        description="The shortest and the longest lap, in s."
    )
    laps: int = Field(
        description="How often it ran: hopeless candidates leave the race early, and behind a "
        "forecast only finalists are raced."
    )
    ops_per_second: float | None = Field(description="Sampled operations by `measured_s`.")
    memory_bytes: int | None = Field(description="Of its table behind the last piece.")
    forecast_s: float | None = Field(
        default=None,
        description="Seconds in the map for the whole trace by the cost model alone; null where "
        "there was none.",
    )
    predicted_s: float = Field(
        description="Seconds in the map for the whole trace, on this machine, by all that is known."
    )
    predicted_memory_bytes: int = Field(description="Of its table at the end of the whole trace.")
    regret: float = Field(description="`predicted_s` divided by the smallest of all candidates.")


class Reserve(ResultPart):
    """What making room for all entries before the first operation would save."""

    entries: int = Field(description="How many, for `adhash.Map.reserve`.")
    saves_s: float = Field(description="Seconds of `predicted_s` of the recommended mode.")


class Sampled(ResultPart):
    """What of the trace was looked at."""

    rows: int = Field(description="Rows that were looked at, and raced if anything was.")
    pieces: int = Field(description="Places of the trace that they came from.")
    total_rows: int = Field(description="Rows of the trace.")
    total_bytes: int = Field(description="Bytes of the trace, unpacked where it had to be.")
    is_whole: bool = Field(description="Whether the sample is the whole trace.")
    is_exact: bool = Field(description="Whether `total_rows` was counted, not estimated.")
    restored_keys: int = Field(
        description="Keys that were put before a piece, because they must have been there."
    )


class Character(ResultPart):
    """The trace in short, estimated from the sample."""

    key_type: str = Field(description="The type of the keys.")
    value_type: str = Field(description="The type of the values.")
    get_share: float = Field(description="Gets by all operations.")
    put_share: float = Field(description="Puts by all operations.")
    del_share: float = Field(description="Deletions by all operations.")
    hit_share: float | None = Field(description="Hits by gets; null where there is no get.")
    insert_share: float | None = Field(description="New keys by puts; null where there is no put.")
    unique_keys: int = Field(description="Different keys in the sample.")
    entries: int = Field(description="In the table at the end of the whole trace.")


class ProfileResult(Result):
    """Which engine suits a trace, and why."""

    schema_: Literal["adhash.profile.v1"] = Field(
        default="adhash.profile.v1", alias="schema", description="The version of this format."
    )
    csv: str = Field(description="The trace as it was named.")
    recommended_mode: str = Field(description="The mode to use.")
    reason: str = Field(description="Why, in words with figures.")
    method: Literal["forecast", "forecast and race", "race"] = Field(
        default="race",
        description="How it was found: by the cost model of this machine, by that and a race of "
        "the finalists, or by racing every candidate.",
    )
    calibration: str = Field(
        default="", description="Where the cost model comes from, or why there was none; in words."
    )
    confidence: float = Field(
        ge=0,
        le=1,
        description="The share of draws in which the recommended mode was within 3 % of the "
        "fastest: of rounds, and of pieces where the trace was sampled, for a race; of errors of "
        "the cost model and the race for a forecast.",
    )
    would_change: list[str] = Field(description="What would change the decision, in words.")
    recommended_settings: dict[str, Any] = Field(
        description="Settings by dotted name that carry the recommendation out."
    )
    candidates: list[Candidate] = Field(description="Every mode, the fastest first.")
    reserve: Reserve | None = Field(
        default=None,
        description="For programs that use the map: null where it saves less than 3 % of the time "
        "or 1 ms, or is not known.",
    )
    sampled: Sampled = Field(description="What of the trace was looked at.")
    character: Character = Field(description="The trace in short.")
    elapsed_s: float = Field(description="Seconds that the profile took.")
    seed: int = Field(description="Of the hash, of the order of laps and of what was drawn.")
    manifest: Manifest = Field(description="What is needed to repeat it and to judge it.")

    def _highlights(self) -> dict[str, str]:
        return {
            "recommended": f"{self.recommended_mode} (confidence {self.confidence:.2f})",
            "because": self.reason,
            "would change it": "; ".join(self.would_change),
            "trace": self.csv,
        }

    def _tables(self) -> tuple[Table, ...]:
        return (candidates_table(self.to_dict()),)

    def _records(self) -> list[dict[str, Any]]:
        """Return a row for every candidate, the fastest first."""
        return [
            {
                "csv": self.csv,
                "is_recommended": each.mode == self.recommended_mode,
                **each.model_dump(mode="json", by_alias=True),
            }
            for each in self.candidates
        ]
