"""What a report is made of, whatever it is written in: replays, other results, and jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from adhash.presenters import Table
from adhash.reports.known_results import known_result
from adhash.results import Result


@dataclass(frozen=True, kw_only=True)
class Source:
    """A result as its JSON has it, and the job or file that it is from."""

    name: str
    command: str
    result: Mapping[str, Any]

    @cached_property
    def known(self) -> Result | None:
        """The result as its model has it, validated once; None if it has none, or is none."""
        return known_result(self.result)


@dataclass(frozen=True, kw_only=True)
class UnfinishedJob:
    """A job of a suite that did not complete, what became of it, and why."""

    name: str
    status: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a report says.

    Parameters
    ----------
    title : str
        Of the page.
    kind : str
        What the page is, in a few words, such as ``suite``.
    status : str
        ``completed``, or another word that is shown as a warning; empty where there is none.
    facts : tuple of (str, str)
        What stands below the title: words, and what they say.
    jobs : Table or None
        A row for every job.
    unfinished : tuple of UnfinishedJob
        Jobs that did not complete, where `jobs` does not tell.
    replays : tuple of Source
        Summaries of replays.
    others : tuple of Source
        Results of other commands.
    """

    title: str
    kind: str
    status: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    jobs: Table | None = None
    unfinished: tuple[UnfinishedJob, ...] = ()
    replays: tuple[Source, ...] = ()
    others: tuple[Source, ...] = ()
