"""Options whose value may be left out, as in ``--compress`` for ``--compress zstd``."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any, ClassVar

from typer.core import TyperCommand


class OptionalValuesCommand(TyperCommand):
    """A command that fills in the values of options that were given without one.

    The parser of options wants a value after every option that takes one. An option that is the
    last word, or is followed by another option, is therefore completed before the parser sees it.
    """

    implied: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def with_values(cls, implied: Mapping[str, str]) -> type[OptionalValuesCommand]:
        """Return a class of command with these options and the values they stand for."""
        return type("OptionalValuesCommand", (cls,), {"implied": dict(implied)})

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments once every option has its value."""
        return super().parse_args(ctx, complete(args, self.implied))


def complete(args: list[str], implied: Mapping[str, str]) -> list[str]:
    """Return arguments in which every option of `implied` has a value.

    Parameters
    ----------
    args : list of str
        The arguments as they were given.
    implied : mapping of str to str
        Options, and the values they have without one.

    Returns
    -------
    list of str
        The arguments, each such option followed by a value.
    """
    completed = []
    for word, after in zip_longest(args, args[1:], fillvalue="--"):
        completed.append(word)
        if word in implied and after.startswith("-"):
            completed.append(implied[word])
    return completed
