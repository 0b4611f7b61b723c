"""How soon keys return, fitted to what pieces of a trace show."""

from __future__ import annotations

import numpy as np
import pytest

from adhash.analysis.profile.recurrence import Capture, fit_recurrence


def shown_by(keys: np.ndarray, *, pieces: int, size: int) -> list[Capture]:
    """Return what pieces of a sequence of keys show, all but the first."""
    starts = [round(n * (len(keys) - size) / (pieces - 1)) for n in range(pieces)]
    known: set[int] = set()
    captures = []
    for number, start in enumerate(starts):
        own = set(keys[start : start + size].tolist())
        captures.append(Capture(shown=number * size, keys=len(own), new=len(own - known)))
        known |= own
    return captures[1:]


def unseen(captures: list[Capture], rows: float, shown: int) -> float:
    found = fit_recurrence(captures).unseen(
        np.array([rows]), shown=shown, was_seen=np.array([False])
    )
    return float(found[0])


def test_few_alike_keys_are_expected_soon() -> None:
    keys = np.random.default_rng(1).integers(0, 10_000, 400_000)

    captures = shown_by(keys, pieces=20, size=500)

    assert unseen(captures, 100_000, 10_000) < 0.01
    assert unseen(captures, 5_000, 10_000) == pytest.approx(np.exp(-0.5), abs=0.08)


def test_keys_that_never_return_are_not_expected() -> None:
    captures = shown_by(np.arange(400_000), pieces=20, size=500)

    assert unseen(captures, 400_000, 10_000) > 0.99


def test_rare_keys_are_expected_later_than_alike_ones() -> None:
    chance = np.random.default_rng(1)
    keys = chance.zipf(1.2, 400_000) % 1_000_000
    captures = shown_by(keys, pieces=20, size=500)
    sampled = set(keys[:10_000].tolist())
    fresh = [key for key in keys[200_000:210_000].tolist() if key not in sampled]
    between = set(keys[10_000:200_000].tolist())
    truth = sum(key not in between for key in fresh) / len(fresh)

    assert 0.1 < truth < 0.9
    assert unseen(captures, 190_000, 10_000) == pytest.approx(truth, abs=0.2)


def test_a_key_that_was_seen_is_expected_sooner() -> None:
    recurrence = fit_recurrence([Capture(shown=1_000 * n, keys=100, new=50) for n in (1, 2, 3)])

    seen, fresh = recurrence.unseen(
        np.array([5_000.0, 5_000.0]), shown=4_000, was_seen=np.array([True, False])
    )

    assert 0 < seen < fresh <= 1


def test_a_trace_without_pieces_to_compare_is_fitted_by_anything() -> None:
    assert fit_recurrence([]).shape > 0
