"""Visits of objects, drawn from a fitted trace window by window, in bounded memory.

Time is that of the fitted trace. A window takes the objects whose next visit falls into
it, draws as many visits of each as it is likely to hold, keeps those that do fall into it, and
puts the object back into a calendar for its next one. Behind the end of the fitted part, the next
epoch begins: the same lives again, in which the most popular objects are those of before and the
others are new.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from adhash.workloads.fitted_trace import (
    CELLS,
    DELETED,
    FIRST_PUT,
    LAST,
    LIVE,
    NEVER_PUT,
    STATES,
    TABLE,
    FittedTrace,
    Ints,
    state_after,
)
from adhash.workloads.seeded import SeededStream

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Visits:
    """Visits in the order of time.

    Parameters
    ----------
    objects : ndarray of int64, shape (n,)
        Which object is visited.
    epochs : ndarray of int64, shape (n,)
        The epoch in which that object came into being.
    patterns : ndarray of uint8, shape (n,)
        What is done with it.
    """

    objects: Ints
    epochs: Ints
    patterns: Bytes


@dataclass(frozen=True, kw_only=True)
class _Actors:
    """Objects with visits to come: the next one is at `times`, and `left` counts it.

    Those that came into being in this epoch are young: they have their first put before them.
    """

    objects: Ints
    times: Floats
    left: Ints
    is_young: npt.NDArray[np.bool_]

    def where(self, chosen: npt.NDArray[Any]) -> _Actors:
        return _Actors(
            objects=self.objects[chosen],
            times=self.times[chosen],
            left=self.left[chosen],
            is_young=self.is_young[chosen],
        )


def _joined(parts: list[_Actors]) -> _Actors:
    names = ("objects", "times", "left", "is_young")
    return _Actors(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})


class VisitStream:
    """Draws visits without end.

    Parameters
    ----------
    fitted : FittedTrace
        What was kept of a trace.
    stream : SeededStream
        The source of randomness.
    """

    def __init__(self, fitted: FittedTrace, stream: SeededStream) -> None:
        self._fitted = fitted
        self._stream = stream
        self._states = np.zeros(fitted.objects, dtype=np.uint8)
        before = (NEVER_PUT, LIVE, DELETED, NEVER_PUT)
        self._after = np.stack(
            [state_after(fitted.patterns[:, c], before[c % LAST]) for c in range(CELLS)], axis=1
        )
        # Objects that later epochs have anew: the least popular ones.
        order = np.argsort(fitted.visits, kind="stable")
        keys = np.cumsum(fitted.sizes[order])
        self._is_new = np.zeros(fitted.objects, dtype=np.bool_)
        self._is_new[order[keys <= round(fitted.new_share * keys[-1])]] = True

    def windows(self) -> Iterator[Visits]:
        """Yield visits, window by window.

        Yields
        ------
        Visits
            Of a stretch of time; there may be none.
        """
        epoch = 0
        while True:
            yield from self._epoch(epoch)
            epoch += 1

    def _epoch(self, epoch: int) -> Iterator[Visits]:
        fitted = self._fitted
        if epoch:
            self._states[self._is_new] = NEVER_PUT
        calendar: dict[int, list[_Actors]] = defaultdict(list)
        windows = len(fitted.windows) - 1
        bounds = np.searchsorted(fitted.first, fitted.windows)
        bounds[-1] = fitted.objects
        for window in range(windows):
            arrivals = np.arange(bounds[window], bounds[window + 1])
            came = _Actors(
                objects=arrivals,
                times=fitted.first[arrivals],
                left=fitted.visits[arrivals],
                is_young=self._is_new[arrivals] | (epoch == 0),
            )
            actors = _joined([came, *calendar.pop(window, [])])
            end = float(fitted.windows[window + 1]) if window + 1 < windows else math.inf
            yield self._window(actors, end, epoch, calendar)

    def _window(
        self,
        actors: _Actors,
        end: float,
        epoch: int,
        calendar: dict[int, list[_Actors]],
    ) -> Visits:
        times, objects, patterns = [], [], []
        while len(actors.objects):
            drawn = self._draw(actors, end)
            times.append(drawn[0])
            objects.append(drawn[1])
            patterns.append(drawn[2])
            actors = drawn[3]
            is_later = actors.times >= end
            self._put_back(actors.where(is_later), calendar)
            actors = actors.where(~is_later)
        if not times:
            nothing = np.empty(0, dtype=np.int64)
            return Visits(objects=nothing, epochs=nothing, patterns=nothing.astype(np.uint8))
        order = np.argsort(np.concatenate(times), kind="stable")
        found = np.concatenate(objects)[order]
        epochs = np.where(self._is_new[found], epoch, 0)
        return Visits(objects=found, epochs=epochs, patterns=np.concatenate(patterns)[order])

    def _put_back(self, actors: _Actors, calendar: dict[int, list[_Actors]]) -> None:
        if not len(actors.objects):
            return
        # What chance put behind the end of the epoch still belongs to its last window.
        windows = self._fitted.windows
        window = np.searchsorted(windows, actors.times, side="right") - 1
        window = np.minimum(window, len(windows) - 2)
        order = np.argsort(window, kind="stable")
        numbers, starts = np.unique(window[order], return_index=True)
        for number, places in zip(numbers.tolist(), np.split(order, starts[1:]), strict=True):
            calendar[number].append(actors.where(places))

    def _draw(self, actors: _Actors, end: float) -> tuple[Floats, Ints, Bytes, _Actors]:
        """Return times, objects and patterns of visits before `end`, and who has visits left."""
        fitted = self._fitted
        life = np.maximum(fitted.last[actors.objects] - actors.times, 0.0)
        mean = life / np.maximum(actors.left - 1, 1)
        likely = 4 + 1.2 * (end - actors.times) / np.maximum(mean, 1e-9)
        counts = np.minimum(actors.left, np.minimum(likely, 1 << 40).astype(np.int64))
        begins = np.cumsum(counts) - counts
        actor = np.repeat(np.arange(len(counts)), counts)
        place = np.arange(len(actor)) - begins[actor]
        patterns, after = self._patterns(actors, actor, place)
        times = self._times(actors, actor, place, begins, counts, mean, life, after)
        # Without all of its visits drawn, the last one of an object is kept for the next time.
        is_whole = counts == actors.left
        happens = (times < end) & (is_whole[actor] | (place < (counts - 1)[actor]))
        done = np.add.reduceat(happens.astype(np.int64), begins)
        self._states[actors.objects] = after[begins + done - 1]
        is_left = done < actors.left
        left = _Actors(
            objects=actors.objects[is_left],
            times=times[(begins + np.minimum(done, counts - 1))[is_left]],
            left=(actors.left - done)[is_left],
            is_young=actors.is_young[is_left],
        )
        return times[happens], actors.objects[actor[happens]], patterns[happens], left

    def _times(
        self,
        actors: _Actors,
        actor: Ints,
        place: Ints,
        begins: Ints,
        counts: Ints,
        mean: Floats,
        life: Floats,
        after: Bytes,
    ) -> Floats:
        """Return when each visit takes place: the first one of an actor at its own time."""
        fitted = self._fitted
        previous = np.maximum(np.arange(len(actor)) - 1, 0)
        cell = fitted.gap_groups[actors.objects[actor]] * STATES + after[previous]
        low, high = fitted.gap_bounds[cell], fitted.gap_bounds[cell + 1]
        at = low + (self._stream.doubles(len(actor)) * (high - low)).astype(np.int64)
        shapes = np.where(
            high > low, fitted.gap_shapes[np.minimum(at, len(fitted.gap_shapes) - 1)], 1.0
        )
        gaps = np.where(place == 0, 0.0, shapes)
        total = np.cumsum(gaps)
        waited = total - (total[begins] - gaps[begins])[actor]
        ends = begins + counts - 1
        # With all gaps of a life drawn, their sum is made to be what is left of it.
        is_whole = (counts == actors.left) & (waited[ends] > 0)
        scale = np.where(is_whole, life / np.where(is_whole, waited[ends], 1.0), mean)
        return np.asarray(actors.times[actor] + waited * scale[actor])

    def _patterns(self, actors: _Actors, actor: Ints, place: Ints) -> tuple[Bytes, Bytes]:
        """Return what each visit does, and the state of the key after it.

        A visit maps the state before it to the one after it. Composing these maps along the visits
        of an object, by doubling, gives every state without a loop over visits.
        """
        fitted = self._fitted
        whom = actors.objects[actor]
        group = fitted.op_groups[whom]
        drawn = (self._stream.doubles(len(actor)) * TABLE).astype(np.int64)
        ordinal = (fitted.visits[actors.objects] - actors.left)[actor] + place
        last = np.where(ordinal == fitted.visits[whom] - 1, LAST, 0)
        opens = np.flatnonzero((ordinal == fitted.first_put[whom]) & actors.is_young[actor])
        maps = np.stack([self._after[group, s + last, drawn] for s in range(STATES)], axis=1)
        maps[opens] = self._after[group[opens], FIRST_PUT + last[opens], drawn[opens]][:, None]
        step, most = 1, int(place.max(initial=0))
        while step <= most:
            later = np.flatnonzero(place >= step)
            earlier = maps[later - step]
            maps[later] = np.take_along_axis(maps[later], earlier.astype(np.intp), axis=1)
            step *= 2
        begin_states = self._states[actors.objects][actor]
        after = maps[np.arange(len(actor)), begin_states]
        before = begin_states.copy()
        goes_on = np.flatnonzero(place > 0)
        before[goes_on] = after[goes_on - 1]
        cell = before + last
        cell[opens] = FIRST_PUT + last[opens]
        return fitted.patterns[group, cell, drawn], after
