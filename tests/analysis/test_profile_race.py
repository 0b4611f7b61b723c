"""The race: everyone once a round, in turns; laps of real tables; the hopeless leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from profile_traces import operations, pieces_of, read_through, weights

from adhash.analysis.profile.history import History, infer_history
from adhash.analysis.profile.race import Lap, NativeLap, prepare, race
from adhash.analysis.profile.sample import Sample
from adhash.clock import ManualClock
from adhash.config_models import AdaptiveSettings
from adhash.errors import InterruptedRunError
from adhash.progress import WorkProgress, ignore_work
from adhash.replay.machinery import NativeMachinery
from adhash.replay.noise import NoiseMeter
from adhash.replay.plan import Mode
from adhash.replay.table_types import TableTypes

MODES = [Mode(name=name, engine=name) for name in ("swiss", "chaining", "robinhood")]


class Runner:
    """Laps by given figures, and a record of who ran with which seed."""

    def __init__(self, figures: Mapping[str, Sequence[float]]) -> None:
        self.figures = {engine: list(each) for engine, each in figures.items()}
        self.ran: list[tuple[str, int]] = []

    def __call__(self, engine: str, *, seed: int) -> Lap:
        self.ran.append((engine, seed))
        ns = self.figures[engine].pop(0)
        return Lap(piece_ns=[ns], growths=[], entries=1, memory_bytes=64)


def even(rounds: int) -> Runner:
    return Runner({mode.name: [100.0] * rounds for mode in MODES})


def test_each_candidate_runs_once_a_round_with_the_seed_of_the_round() -> None:
    runner = even(4)

    race(MODES, runner, rounds=4, seed=11, progress=ignore_work)

    rounds = [runner.ran[at : at + 3] for at in range(0, 12, 3)]
    assert all({engine for engine, _ in each} == {m.name for m in MODES} for each in rounds)
    assert all(len({seed for _, seed in each}) == 1 for each in rounds)
    assert rounds[0][0][1] == 11
    assert len({each[0][1] for each in rounds}) == 4


def test_the_order_is_drawn_anew_and_repeats_with_the_seed() -> None:
    runners = [even(20) for _ in range(2)]

    for runner in runners:
        race(MODES, runner, rounds=20, seed=5, progress=ignore_work)

    assert runners[0].ran == runners[1].ran
    firsts = {engine for engine, _ in runners[0].ran[::3]}
    assert firsts == {mode.name for mode in MODES}


def test_a_hopeless_candidate_leaves_and_a_close_one_stays() -> None:
    runner = Runner({"swiss": [100] * 5, "chaining": [120] * 5, "robinhood": [130] * 5})

    laps = race(MODES, runner, rounds=5, seed=1, progress=ignore_work)

    assert {name: len(own) for name, own in laps.items()} == {
        "swiss": 5,
        "chaining": 5,
        "robinhood": 2,
    }


def test_one_unlucky_lap_ends_nobodys_race() -> None:
    runner = Runner({"swiss": [100] * 5, "chaining": [900, 99, 99, 99, 99], "robinhood": [101] * 5})

    laps = race(MODES, runner, rounds=5, seed=1, progress=ignore_work)

    assert len(laps["chaining"]) == 5


def test_every_lap_is_told() -> None:
    told: list[WorkProgress] = []

    race(MODES, even(2), rounds=2, seed=1, progress=told.append)

    assert [each.done for each in told] == list(range(6))
    assert {each.total for each in told} == {6}
    assert "round 2 of 2" in told[-1].note


def sampled() -> tuple[Sample, History]:
    _, pieces = pieces_of(read_through(30_000, 3_000), count=6, size=1_000)
    sample = Sample(
        pieces=pieces,
        weights=[5.0] * 6,
        types=TableTypes(key="int64", value="int64"),
        total_rows=30_000,
        total_bytes=0,
        is_exact=True,
    )
    return sample, infer_history(pieces, weights(pieces, 40_000), seed=1)


def native_lap(sample: Sample, history: History, *, is_cancelled: bool = False) -> NativeLap:
    return NativeLap(
        machinery=NativeMachinery(),
        pieces=prepare(sample, history, seed=1),
        types=sample.types,
        adaptive=AdaptiveSettings(),
        noise=NoiseMeter(ManualClock()),
        is_stopped=lambda: is_cancelled,
    )


@pytest.mark.parametrize("engine", NativeMachinery().engines())
def test_a_lap_leaves_the_table_that_the_history_tells_of(engine: str) -> None:
    sample, history = sampled()

    lap = native_lap(sample, history)(engine, seed=3)

    assert lap.entries == history.live > 0
    assert len(lap.piece_ns) == 6
    assert all(ns > 0 for ns in lap.piece_ns)
    assert lap.memory_bytes > 0
    assert {growth.piece for growth in lap.growths} <= {None, *range(6)}
    assert any(growth.piece == 0 for growth in lap.growths)


def test_a_cancelled_lap_ends() -> None:
    sample, history = sampled()

    with pytest.raises(InterruptedRunError):
        native_lap(sample, history, is_cancelled=True)("swiss", seed=3)


def test_restored_keys_get_values_like_those_of_the_trace() -> None:
    sample, history = sampled()

    pieces = prepare(sample, history, seed=1)

    restored = [columns for piece in pieces for columns in piece.restoring]
    assert restored
    own = {value.as_py() for piece in sample.pieces for value in piece.values}
    for ops, keys, values in restored:
        assert len(ops) == len(keys) == len(values)
        assert set(values.tolist()) <= own - {0}


def test_keys_are_restored_where_nothing_was_ever_put() -> None:
    pieces = [operations([("get", 1, "")]), operations([("del", 1, ""), ("get", 1, "")])]
    sample = Sample(
        pieces=pieces,
        weights=[1.0, 1.0],
        types=TableTypes(key="int64", value="int64"),
        total_rows=3,
        total_bytes=0,
        is_exact=True,
    )

    lap = native_lap(sample, infer_history(pieces, weights(pieces, 40_000), seed=1))(
        "chaining", seed=1
    )

    assert lap.entries == 0
