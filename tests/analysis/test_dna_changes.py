"""Phases are found where a trace has them and nowhere else; decay is what a trace was made with."""

from __future__ import annotations

import numpy as np
import pytest
from dna_model import analyse_columns

from adhash.analysis.dna.decay import popularity_decay
from adhash.analysis.dna.phase_figures import phases
from adhash.analysis.dna.phases import distinct_of

_GET, _PUT, _DEL = 0, 1, 2


def zipf(chance: np.random.Generator, rows: int, keys: int, exponent: float = 0.9) -> np.ndarray:
    weights = np.arange(1, keys + 1) ** -exponent
    return chance.choice(keys, rows, p=weights / weights.sum())


def mixed(chance: np.random.Generator, rows: int, puts: float, dels: float = 0.0) -> np.ndarray:
    return chance.choice([_GET, _PUT, _DEL], rows, p=[1 - puts - dels, puts, dels])


@pytest.mark.parametrize("seed", range(5))
def test_a_trace_of_one_kind_has_one_phase(seed: int) -> None:
    chance = np.random.default_rng(seed)
    rows = 300_000
    found = phases(analyse_columns(mixed(chance, rows, 0.2), zipf(chance, rows, 20_000)))
    assert found.boundaries == []
    (phase,) = found.phases
    assert (phase.first_row, phase.rows) == (0, rows)
    assert phase.put_share == pytest.approx(0.2, abs=0.01)
    assert len(range(0, rows, found.window_rows)) in range(64, 129)


@pytest.mark.parametrize("max_keys", [1_000_000, 2_000])
def test_other_operations_are_a_new_phase(max_keys: int) -> None:
    chance = np.random.default_rng(7)
    ops = np.concatenate([mixed(chance, 200_000, 0.1), mixed(chance, 100_000, 0.6, 0.3)])
    found = phases(analyse_columns(ops, zipf(chance, 300_000, 5_000), max_keys=max_keys))
    (boundary,) = found.boundaries
    assert boundary.row == pytest.approx(200_000, abs=found.window_rows)
    assert boundary.what == "operations"
    assert boundary.mix_change > 0.3 > boundary.popularity_change
    assert [phase.first_row for phase in found.phases] == [0, boundary.row]
    assert found.phases[1].del_share == pytest.approx(0.3, abs=0.02)


def test_other_popular_keys_are_a_new_phase() -> None:
    chance = np.random.default_rng(8)
    keys = np.concatenate([zipf(chance, 150_000, 3_000), 10_000 + zipf(chance, 150_000, 3_000)])
    (boundary,) = phases(analyse_columns(mixed(chance, 300_000, 0.1), keys)).boundaries
    assert boundary.row == pytest.approx(150_000, abs=4096)
    assert boundary.what == "popular keys"
    assert boundary.popularity_change > 0.5
    assert boundary.working_set_ratio == pytest.approx(1, abs=0.1)


def test_a_larger_working_set_is_a_new_phase() -> None:
    chance = np.random.default_rng(9)
    keys = np.concatenate([chance.integers(0, 300, 150_000), chance.integers(0, 60_000, 150_000)])
    (boundary,) = phases(analyse_columns(mixed(chance, 300_000, 0.1), keys)).boundaries
    assert boundary.working_set_ratio > 5
    assert "working set x" in boundary.what
    assert 0.3 < boundary.score <= 1


def test_a_phase_that_comes_back_ends_twice() -> None:
    chance = np.random.default_rng(10)
    ops = np.concatenate([mixed(chance, 100_000, puts) for puts in (0.1, 0.9, 0.1)])
    found = phases(analyse_columns(ops, zipf(chance, 300_000, 5_000)))
    assert [b.row for b in found.boundaries] == pytest.approx([100_000, 200_000], abs=4096)
    assert [round(p.put_share, 1) for p in found.phases] == [0.1, 0.9, 0.1]


def test_distinct_keys_of_registers_are_within_their_error() -> None:
    chance = np.random.default_rng(11)
    for distinct in (10, 1_000, 30_000):
        hashes = chance.integers(0, 2**40, distinct)
        registers = np.zeros((1, 1024), dtype=np.uint8)
        runs = np.array([(int(h) & -int(h) or 1 << 40).bit_length() for h in hashes >> 10])
        np.maximum.at(registers[0], hashes % 1024, runs.astype(np.uint8))
        assert float(distinct_of(registers)[0]) == pytest.approx(distinct, rel=0.12)


@pytest.mark.parametrize("max_keys", [1_000_000, 4_000])
def test_constant_popularity_does_not_fade(max_keys: int) -> None:
    chance = np.random.default_rng(12)
    keys = zipf(chance, 400_000, 30_000, 0.7)
    found = popularity_decay(analyse_columns(np.zeros(400_000, int), keys, max_keys=max_keys))
    assert found.half_life_rows is None
    assert found.verdict == "keys stay as popular as they were"
    for point in found.curve[:20]:
        assert abs(point.traffic - 1) < 0.1 + 4.5 * point.standard_error


@pytest.mark.parametrize("half_life", [30_000, 80_000])
def test_the_half_life_is_that_of_the_trace(half_life: int) -> None:
    # A new key comes up every fourth row; each row asks for one whose age is exponential.
    chance = np.random.default_rng(13)
    rows = 600_000
    ages = chance.exponential(half_life / np.log(2), rows)
    keys = np.maximum(np.arange(rows) - ages, -1).astype(np.int64) // 4
    keys[keys < 0] = 10**9 + chance.integers(0, 10**9, int((keys < 0).sum()))
    found = popularity_decay(analyse_columns(np.zeros(rows, int), keys))
    assert found.half_life_rows == pytest.approx(half_life, rel=0.15)
    assert "halves within" in found.verdict


def test_keys_that_come_twice_have_a_span() -> None:
    keys = np.concatenate([np.arange(1000), np.arange(500), np.arange(500)])
    found = popularity_decay(analyse_columns(np.zeros(2000, int), keys))
    assert found.recurring_keys == 500
    assert (found.span_p50, found.span_p90) == (1500, 1500)


def test_a_short_trace_says_so() -> None:
    found = popularity_decay(analyse_columns(np.zeros(3, int), np.array([1, 2, 1])))
    assert (found.curve, found.verdict) == ([], "the trace is too short to tell")
