"""What a table held when a window of its trace began, inferred from the window itself.

A window cut out of the middle of a trace meets, in a fresh table, keys that were put long before:
its look-ups would miss, its deletions find nothing, its updates become insertions. The table has
to be put into the state that the trace had brought it to, and reading the trace up to there would
cost as much as running it. But only the keys that the window touches matter to its operations, and
what a window does to a key tells whether it was there:

    del k                  programs delete what they have
    get k ... put k        a cache that reads through puts what it missed
    get k ... get k        and does not put what it found

How telling each of these signs is differs between programs: in a word count a put follows each
get, found or not. It need not be guessed. Many operations of the sample have a known state before
them: those behind a put or del of the same key in the same window, and all of the first window,
because a trace begins with an empty table. They give the likelihoods P(sign | present) and
P(sign | absent). The first operation on a key in a later window then shows one of the signs, and
Bayes' rule gives the probability that its key was present. The prior is fitted by expectation
maximisation, for three groups of keys apart: those that no window has shown yet, those that the
last window left in the table, and those that it did not. A state is drawn with that probability,
so that shares come out right where single keys cannot be known.

What this cannot see: keys that are in the table and never touched by a window. The sampled table
is smaller than the real one, which `adhash.analysis.profile.recommendation` tells of.

References
----------
A. P. Dempster, N. M. Laird, D. B. Rubin, "Maximum likelihood from incomplete data via the EM
algorithm", Journal of the Royal Statistical Society B 39 (1977).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adhash.analysis.profile.operations import DEL, GET, PUT, ArrowArray, Operations

UNKNOWN, ABSENT, PRESENT = -1, 0, 1
# Keys by what the pieces before left of them.
_GROUPS = (UNKNOWN, ABSENT, PRESENT)

# The signs of a key's operation: it is a del, a put, a get with a put next, with another operation
# next, or with none.
_SIGNS = 5
_ROUNDS = 3
# Before anything was fitted: what one window left is mostly what the next one finds.
_CARRIED = {PRESENT: 0.9, ABSENT: 0.1}

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the operations of one piece do, given the state that its keys were in.

    `inserts` and `deletes` count the entries that come and go.
    """

    rows: int
    gets: int
    puts: int
    dels: int
    hits: int
    inserts: int
    deletes: int


@dataclass(frozen=True, kw_only=True)
class Restoration:
    """What brings a table from the end of one piece to the beginning of the next.

    Parameters
    ----------
    present, absent : ndarray of int64
        The ids of keys to put and to delete.
    """

    present: _Ints
    absent: _Ints


@dataclass(frozen=True, kw_only=True)
class History:
    """The states inferred for all pieces.

    Parameters
    ----------
    restorations : sequence of Restoration
        One a piece; that of the first is empty.
    outcomes : sequence of Outcome
        One a piece.
    unique_keys : int
        Keys of all pieces.
    live : int
        Entries behind the last piece.
    dictionary : pyarrow.Array
        The key of each id.
    """

    restorations: Sequence[Restoration]
    outcomes: Sequence[Outcome]
    unique_keys: int
    live: int
    dictionary: ArrowArray


def infer_history(
    pieces: Sequence[Operations],
    *,
    seed: int,
    require_going_on: Callable[[], None] = lambda: None,
) -> History:
    """Return what the table held before each piece of a trace.

    Parameters
    ----------
    pieces : sequence of Operations
        Pieces of one trace, in order; the first begins where the trace does.
    seed : int
        Of the states that are drawn.
    require_going_on : callable
        Called between steps; raises to end the work.

    Returns
    -------
    History
        States, and what the operations then do.
    """
    ids, dictionary = _identify(pieces)
    runs = []
    for number, (piece, own) in enumerate(zip(pieces, ids, strict=True)):
        require_going_on()
        runs.append(_Runs.of(piece.ops, own, is_start=number == 0))
    likelihood = _likelihood(runs)
    present = likelihood.known_present
    priors = {UNKNOWN: present, **_CARRIED}
    for _ in range(_ROUNDS if len(runs) > 1 else 0):
        require_going_on()
        priors = _Walk(len(dictionary), likelihood, priors, seed).refit(runs)
    walk = _Walk(len(dictionary), likelihood, priors, seed)
    steps = [walk.step(run) for run in runs]
    return History(
        restorations=[restoration for restoration, _ in steps],
        outcomes=[outcome for _, outcome in steps],
        unique_keys=len(dictionary),
        live=int((walk.carried == PRESENT).sum()),
        dictionary=dictionary,
    )


def _identify(pieces: Sequence[Operations]) -> tuple[list[_Ints], ArrowArray]:
    """Return the ids of the keys of each piece, and the key of each id."""
    import pyarrow as pa

    encoded = pa.concat_arrays([piece.keys for piece in pieces]).dictionary_encode()
    ids = encoded.indices.to_numpy().astype(np.int64)
    ends = np.cumsum([len(piece) for piece in pieces])[:-1]
    return np.split(ids, ends), encoded.dictionary


@dataclass(frozen=True, kw_only=True)
class _Runs:
    """The operations of a piece, those on one key together and in order.

    A run is what happens to one key. `before` is what is known of the key before each operation
    from the run alone, `sign` what the operation looks like, `is_first` whether it begins a run.
    """

    ops: NDArray[np.uint8]
    ids: _Ints
    is_first: NDArray[np.bool_]
    before: NDArray[np.int8]
    sign: NDArray[np.int8]
    is_start: bool

    @classmethod
    def of(cls, ops: NDArray[np.uint8], ids: _Ints, *, is_start: bool) -> _Runs:
        order = np.argsort(ids, kind="stable")
        ops, ids = ops[order], ids[order]
        is_first = np.ones(len(ids), dtype=np.bool_)
        is_first[1:] = ids[1:] != ids[:-1]
        before = _known_before(ops, is_first)
        if is_start:
            before[before == UNKNOWN] = ABSENT
        return cls(
            ops=ops,
            ids=ids,
            is_first=is_first,
            before=before,
            sign=_signs(ops, is_first),
            is_start=is_start,
        )


def _known_before(ops: NDArray[np.uint8], is_first: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Return the state that the last put or del of the same run left, where there is one."""
    at = np.arange(len(ops))
    changes = np.where(ops == GET, -1, at)
    last = np.full(len(ops), -1)
    last[1:] = np.maximum.accumulate(changes)[:-1] if len(ops) else []
    begins = np.maximum.accumulate(np.where(is_first, at, 0)) if len(ops) else at
    is_known = last >= begins
    state = np.where(ops[np.maximum(last, 0)] == PUT, PRESENT, ABSENT) if len(ops) else last
    return np.where(is_known, state, UNKNOWN).astype(np.int8)


def _signs(ops: NDArray[np.uint8], is_first: NDArray[np.bool_]) -> NDArray[np.int8]:
    has_next = np.zeros(len(ops), dtype=np.bool_)
    has_next[:-1] = ~is_first[1:]
    puts_next = np.zeros(len(ops), dtype=np.bool_)
    puts_next[:-1] = ops[1:] == PUT
    of_get = np.where(has_next, np.where(puts_next, 2, 3), 4)
    return np.where(ops == DEL, 0, np.where(ops == PUT, 1, of_get)).astype(np.int8)


@dataclass(frozen=True, kw_only=True)
class _Likelihood:
    """P(sign | absent) and P(sign | present), and how often a known key is present."""

    of_sign: _Floats  # shape (2, _SIGNS)
    has_puts: bool  # where nothing is ever put, nothing is ever there
    known_present: float


def _likelihood(runs: Sequence[_Runs]) -> _Likelihood:
    counts = np.zeros((2, _SIGNS))
    for run in runs:
        for state in (ABSENT, PRESENT):
            counts[state] += np.bincount(run.sign[run.before == state], minlength=_SIGNS)
    total = counts.sum()
    smoothed = counts + 0.5  # a sign that was not seen is rare, not impossible
    return _Likelihood(
        of_sign=smoothed / smoothed.sum(axis=1, keepdims=True),
        has_puts=any(bool((run.ops == PUT).any()) for run in runs),
        # Never 0, or no evidence could change it.
        known_present=float((counts[PRESENT].sum() + 1) / (total + 2)),
    )


class _Walk:
    """Goes from piece to piece with the states that the last one left."""

    def __init__(
        self, keys: int, likelihood: _Likelihood, priors: dict[int, float], seed: int
    ) -> None:
        self.carried = np.full(keys, UNKNOWN, dtype=np.int8)
        self._likelihood = likelihood
        self._priors = priors
        self._prior_of_group = np.array([priors[group] for group in _GROUPS])
        self._chance = np.random.default_rng(seed)

    def refit(self, runs: Sequence[_Runs]) -> dict[int, float]:
        """Return the priors that the posteriors of this walk mean."""
        present, seen = np.zeros(len(_GROUPS)), np.zeros(len(_GROUPS))
        for run in runs:
            groups, posterior = self._posterior(run)
            if not run.is_start:
                places = groups - UNKNOWN
                present += np.bincount(places, weights=posterior, minlength=len(_GROUPS))
                seen += np.bincount(places, minlength=len(_GROUPS))
            self.step(run)
        return {
            group: float(present[at] / seen[at]) if seen[at] else self._priors[group]
            for at, group in enumerate(_GROUPS)
        }

    def step(self, run: _Runs) -> tuple[Restoration, Outcome]:
        """Draw the states before a piece, and go on to the states behind it."""
        keys = run.ids[run.is_first]
        state = np.full(len(keys), ABSENT, dtype=np.int8)
        if not run.is_start:
            _, posterior = self._posterior(run)
            state = (self._chance.random(len(keys)) < posterior).astype(np.int8)
        carried = self.carried[keys]
        restoration = Restoration(
            present=self._chance.permutation(keys[(state == PRESENT) & (carried != PRESENT)]),
            absent=keys[(state == ABSENT) & (carried == PRESENT)],
        )
        before = self._complete(run, state)
        self._leave(run, before)
        return restoration, _outcome(run, before)

    def _posterior(self, run: _Runs) -> tuple[NDArray[np.int8], _Floats]:
        """Return the group of each key of a piece and the probability that it was present."""
        groups = self.carried[run.ids[run.is_first]]
        signs = run.sign[run.is_first]
        prior = self._prior_of_group[groups - UNKNOWN]
        prior = prior if self._likelihood.has_puts else np.zeros(len(groups))
        present = prior * self._likelihood.of_sign[PRESENT, signs]
        absent = (1 - prior) * self._likelihood.of_sign[ABSENT, signs]
        return groups, present / (present + absent)

    def _complete(self, run: _Runs, state: NDArray[np.int8]) -> NDArray[np.int8]:
        run_of = np.cumsum(run.is_first) - 1
        filled: NDArray[np.int8] = np.where(run.before == UNKNOWN, state[run_of], run.before)
        return filled

    def _leave(self, run: _Runs, before: NDArray[np.int8]) -> None:
        is_last = np.ones(len(run.ids), dtype=np.bool_)
        is_last[:-1] = run.is_first[1:]
        ops = run.ops[is_last]
        after = np.where(ops == PUT, PRESENT, np.where(ops == DEL, ABSENT, before[is_last]))
        self.carried[run.ids[is_last]] = after


def _outcome(run: _Runs, before: NDArray[np.int8]) -> Outcome:
    was_there = before == PRESENT
    counts = np.bincount(run.ops, minlength=3)
    return Outcome(
        rows=len(run.ops),
        gets=int(counts[GET]),
        puts=int(counts[PUT]),
        dels=int(counts[DEL]),
        hits=int(((run.ops == GET) & was_there).sum()),
        inserts=int(((run.ops == PUT) & ~was_there).sum()),
        deletes=int(((run.ops == DEL) & was_there).sum()),
    )
