"""The Zipf samples of YCSB, with what is peculiar about them.

YCSB draws by a formula of Gray and others: with zeta(n) the sum of i**-theta for i from 1 to n,

    eta = (1 - (2/n)**(1 - theta)) / (1 - zeta(2) / zeta(n))

and u uniform in [0, 1), the rank is 0 where u zeta(n) < 1, 1 where it is below 1 + 2**-theta, and
n (eta u - eta + 1)**(1 / (1 - theta)) rounded down elsewhere. The first two ranks are exact, the
others approximate: rank 2 of a hundred keys is drawn 15 % more often than it should be, and no
exponent of 1 or above is possible.

To scatter the hot keys, YCSB draws a rank among ten billion whatever the number of records, hashes
it by FNV, and takes the remainder. Several ranks then share a record, some records get only ranks
from far down the tail, and the hottest record's share is 1/26.47 for any number of records: the
popularity of records is flatter than the exponent says. Results published with YCSB were measured
so; that is what this module is for. `adhash.workloads.zipf` has the exact distribution.

References
----------
J. Gray, P. Sundaresan, S. Englert, K. Baclawski, P. J. Weinberger, "Quickly generating
billion-record synthetic databases", SIGMOD 1994. B. F. Cooper and others, "Benchmarking Cloud
Serving Systems with YCSB", SoCC 2010. G. Fowler, L. C. Noll, K.-P. Vo, the FNV hash.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from adhash.errors import BadInputError
from adhash.workloads.columns import ArrowArray
from adhash.workloads.distributions import Ranks
from adhash.workloads.seeded import SeededStream

Floats = npt.NDArray[np.float64]

#: YCSB draws the ranks 0 to ten billion, both included.
RANKS = 10**10 + 1
_THETA = 0.99
# Of ten billion ranks and the exponent 0.99, as YCSB has it precomputed.
_ZETA = 26.46902820178302
_ZETA_TERMS = 1 << 16

_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)


def fnv_hash(numbers: Ranks) -> npt.NDArray[np.int64]:
    """Return the FNV hash of the eight bytes of each number, the lowest first, without its sign.

    Parameters
    ----------
    numbers : ndarray of int64, shape (n,)
        At least 0.

    Returns
    -------
    ndarray of int64, shape (n,)
        At least 0.
    """
    rest = numbers.astype(np.uint64)
    hashed = np.full(len(rest), _FNV_OFFSET)
    for _ in range(8):
        hashed = (hashed ^ (rest & np.uint64(0xFF))) * _FNV_PRIME
        rest >>= np.uint64(8)
    return np.abs(hashed.view(np.int64))


def zeta(count: int, theta: float) -> float:
    """Return the sum of i**-theta for i from 1 to `count`.

    Parameters
    ----------
    count : int
        At least 1.
    theta : float
        In (0, 1).

    Returns
    -------
    float
        Beyond 65,536 terms by the formula of Euler and Maclaurin, which is as exact as a double.
    """
    first = min(count, _ZETA_TERMS)
    total = float((np.arange(1, first + 1, dtype=np.float64) ** -theta).sum())
    if count == first:
        return total
    a, b = float(first), float(count)
    integral = (b ** (1 - theta) - a ** (1 - theta)) / (1 - theta)
    ends = (b**-theta - a**-theta) / 2
    slopes = -theta * (b ** (-theta - 1) - a ** (-theta - 1)) / 12
    return float(total + integral + ends + slopes)


def draw_by_formula(
    u: Floats, *, count: float | Ranks, zeta_n: float | Floats, eta: float | Floats, theta: float
) -> Ranks:
    """Return the ranks that the formula gives for uniform numbers.

    Parameters
    ----------
    u : ndarray of float64, shape (n,)
        In [0, 1).
    count : int or ndarray of int64, shape (n,)
        How many ranks there are.
    zeta_n : float or ndarray of float64, shape (n,)
        The zeta of that.
    eta : float or ndarray of float64, shape (n,)
        Of the formula.
    theta : float
        The exponent.

    Returns
    -------
    ndarray of int64, shape (n,)
        At least 0.
    """
    uz = u * zeta_n
    ranks = (count * (eta * u - eta + 1) ** (1 / (1 - theta))).astype(np.int64)
    ranks[uz < 1 + 0.5**theta] = 1
    ranks[uz < 1] = 0
    return ranks


def _eta(count: int, zeta_n: float | Floats, theta: float) -> float | Floats:
    numerator = 1.0 - (2.0 / count) ** (1.0 - theta)
    eta: float | Floats = numerator / (1.0 - zeta(2, theta) / zeta_n)
    return eta


class ScrambledZipfian:
    """Ranks among ten billion, hashed onto the records.

    Parameters
    ----------
    keys : int
        How many records there are at the beginning.
    expected_inserts : int
        How many inserts YCSB would expect; it hashes onto twice as many records more, and one,
        and draws again where a record is not there yet.
    theta : float
        The exponent, in (0, 1).

    Raises
    ------
    BadInputError
        Where the exponent is out of its range.
    """

    def __init__(self, *, keys: int, expected_inserts: int, theta: float) -> None:
        self._theta = _checked(theta)
        self._zeta = _ZETA if theta == _THETA else zeta(RANKS, theta)
        self._eta = _eta(RANKS, self._zeta, theta)
        self._targets = keys + 2 * expected_inserts + 1

    def draw(self, stream: SeededStream, records: Ranks) -> Ranks:
        """Return a record below each number of `records`."""
        found = self._draw(stream, len(records))
        while (missing := np.flatnonzero(found >= records)).size:
            found[missing] = self._draw(stream, missing.size)
        return found

    def _draw(self, stream: SeededStream, count: int) -> Ranks:
        ranks = draw_by_formula(
            stream.doubles(count),
            count=RANKS,
            zeta_n=self._zeta,
            eta=self._eta,
            theta=self._theta,
        )
        return fnv_hash(ranks) % self._targets


class SkewedLatest:
    """The newest record is the hottest: its age is drawn by the formula; record 0 is never drawn.

    Parameters
    ----------
    keys : int
        How many records there are at the beginning.
    theta : float
        The exponent, in (0, 1).

    Raises
    ------
    BadInputError
        Where the exponent is out of its range.
    """

    def __init__(self, *, keys: int, theta: float) -> None:
        self._theta = _checked(theta)
        # The eta keeps the count of the beginning, whatever is inserted.
        self._eta_count = keys - 1
        self._count = keys - 1
        self._zeta = zeta(self._count, theta)

    def draw(self, stream: SeededStream, records: Ranks) -> Ranks:
        """Return a record below each number of `records`."""
        newest = records - 1
        zetas = self._zetas_up_to(int(newest[-1]))
        zeta_n = zetas[newest - self._count]
        ages = draw_by_formula(
            stream.doubles(len(records)),
            count=newest,
            zeta_n=zeta_n,
            eta=_eta(self._eta_count, zeta_n, self._theta),
            theta=self._theta,
        )
        self._count, self._zeta = int(newest[-1]), float(zetas[-1])
        return np.asarray(np.maximum(newest - ages, 0))

    def _zetas_up_to(self, count: int) -> Floats:
        """Return the zeta of the count so far, of the next one, and so on up to `count`."""
        added = np.arange(self._count + 1, count + 1, dtype=np.float64) ** -self._theta
        return self._zeta + np.concatenate([[0.0], np.cumsum(added)])


class YcsbKeys:
    """Keys as YCSB names them: ``user`` and the hash of the record's number; integers without it.

    Parameters
    ----------
    arrow_type : pyarrow.DataType
        int64, uint64 or string.
    is_hashed : bool
        Whether numbers are hashed (``insertorder=hashed``).
    """

    def __init__(self, arrow_type: pa.DataType, *, is_hashed: bool) -> None:
        self.arrow_type = arrow_type
        self._is_hashed = is_hashed

    def keys(self, ranks: Ranks) -> ArrowArray:
        """Return the key of each record."""
        numbers: ArrowArray = pa.array(fnv_hash(ranks) if self._is_hashed else ranks)
        if self.arrow_type != pa.string():
            return numbers.cast(self.arrow_type)
        named: ArrowArray = pc.binary_join_element_wise("user", numbers.cast(pa.string()), "")
        return named


def _checked(theta: float) -> float:
    if not 0 < theta < 1:
        raise BadInputError(
            f"YCSB's formula needs an exponent between 0 and 1; got {theta}",
            hint="leave ycsb_compat out: the exact distribution has any exponent",
        )
    return theta
