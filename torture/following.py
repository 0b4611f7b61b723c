"""A follower of events that loses its connection on purpose and resumes where it was."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import httpx

_ID = re.compile(rb"(?:^|\n)id: (\d+)\n")
_PAUSE_S = 0.5


@dataclass
class Follower:
    """Collects the ids of the events of a job, in the order they came.

    Parameters
    ----------
    client : httpx.AsyncClient
        With the address and the token.
    path : str
        Of the events.
    cuts : sequence of int
        After how many events each of its connections is cut.
    """

    client: httpx.AsyncClient
    path: str
    cuts: Sequence[int]
    ids: list[int] = field(default_factory=list)
    connections: int = 0
    resets: int = 0

    async def follow(self) -> None:
        """Follow until the stream ends by itself, with all cuts done."""
        cuts = list(self.cuts)
        while await self._follow_until(cuts[0] if cuts else None):
            cuts.pop(0)
            await asyncio.sleep(random.uniform(0, _PAUSE_S))

    async def _follow_until(self, cut: int | None) -> bool:
        """Follow one connection; return whether it was cut."""
        self.connections += 1
        headers = {"Last-Event-ID": str(self.ids[-1])} if self.ids else {}
        async with self.client.stream("GET", self.path, headers=headers) as answer:
            answer.raise_for_status()
            async for event in _events(answer):
                found = _ID.search(event)
                self.resets += b"event: reset" in event
                if found is None:
                    continue
                self.ids.append(int(found[1]))
                if cut is not None and len(self.ids) >= cut:
                    # What else has come on this connection is thrown away, as a cut line would.
                    return True
        return False


async def _events(answer: httpx.Response) -> AsyncIterator[bytes]:
    rest = b""
    async for block in answer.aiter_raw():
        *whole, rest = (rest + block).split(b"\n\n")
        for event in whole:
            yield event
