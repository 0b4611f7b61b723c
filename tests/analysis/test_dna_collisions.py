"""Keys that collide are told from keys that do not, in every engine, under its own hash."""

from __future__ import annotations

import numpy as np
import pytest
from dna_model import analyse_columns

from adhash.analysis.dna.collision_risk import _SEED, collision_risk
from adhash.maps import colliding_keys, engines


def test_random_keys_collide_as_chance_has_it() -> None:
    keys = np.random.default_rng(3).integers(0, 2**62, 6_000)
    risk = collision_risk(analyse_columns(np.ones(6_000, int), keys))
    assert risk.is_exact is (6_000 <= 8_192 // 4)
    assert [each.engine for each in risk.engines] == engines()
    assert risk.entries == 6_000
    assert "in no engine" in risk.verdict
    for each in risk.engines:
        assert each.is_as_chance
        assert sum(each.probe_shares) == pytest.approx(1)
        mean = sum(length * share for length, share in enumerate(each.probe_shares, 1))
        assert each.mean_probe == pytest.approx(mean)
        assert each.load_factor == pytest.approx(each.keys / each.capacity)


def test_few_keys_are_all_put_into_every_table() -> None:
    risk = collision_risk(analyse_columns(np.ones(1_000, int), np.arange(1_000)))
    assert risk.is_exact
    assert {each.keys for each in risk.engines} == {1_000}


def test_keys_made_to_collide_are_found_out() -> None:
    keys = colliding_keys("robinhood", "int64", _SEED, 1_500)
    assert not isinstance(keys, tuple)
    risk = collision_risk(analyse_columns(np.ones(len(keys), int), keys))
    found = {each.engine: each for each in risk.engines}["robinhood"]
    assert found.excess is not None
    assert found.excess > 10
    assert not found.is_as_chance
    assert "collide" in found.verdict
    assert "robinhood" in risk.verdict


def test_a_trace_that_leaves_no_entry_is_judged_by_its_keys() -> None:
    keys = np.arange(500)
    ops = np.concatenate([np.ones(500, int), np.full(500, 2)])
    risk = collision_risk(analyse_columns(ops, np.concatenate([keys, keys])))
    assert risk.entries == 500


def test_many_keys_are_halved_at_the_same_load() -> None:
    keys = np.random.default_rng(4).permutation(40_000)
    risk = collision_risk(analyse_columns(np.ones(40_000, int), keys))
    assert not risk.is_exact
    for each in risk.engines:
        assert each.keys in {5_000, 1_250}
        if each.layout in {"swiss", "robinhood"}:
            capacity = 40_000 / each.load_factor
            assert np.log2(capacity).round(6).is_integer()
