"""``python -m adhash.batch --spec FILE`` is ``adhash batch FILE``."""

from __future__ import annotations

import sys

from adhash.cli import main


def arguments(words: list[str]) -> list[str]:
    """Return the arguments of ``adhash batch`` that `words` stand for."""
    return ["batch", *(word.removeprefix("--spec=") for word in words if word != "--spec")]


if __name__ == "__main__":
    sys.exit(main(arguments(sys.argv[1:]), prog="adhash"))
