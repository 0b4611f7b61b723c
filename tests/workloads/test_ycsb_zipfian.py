"""YCSB's Zipf samples: the values of the published formula and hash, worked out by other means.

Ranks and sums were computed with 50 decimal digits from the formula in the paper of Gray and
others. The hashes are the numbers in the names of the first keys that YCSB loads.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from goodness import deviation

from adhash.errors import BadInputError
from adhash.workloads.seeded import SeededStream
from adhash.workloads.ycsb_zipfian import (
    RANKS,
    ScrambledZipfian,
    SkewedLatest,
    YcsbKeys,
    draw_by_formula,
    fnv_hash,
    zeta,
)

THETA = 0.99
ZETA_OF_TEN_BILLION = 26.46902820178302
U = [0, 0.03, 0.05, 0.1, 0.18, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9, 0.99, 0.999999]
OF_A_HUNDRED = [0, 0, 0, 0, 0, 1, 1, 2, 3, 6, 11, 25, 58, 94, 99]
OF_TEN_BILLION = [
    *(0, 0, 1, 6, 49, 83, 296, 1038, 12175, 134552, 1405413, 42924421),
    *(1170869537, 8086205587, 9999787803),
]


def ranks_at(u: list[float], *, count: int, zeta_n: float) -> list[int]:
    eta = (1 - (2 / count) ** (1 - THETA)) / (1 - zeta(2, THETA) / zeta_n)
    drawn = draw_by_formula(np.array(u), count=count, zeta_n=zeta_n, eta=eta, theta=THETA)
    return drawn.tolist()


def test_zeta_is_the_sum_of_powers() -> None:
    assert zeta(2, THETA) == pytest.approx(1.5034777750283594, rel=1e-14)
    assert zeta(10, THETA) == pytest.approx(2.9561075165103639, rel=1e-14)
    assert zeta(100, THETA) == pytest.approx(5.2945688313771638, rel=1e-14)
    summed = (np.arange(1, 1_000_001, dtype=float) ** -0.5).sum()
    assert zeta(1_000_000, 0.5) == pytest.approx(summed, rel=1e-12)


def test_zeta_of_ten_billion_is_the_constant_of_ycsb() -> None:
    # YCSB added ten billion numbers up, each with an error of its own.
    assert zeta(RANKS - 1, THETA) == pytest.approx(ZETA_OF_TEN_BILLION, rel=1e-9)


def test_ranks_are_those_of_the_formula() -> None:
    assert ranks_at(U, count=100, zeta_n=zeta(100, THETA)) == OF_A_HUNDRED
    found = ranks_at(U, count=RANKS, zeta_n=ZETA_OF_TEN_BILLION)
    # Ranks in the billions have an error of a double's last bits times the power of 100.
    np.testing.assert_allclose(found, OF_TEN_BILLION, rtol=1e-11, atol=0)


def test_hashes_are_those_in_the_names_of_ycsb_keys() -> None:
    expected = [
        "user6284781860667377211",
        "user8517097267634966620",
        "user1820151046732198393",
        "user4052466453699787802",
    ]
    assert YcsbKeys(pa.string(), is_hashed=True).keys(np.arange(4)).to_pylist() == expected
    as_integers = YcsbKeys(pa.int64(), is_hashed=True).keys(np.arange(4)).to_pylist()
    assert [f"user{number}" for number in as_integers] == expected
    ordered = YcsbKeys(pa.string(), is_hashed=False).keys(np.array([0, 17]))
    assert ordered.to_pylist() == ["user0", "user17"]


def test_the_hash_takes_all_eight_bytes() -> None:
    number = 0x0102030405060708
    hashed = 0xCBF29CE484222325
    for octet in number.to_bytes(8, "little"):
        hashed = ((hashed ^ octet) * 0x100000001B3) % 2**64
    signed = hashed - 2**64 if hashed >= 2**63 else hashed
    assert fnv_hash(np.array([number])).tolist() == [abs(signed)]


def test_scrambled_records_have_the_shares_of_their_ranks() -> None:
    keys, draws = 1000, 400_000
    scrambled = ScrambledZipfian(keys=keys, expected_inserts=0, theta=THETA)
    found = scrambled.draw(SeededStream(3, 0), np.full(draws, keys))
    assert found.min() >= 0
    assert found.max() < keys
    counts = np.bincount(found, minlength=keys)
    # Rank 0 falls on this record, and with it ranks of the tail: about 1 in 1,001 of the rest.
    hottest = fnv_hash(np.array([0]))[0] % (keys + 1)
    share = 1 / ZETA_OF_TEN_BILLION
    assert counts.argmax() == hottest
    assert counts[hottest] / draws == pytest.approx(share + (1 - share) / keys, rel=0.05)
    # Far flatter than a Zipf distribution of a thousand keys, whose first key has 13 %.
    assert counts[hottest] / draws < 0.05


def test_a_record_that_is_not_there_yet_is_drawn_again() -> None:
    records = np.repeat([1000, 1100], 50_000)
    scrambled = ScrambledZipfian(keys=1000, expected_inserts=100, theta=THETA)
    found = scrambled.draw(SeededStream(3, 0), records)
    assert (found < records).all()
    assert found[50_000:].max() >= 1000


def test_the_latest_record_is_the_hottest_and_record_0_is_never_drawn() -> None:
    draws = 300_000
    found = SkewedLatest(keys=101, theta=THETA).draw(SeededStream(9, 0), np.full(draws, 101))
    u = (np.arange(4_000_000) + 0.5) / 4_000_000
    eta = (1 - (2 / 100) ** (1 - THETA)) / (1 - zeta(2, THETA) / zeta(100, THETA))
    ages = draw_by_formula(u, count=100, zeta_n=zeta(100, THETA), eta=eta, theta=THETA)
    pmf = np.bincount(ages, minlength=100) / len(u)
    assert abs(deviation(100 - found, pmf)) < 4
    assert found.min() > 0


def test_the_latest_record_moves_with_inserts_across_batches() -> None:
    latest = SkewedLatest(keys=50, theta=THETA)
    once = latest.draw(SeededStream(2, 0), np.arange(50, 1050))
    again = SkewedLatest(keys=50, theta=THETA)
    stream = SeededStream(2, 0)
    halves = [again.draw(stream, np.arange(50, 550)), again.draw(stream, np.arange(550, 1050))]
    assert np.concatenate(halves).tolist() == once.tolist()
    assert np.median(np.arange(49, 1049) - once) < 100


@pytest.mark.parametrize("theta", [0.0, 1.0, 1.2])
def test_an_exponent_that_the_formula_cannot_take_is_refused(theta: float) -> None:
    with pytest.raises(BadInputError, match="between 0 and 1"):
        ScrambledZipfian(keys=100, expected_inserts=0, theta=theta)
    with pytest.raises(BadInputError, match="between 0 and 1"):
        SkewedLatest(keys=100, theta=theta)
