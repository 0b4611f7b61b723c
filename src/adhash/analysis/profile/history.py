"""What a table held when a window of its trace began, inferred from the window itself.

A window cut out of the middle of a trace meets, in a fresh table, keys that were put long before:
its look-ups would miss, its deletions find nothing, its updates become insertions. The table has
to be put into the state that the trace had brought it to, and reading the trace up to there would
cost as much as running it. But only the keys that the window touches matter to its operations, and
what a window does to a key tells whether it was there:

    del k                  programs delete what they have; taken for granted where nothing shows it
    get k ... put k        a cache that reads through puts what it missed
    get k ... get k        and does not put what it found

How telling each of these signs is differs between programs: in a word count a put follows each
get, found or not. It need not be guessed. Many operations of the sample have a known state before
them: those behind a put or del of the same key in the same window, and all of the first window,
because a trace begins with an empty table. They give the likelihoods P(sign | present) and
P(sign | absent). The first operation on a key in a later window then shows one of the signs, and
Bayes' rule gives the probability that its key was present.

The prior is what time does to a key that no one has seen since: it keeps the state that the last
window left it in (absent, before the first) unless it was written meanwhile, and then it is present
as often as writes are puts. How long keys go unwritten is the business of
`adhash.analysis.profile.recurrence`. The prior is then fitted by expectation maximisation, one
factor on its odds for each of three groups: keys never shown before, those last left in the table,
and those last left outside. A state is drawn with the probability that comes out, so that shares
are right where single keys cannot be known.

What this cannot see: keys that are in the table and never touched by a window. The sampled table
is smaller than the real one, which `adhash.analysis.profile.recommendation` tells of. Nor can it
tell keys that are looked up and never put from keys that are always there.

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
from adhash.analysis.profile.recurrence import Capture, Recurrence, fit_recurrence
from adhash.analysis.profile.runs import ABSENT, DEL_SIGN, PRESENT, SIGNS, UNKNOWN, Runs, places_of

# Keys by what the pieces before left of them.
_GROUPS = (UNKNOWN, ABSENT, PRESENT)

_ROUNDS = 3
# No state is ruled out before its sign was seen.
_LEAST_PRIOR = 1e-3
# Where the sample does not tell: how many deletions find their key for each that does not.
_FOUND_FOR_ONE_MISSED = 20.0

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
    weights: Sequence[float],
    *,
    seed: int,
    require_going_on: Callable[[], None] = lambda: None,
) -> History:
    """Return what the table held before each piece of a trace.

    Parameters
    ----------
    pieces : sequence of Operations
        Pieces of one trace, in order; the first begins where the trace does.
    weights : sequence of float
        How many rows of the trace a row of each piece stands for.
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
    ends = np.cumsum([len(piece) for piece in pieces])[:-1]
    for piece, own, place in zip(
        pieces, np.split(ids, ends), places_of(pieces, weights), strict=True
    ):
        require_going_on()
        runs.append(Runs.of(piece.ops, own, place))
    traffic = _traffic(runs, len(dictionary))
    factors = np.ones(len(_GROUPS))
    for _ in range(_ROUNDS if len(runs) > 1 else 0):
        require_going_on()
        factors = _Walk(len(dictionary), traffic, factors, seed).refit(runs)
    walk = _Walk(len(dictionary), traffic, factors, seed)
    steps = [walk.step(run) for run in runs]
    return History(
        restorations=[restoration for restoration, _ in steps],
        outcomes=[outcome for _, outcome in steps],
        unique_keys=len(dictionary),
        live=int((walk.carried == PRESENT).sum()),
        dictionary=dictionary,
    )


def _identify(pieces: Sequence[Operations]) -> tuple[_Ints, ArrowArray]:
    """Return the ids of the keys of all pieces, and the key of each id."""
    import pyarrow as pa

    encoded = pa.concat_arrays([piece.keys for piece in pieces]).dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary


@dataclass(frozen=True, kw_only=True)
class _Traffic:
    """What the pieces tell of the trace.

    `of_sign` is P(sign | absent) and P(sign | present), shape (2, signs); `recurrence` tells how
    soon keys return; `writes` is the share of operations that are put or del, `puts` the share of
    puts among these.
    """

    of_sign: _Floats
    recurrence: Recurrence
    writes: float
    puts: float


def _traffic(runs: Sequence[Runs], keys: int) -> _Traffic:
    counts = np.zeros((2, SIGNS))
    ops = np.zeros(3)
    for run in runs:
        ops += np.bincount(run.ops, minlength=3)
        for state in (ABSENT, PRESENT):
            counts[state] += np.bincount(run.sign[run.before == state], minlength=SIGNS)
    writes = ops[PUT] + ops[DEL]
    return _Traffic(
        of_sign=_likelihoods(counts),
        recurrence=fit_recurrence(_captures(runs, keys)),
        writes=float(writes / ops.sum()),
        puts=float(ops[PUT] / writes) if writes else 0.0,
    )


def _likelihoods(counts: _Floats) -> _Floats:
    """Return P(sign | state) from how often each was seen in each known state, of the same shape.

    A known state is one that the same piece has shown, and few pieces are so long that they show a
    key put and deleted. Deletions that none shows are taken for what they mostly are.
    """
    smoothed = counts + 0.5  # a sign that was not seen is rare, not impossible
    likely: _Floats = smoothed / smoothed.sum(axis=1, keepdims=True)
    if not counts[:, DEL_SIGN].any():
        of_present = likely[:, DEL_SIGN].max()
        likely[:, DEL_SIGN] = [of_present / _FOUND_FOR_ONE_MISSED, of_present]
    return likely


def _captures(runs: Sequence[Runs], keys: int) -> list[Capture]:
    """Return how many keys of each piece but the first no earlier one has shown."""
    is_known = np.zeros(keys, dtype=np.bool_)
    captures = []
    for run in runs:
        own = run.ids[run.is_first]
        if not run.is_start:
            new = int((~is_known[own]).sum())
            captures.append(Capture(shown=run.place.shown, keys=len(own), new=new))
        is_known[own] = True
    return captures


class _Walk:
    """Goes from piece to piece with the states that the last one left.

    Parameters
    ----------
    keys : int
        How many keys there are.
    traffic : _Traffic
        What the pieces tell.
    factors : ndarray, shape (3,)
        On the odds of the prior, of each of `_GROUPS`.
    seed : int
        Of the states that are drawn.
    """

    def __init__(self, keys: int, traffic: _Traffic, factors: _Floats, seed: int) -> None:
        self.carried = np.full(keys, UNKNOWN, dtype=np.int8)
        # Keys were last left at the beginning of the trace or of a piece: few places, by number.
        self._left_at = np.zeros(keys, dtype=np.int64)
        self._places = [0.0]
        self._traffic = traffic
        self._factors = factors
        self._chance = np.random.default_rng(seed)

    def refit(self, runs: Sequence[Runs]) -> _Floats:
        """Return the factors that bring the priors to what the posteriors of this walk say."""
        prior_sum, posterior_sum, seen = np.zeros((3, len(_GROUPS)))
        for run in runs:
            if run.is_start:
                self._leave(run, run.before)
                continue
            prior, posterior = self._beliefs(run)
            cases = self._cases(run)
            counts = np.bincount(cases, minlength=posterior.size).reshape(posterior.shape)
            of_place_and_group = counts.sum(axis=2)
            prior_sum += (of_place_and_group * prior).sum(axis=0)
            posterior_sum += (counts * posterior).sum(axis=(0, 2))
            seen += of_place_and_group.sum(axis=0)
            self._leave(run, self._draw(run, posterior.ravel()[cases]))
        seen = np.maximum(seen, 1)
        factors: _Floats = self._factors * _odds(posterior_sum / seen) / _odds(prior_sum / seen)
        return factors

    def step(self, run: Runs) -> tuple[Restoration, Outcome]:
        """Draw the states before a piece, and go on to the states behind it."""
        keys = run.ids[run.is_first]
        before = run.before  # all of it is known where the trace begins
        if not run.is_start:
            before = self._draw(run, self._beliefs(run)[1].ravel()[self._cases(run)])
        state, carried = before[run.is_first], self.carried[keys]
        restoration = Restoration(
            present=self._chance.permutation(keys[(state == PRESENT) & (carried != PRESENT)]),
            absent=keys[(state == ABSENT) & (carried == PRESENT)],
        )
        self._leave(run, before)
        return restoration, _outcome(run, before)

    def _draw(self, run: Runs, chances: _Floats) -> NDArray[np.int8]:
        """Return a state before each operation of a piece, by the chances of its keys."""
        state = (self._chance.random(len(chances)) < chances).astype(np.int8)
        run_of = np.cumsum(run.is_first) - 1
        filled: NDArray[np.int8] = np.where(run.before == UNKNOWN, state[run_of], run.before)
        return filled

    def _cases(self, run: Runs) -> _Ints:
        """Return for each key of a piece all that its probability depends on, as one number."""
        keys = run.ids[run.is_first]
        groups = self.carried[keys] - UNKNOWN
        case: _Ints = (self._left_at[keys] * len(_GROUPS) + groups) * SIGNS
        return case + run.sign[run.is_first]

    def _beliefs(self, run: Runs) -> tuple[_Floats, _Floats]:
        """Return the probabilities that a key was present, by case: before, and behind the sight of
        its first sign; of shape (places, groups) and (places, groups, signs).
        """
        shape = (len(self._places), len(_GROUPS), SIGNS)
        if not self._traffic.puts:  # where nothing is ever put, nothing is ever there
            return np.zeros(shape[:2]), np.zeros(shape)
        odds = _odds(self._prior(run)) * self._factors
        ratio = self._traffic.of_sign[PRESENT] / self._traffic.of_sign[ABSENT]
        seen = odds[:, :, None] * ratio
        return odds / (1 + odds), seen / (1 + seen)

    def _prior(self, run: Runs) -> _Floats:
        """Return the probability by time alone: the state last left, unless written since."""
        rows = (run.place.at - np.array(self._places)) * self._traffic.writes
        unwritten = self._traffic.recurrence.unseen(
            rows[:, None], shown=run.place.shown, was_seen=np.array(_GROUPS) != UNKNOWN
        )
        left = np.array(_GROUPS) == PRESENT
        prior: _Floats = unwritten * left + (1 - unwritten) * self._traffic.puts
        return prior

    def _leave(self, run: Runs, before: NDArray[np.int8]) -> None:
        is_last = np.ones(len(run.ids), dtype=np.bool_)
        is_last[:-1] = run.is_first[1:]
        ops, keys = run.ops[is_last], run.ids[is_last]
        self.carried[keys] = np.where(
            ops == PUT, PRESENT, np.where(ops == DEL, ABSENT, before[is_last])
        )
        self._left_at[keys] = len(self._places)
        self._places.append(run.place.at)


def _odds(probability: _Floats) -> _Floats:
    kept = np.minimum(np.maximum(probability, _LEAST_PRIOR), 1 - _LEAST_PRIOR)
    odds: _Floats = kept / (1 - kept)
    return odds


def _outcome(run: Runs, before: NDArray[np.int8]) -> Outcome:
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
