"""Calibrations that tests start from: made of plain figures, and of a machine that is a script."""

from __future__ import annotations

from typing import Any

from adhash.analysis.calibration.calibration import Calibration, Curve, Place
from adhash.analysis.calibration.classes import CLASSES, KEY_CLASSES, Class, KeyClass
from adhash.replay.noise import Noise

QUIET = Noise(steal=0.0, involuntary_switches=0, wall_over_cpu=1.0, verdict="quiet", reasons=[])
PLACE = Place(
    cpu="a CPU",
    cpus=2,
    system="Linux",
    isa="avx2",
    version="1.0",
    build="1-1",
    engines=["chaining", "swiss"],
)
SIZES = [64 * 2**octave for octave in range(11)]
PROBED = [512, 4096, 16384]


def curve(
    engine: str, *, key: KeyClass = "word", value: Class = "word", ns: float = 10.0, **changes: Any
) -> Curve:
    """Return a curve where every operation costs `ns`, and filling twice that an entry."""
    even = [ns] * len(PROBED)
    figures: dict[str, Any] = {
        "fill_ns": [2 * ns * size for size in SIZES],
        "memory_bytes": [32 * size for size in SIZES],
        **dict.fromkeys(("hit_ns", "miss_ns", "update_ns", "delete_ns", "insert_ns"), even),
        "reserved_fill_ns": [1.5 * ns * size for size in PROBED],
    }
    return Curve(engine=engine, key=key, value=value, **{**figures, **changes})


def calibration(*curves: Curve, place: Place = PLACE) -> Calibration:
    """Return a calibration; without curves, one where swiss costs 10 ns and chaining 20."""
    made = list(curves) or [
        curve(engine, key=key, value=value, ns=ns)
        for engine, ns in (("swiss", 10.0), ("chaining", 20.0))
        for key in KEY_CLASSES
        for value in CLASSES
    ]
    return Calibration(
        place=place,
        measured_at="2026-01-01T00:00:00Z",
        elapsed_s=1.0,
        rounds=3,
        noise=QUIET,
        sizes=SIZES,
        probed_sizes=PROBED,
        curves=made,
    )
