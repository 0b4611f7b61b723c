"""Driving steps by a script instead of a network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from adhash.service.calls.retrying import Retries
from adhash.service.calls.steps import Ask, Emit, Open, Pause, Step, Steps, Way

NEVER_JITTERED = Retries(limit=3, first_s=1.0, longest_s=4.0, draw=lambda: 1.0)


class Script:
    """Replies in order; a reply that is an exception is thrown. Notes what was asked."""

    def __init__(self, replies: Iterable[Any]) -> None:
        self._replies = list(replies)
        self.steps: list[Step] = []
        self.emitted: list[Any] = []

    def run(self, steps: Steps[Any]) -> Any:
        """Carry the steps out and return what they come to; every reply must be used."""
        way = Way(steps)
        while (step := way.next_step()) is not None:
            if isinstance(step, Emit):
                self.emitted.append(step.value)
                continue
            self.steps.append(step)
            if not isinstance(step, Pause):
                self._reply(way)
        assert self._replies == []
        return way.result

    def _reply(self, way: Way[Any]) -> None:
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            way.failure = reply
        else:
            way.reply = reply

    @property
    def pauses(self) -> list[float]:
        """Return how long it waited each time."""
        return [step.seconds for step in self.steps if isinstance(step, Pause)]

    @property
    def requests(self) -> list[Any]:
        """Return the requests that were sent."""
        return [step.request for step in self.steps if isinstance(step, Ask | Open)]
