"""The command line: one file per command, one envelope for every error."""

from __future__ import annotations

import sys

# As typing.TYPE_CHECKING, which would cost the beginning of a program that Ctrl-C cannot end well.
TYPE_CHECKING = False
if TYPE_CHECKING:
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

    def run() -> None:
        from adhash.cli.app import run_command

        run_command(sys.argv[1:] if argv is None else list(argv), prog=prog)

    # All imports are deferred, so that an interrupt while they run ends in the envelope too.
    try:
        from adhash.cli.envelope import guarded

        return guarded(run, prog=prog)
    except KeyboardInterrupt:
        return _tell_of_interrupt(prog)
    finally:
        if argv is None:
            _let_interrupts_kill()


def _tell_of_interrupt(prog: str) -> int:
    """Report an interrupt that came before the envelope was there, or as it was written."""
    _let_interrupts_kill()
    from adhash.cli.envelope import report

    return report(KeyboardInterrupt(), prog=prog)


def _let_interrupts_kill() -> None:
    """End the process by the next Ctrl-C, as one that is about to end would be by a traceback."""
    import contextlib
    import signal

    with contextlib.suppress(ValueError):  # outside of the main thread, where nobody sets signals
        signal.signal(signal.SIGINT, signal.SIG_DFL)
