"""What was measured, as its file has it: the ``adhash.calibration.v1`` model."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from adhash.analysis.calibration.classes import Class, KeyClass
from adhash.replay.noise import Noise
from adhash.results import Result, ResultPart

#: How figures are measured now. A change of what they mean makes it another.
PROCEDURE = 2


class Place(ResultPart):
    """Where figures hold: a calibration of another machine or build says nothing here."""

    cpu: str = Field(description="The model of the CPU.")
    cpus: int = Field(description="How many CPUs the system has.")
    system: str = Field(description="The kind of operating system, such as Linux.")
    isa: str = Field(description="The instruction set of the native code.")
    version: str = Field(description="The version of adhash.")
    build: str = Field(description="Size and time of the native module: a new build is another.")
    procedure: int = Field(
        default=1,
        description="How it was measured: figures of other procedures mean other things.",
    )
    engines: list[str] = Field(description="The engines of the build, all of which were measured.")


class Curve(ResultPart):
    """What one engine costs with one kind of keys and values, in nanoseconds."""

    engine: str = Field(description="The engine.")
    key: KeyClass = Field(
        description="The kind of keys: word, dense (words close together), inline (up to 16 bytes) "
        "or long."
    )
    value: Class = Field(description="The kind of values: word, inline (up to 12 bytes) or long.")
    fill_ns: list[float] = Field(
        min_length=2,
        description="Of all insertions from empty up to each of `sizes`, growth included.",
    )
    memory_bytes: list[int] = Field(min_length=2, description="Of the table at each of `sizes`.")
    hit_ns: list[float] = Field(min_length=1, description="A get that finds, at `probed_sizes`.")
    miss_ns: list[float] = Field(min_length=1, description="A get that finds nothing.")
    update_ns: list[float] = Field(min_length=1, description="A put of a key that is there.")
    delete_ns: list[float] = Field(min_length=1, description="A del of a key that is there.")
    insert_ns: list[float] = Field(
        min_length=1, description="A put of a new key where the table need not grow."
    )
    reserved_fill_ns: list[float] = Field(
        min_length=1,
        description="Of all insertions up to each of the first `probed_sizes`, where room was "
        "reserved before.",
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if len(self.fill_ns) != len(self.memory_bytes):
            raise ValueError("fill_ns and memory_bytes must be equally long")
        if not all(low < high for low, high in zip(self.fill_ns, self.fill_ns[1:], strict=False)):
            raise ValueError("fill_ns must rise")
        probed = [self.hit_ns, self.miss_ns, self.update_ns, self.delete_ns, self.insert_ns]
        if len({len(each) for each in probed}) != 1:
            raise ValueError("the lists of single operations must be equally long")
        if len(self.reserved_fill_ns) > len(self.hit_ns):
            raise ValueError("reserved_fill_ns must be no longer than hit_ns")
        probed.append(self.reserved_fill_ns)
        figures = [*self.fill_ns, *self.memory_bytes, *(ns for each in probed for ns in each)]
        if not all(math.isfinite(each) and each > 0 for each in figures):
            raise ValueError("every figure must be above 0")
        return self


class Calibration(Result):
    """What each operation costs in each engine on one machine."""

    schema_: Literal["adhash.calibration.v1"] = Field(
        default="adhash.calibration.v1", alias="schema", description="The version of this format."
    )
    place: Place = Field(description="The machine and the build.")
    measured_at: str = Field(description="When it was measured: RFC 3339, UTC.")
    elapsed_s: float = Field(ge=0, description="Seconds that measuring took.")
    rounds: int = Field(ge=1, description="How often each engine ran; the least counts.")
    noise: Noise = Field(description="How much the machine disturbed the measurement.")
    sizes: list[int] = Field(min_length=2, description="Entries at which insertions were noted.")
    probed_sizes: list[int] = Field(
        min_length=1, description="Entries at which single operations were measured."
    )
    curves: list[Curve] = Field(
        min_length=1,
        description="One an engine, kind of keys and kind of values. A list shorter than its sizes "
        "ends where filling the table took too long.",
    )

    @model_validator(mode="after")
    def _in_step(self) -> Self:
        for sizes in (self.sizes, self.probed_sizes):
            if sizes[0] < 1 or sorted(set(sizes)) != sizes:
                raise ValueError("sizes must rise from at least 1")
        for curve in self.curves:
            too_many = len(curve.fill_ns) > len(self.sizes)
            if too_many or len(curve.hit_ns) > len(self.probed_sizes):
                raise ValueError("a curve has more figures than there are sizes")
        names = [(curve.engine, curve.key, curve.value) for curve in self.curves]
        if len(set(names)) != len(names):
            raise ValueError("an engine has two curves of one kind")
        return self

    def curve(self, engine: str, key: KeyClass, value: Class) -> Curve | None:
        """Return the curve of an engine for a kind of keys and of values; None if there is none."""
        wanted = (engine, key, value)
        return next((c for c in self.curves if (c.engine, c.key, c.value) == wanted), None)
