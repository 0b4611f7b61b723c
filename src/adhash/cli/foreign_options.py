"""A word on options for foreign traces that were given for a trace of operations."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from adhash.options.base import flag_of
from adhash.options.traces import ForeignOptions
from adhash.presenters import printable
from adhash.workloads.importing import NATIVE

_FOR_FOREIGN_TRACES = ("fill", "value_cap")


def tell_options_without_effect(
    trace: str, *, trace_format: str | None, given: Mapping[str, object]
) -> None:
    """Say on stderr which options had no effect, because the trace holds operations already.

    No error: a suite may set them for several traces, of which one is foreign.

    Parameters
    ----------
    trace : str
        The trace as it was named.
    trace_format : str or None
        Its format; None where it is not known, and nothing is said.
    given : mapping of str to object
        Options by name; those that are None were not given.
    """
    if trace_format not in NATIVE:
        return
    fields = ForeignOptions.model_fields
    flags = [flag_of(n, fields[n]) for n in _FOR_FOREIGN_TRACES if given.get(n) is not None]
    if flags:
        verb = "has" if len(flags) == 1 else "have"
        print(
            f"adhash: {' and '.join(flags)} {verb} no effect: {printable(trace)} holds operations "
            "already",
            file=sys.stderr,
        )
