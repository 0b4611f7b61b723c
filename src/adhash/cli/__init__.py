"""The command line: one file per command, one envelope for every error."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None, *, prog: str = "adhash") -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    argv : sequence of str or None
        The arguments without the program's name; those of this process where None.
    prog : str
        The program's name, for usage lines.

    Returns
    -------
    int
        0 OK, 2 BadInput, 3 Invariant, 4 Policy, 5 IO, 130 interrupted; 141 if the reader of the
        output went away, as for any program that a closed pipe ends.
    """
    # Deferred, so that an interrupt while the imports run ends in the envelope too.
    from adhash.cli.envelope import guarded

    def run() -> None:
        from adhash.cli.app import run_command

        run_command(sys.argv[1:] if argv is None else list(argv), prog=prog)

    return guarded(run, prog=prog)
