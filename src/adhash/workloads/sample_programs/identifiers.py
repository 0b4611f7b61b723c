"""Keep an index of the identifiers that are in use in a tree of Python sources.

The index maps a name to the number of the file that used it last. Names that no file has used for
a while are dropped, as an editor's completion would do. Run on the standard library, it looks up a
name for every identifier in some hundred files: a workload of short strings, few of them very
frequent, with misses for new names and deletes of old ones.

Usage: ``identifiers.py [DIRECTORY [FILES]]``
"""

from __future__ import annotations

import random
import sys
import sysconfig
import tokenize
from collections.abc import Iterator, MutableMapping
from pathlib import Path

from adhash.workloads.recorder import Recorder

_KEPT_FILES = 40
_DROP_EVERY = 10


def identifiers(path: Path) -> Iterator[str]:
    """Yield the names in a Python source, in order; those before an error where it has one."""
    try:
        with tokenize.open(path) as lines:
            for token in tokenize.generate_tokens(lines.readline):
                if token.type == tokenize.NAME:
                    yield token.string
    except (SyntaxError, UnicodeDecodeError, tokenize.TokenError):
        return


def index(paths: list[Path], last_used: MutableMapping[str, int]) -> None:
    """Enter the identifiers of all files into `last_used`, and drop old ones on the way."""
    for number, path in enumerate(paths, 1):
        for name in identifiers(path):
            if last_used.get(name) != number:
                last_used[name] = number
        if number % _DROP_EVERY == 0:
            drop_unused(last_used, since=number - _KEPT_FILES)


def drop_unused(last_used: MutableMapping[str, int], *, since: int) -> None:
    """Remove the names that no file after number `since` has used."""
    for name, number in list(last_used.items()):
        if number <= since:
            del last_used[name]


def main() -> None:
    """Index the directory that is named, or else the standard library."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else sysconfig.get_path("stdlib"))
    count = int(sys.argv[2]) if len(sys.argv) > 2 else None
    paths = sorted(path for path in root.rglob("*.py") if "site-packages" not in path.parts)
    # Neighbours in a directory are alike; a shuffle spreads them, the same way in every run.
    random.Random(0).shuffle(paths)  # noqa: S311
    last_used: MutableMapping[str, int] = Recorder({})
    index(paths[:count], last_used)
    print(f"{len(last_used)} names are in use")


if __name__ == "__main__":
    main()
