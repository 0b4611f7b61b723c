"""From figures to a ranking, a confidence and words: no clock is asked here."""

from __future__ import annotations

import pytest

from adhash.analysis.profile.caches import Cache, caches
from adhash.analysis.profile.race import Growth, Lap
from adhash.analysis.profile.recommendation import Evidence, reason, would_change
from adhash.analysis.profile.result import Character, Sampled
from adhash.analysis.profile.standing import Scale, Standing, confidence, rank, rounds_won

KIB = 1 << 10
WHOLE = Scale(weights=[1.0], growth=1.0)


def lap(
    *piece_ns: float, growths: tuple[tuple[float, int | None], ...] = (), memory: int = KIB
) -> Lap:
    return Lap(
        piece_ns=piece_ns,
        growths=[Growth(ns=ns, piece=piece) for ns, piece in growths],
        entries=10,
        memory_bytes=memory,
    )


def evidence(standings: list[Standing], **changes: object) -> Evidence:
    given: dict[str, object] = {
        "standings": standings,
        "growth": 1.0,
        "character": Character(
            key_type="int64",
            value_type="bytes",
            get_share=0.8,
            put_share=0.15,
            del_share=0.05,
            hit_share=0.95,
            insert_share=0.5,
            unique_keys=900,
            entries=12_000,
        ),
        "sampled": Sampled(
            rows=200_000,
            pieces=64,
            total_rows=5_000_000,
            total_bytes=10**8,
            is_whole=False,
            is_exact=False,
            restored_keys=300,
        ),
        "caches": [],
        "noise_reasons": [],
    }
    return Evidence(**{**given, **changes})  # type: ignore[arg-type]


def test_pieces_count_by_what_they_stand_for() -> None:
    laps = {"swiss": [lap(10, 100)], "chaining": [lap(60, 60)]}

    even = rank(laps, Scale(weights=[1.0, 1.0], growth=1.0))
    tilted = rank(laps, Scale(weights=[9.0, 1.0], growth=1.0))

    assert [each.mode for each in even] == ["swiss", "chaining"]
    assert even[1].regret == pytest.approx(120 / 110)
    assert [each.predicted_ns for each in tilted] == [190, 600]


def test_the_median_of_laps_decides_and_not_the_luckiest() -> None:
    laps = {
        "lucky": [lap(10), lap(200), lap(200)],
        "steady": [lap(100), lap(100), lap(100)],
    }

    assert rank(laps, WHOLE)[0].mode == "steady"


def test_growth_counts_by_size_and_not_by_the_weight_of_the_piece_it_fell_into() -> None:
    scale = Scale(weights=[100.0], growth=3.0)

    inside = rank({"m": [lap(1_000, growths=((400, 0),))]}, scale)[0]
    between = rank({"m": [lap(600, growths=((400, None),))]}, scale)[0]

    assert inside.predicted_ns == between.predicted_ns == 100 * 600 + 3 * 400


def test_a_neighbour_that_falls_into_a_growth_changes_nothing() -> None:
    calm = lap(1_000, growths=((400, 0),))
    hit = lap(1_000, growths=((90_000, 0),))  # away from its CPU, which piece_ns leaves out

    assert rank({"m": [hit, calm, hit]}, WHOLE)[0].predicted_ns == 1_000


def test_memory_is_carried_over_to_the_whole_trace() -> None:
    standing = rank({"m": [lap(10, memory=100)]}, Scale(weights=[2.0], growth=2.5))[0]

    assert (standing.memory_bytes, standing.predicted_memory_bytes) == (100, 250)


def test_an_empty_trace_of_figures_has_no_regret() -> None:
    assert [each.regret for each in rank({"a": [lap(0)], "b": [lap(0)]}, WHOLE)] == [1.0, 1.0]


def test_rounds_are_compared_pair_by_pair() -> None:
    best, other = rank({"a": [lap(10), lap(30), lap(10)], "b": [lap(20), lap(20), lap(20)]}, WHOLE)

    assert rounds_won(best, other) == (2, 3)


def test_confidence_is_whole_where_nothing_varies() -> None:
    standings = rank({"a": [lap(10)] * 5, "b": [lap(20)] * 5}, WHOLE)

    assert confidence(standings, is_sampled=False, seed=1) == 1.0
    assert confidence(standings[:1], is_sampled=False, seed=1) == 1.0


def test_equals_within_the_tolerance_give_confidence_too() -> None:
    standings = rank({"a": [lap(100)] * 5, "b": [lap(102)] * 5}, WHOLE)

    assert confidence(standings, is_sampled=False, seed=1) == 1.0


def test_confidence_falls_with_noise() -> None:
    noisy = {
        "a": [lap(n) for n in (80, 90, 100, 160, 170)],
        "b": [lap(n) for n in (100, 105, 110, 112, 115)],
    }

    assert 0.4 < confidence(rank(noisy, WHOLE), is_sampled=False, seed=1) < 0.95


def test_confidence_falls_where_pieces_disagree() -> None:
    laps = {"a": [lap(10, 10, 10, 190)] * 5, "b": [lap(60, 60, 60, 60)] * 5}
    standings = rank(laps, Scale(weights=[1.0] * 4, growth=1.0))

    assert confidence(standings, is_sampled=False, seed=1) == 1.0
    assert 0.4 < confidence(standings, is_sampled=True, seed=1) < 0.9


def test_a_mode_that_left_the_race_is_weighed_by_its_laps() -> None:
    standings = rank({"a": [lap(10)] * 5, "b": [lap(20)] * 2}, WHOLE)

    assert confidence(standings, is_sampled=False, seed=1) == 1.0


def test_the_reason_names_the_gap_the_rounds_and_the_traffic() -> None:
    text = reason(
        evidence(
            rank(
                {"swiss": [lap(112)] * 5, "chaining": [lap(100)] * 5, "std": [lap(300)] * 2}, WHOLE
            )
        )
    )

    assert "chaining ran 12 % faster than swiss, the next, in 5 of 5 rounds" in text
    assert "200 % faster than std" in text
    assert "; by the sample, 95 % of look-ups hit" in text
    assert "5.0 % are deletions" in text
    assert "200 k of about 5 M operations were raced, from 64 places" in text


def test_the_reason_admits_a_tie() -> None:
    found = evidence(rank({"a": [lap(100)] * 5, "b": [lap(101)] * 5}, WHOLE))

    assert "either will do" in reason(found)
    assert would_change(found)[0].startswith("chance: b is within 1.0 %")


def test_the_reason_says_so_where_there_was_no_choice() -> None:
    found = evidence(rank({"a": [lap(100)]}, WHOLE))

    assert reason(found).startswith("a was the only candidate")
    assert would_change(found) == []


def test_almost_all_is_not_all() -> None:
    character = evidence([]).character.model_copy(update={"hit_share": 0.9999})

    found = evidence(rank({"a": [lap(100)]}, WHOLE), character=character)

    assert "99.9 % of look-ups hit" in reason(found)


def test_less_memory_would_change_the_choice() -> None:
    laps = {"a": [lap(100, memory=100 * KIB)], "b": [lap(125, memory=60 * KIB)]}

    assert (
        "memory before time: b needs 60 KiB where a needs 100 KiB, and takes 25 % longer"
        in would_change(evidence(rank(laps, WHOLE)))
    )


def test_long_pauses_would_change_the_choice() -> None:
    laps = {
        "swiss": [lap(9e6, growths=((4e6, 0),))],
        "adaptive": [lap(12e6, growths=((2e4, 0),))],
    }

    found = would_change(evidence(rank(laps, WHOLE), growth=2.0))

    assert any(
        each.startswith("pauses before throughput: swiss stops for about 8 ms") for each in found
    )


def test_a_cache_that_only_the_whole_table_exceeds_is_told_of() -> None:
    laps = {"a": [lap(100, memory=300 * KIB)]}
    standings = rank(laps, Scale(weights=[1.0], growth=10.0))
    sizes = [Cache(level=1, size_bytes=32 * KIB), Cache(level=2, size_bytes=1024 * KIB)]

    (text,) = would_change(evidence(standings, caches=sizes))

    assert "exceeds the L2 cache of 1 MiB" in text
    assert would_change(evidence(standings, caches=sizes[:1])) == []


def test_a_noisy_machine_is_told_of() -> None:
    found = evidence(rank({"a": [lap(100)]}, WHOLE), noise_reasons=["2 % stolen"])

    assert would_change(found) == ["a quieter machine: 2 % stolen"]


def test_caches_are_read_from_the_system(tmp_path) -> None:  # type: ignore[no-untyped-def]
    for number, (level, kind, size) in enumerate(
        [("1", "Instruction", "32K"), ("3", "Unified", "16M"), ("1", "Data", "48K")]
    ):
        index = tmp_path / f"index{number}"
        index.mkdir()
        (index / "level").write_text(f"{level}\n")
        (index / "type").write_text(f"{kind}\n")
        (index / "size").write_text(f"{size}\n")
    (tmp_path / "index9").mkdir()

    assert caches(tmp_path) == [
        Cache(level=1, size_bytes=48 * KIB),
        Cache(level=3, size_bytes=16 * KIB * KIB),
    ]
    assert caches(tmp_path / "nowhere") == []
