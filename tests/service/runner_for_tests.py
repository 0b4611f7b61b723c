"""The program of the runner with the kinds of tests instead of those of the product."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Before anything is confined: what lies on the path then can be read.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).resolve().parents[2]))

from adhash.service.worker import Kinds, main


def load_kinds() -> Kinds:
    from kinds_for_tests import KINDS

    return KINDS


if __name__ == "__main__":
    os._exit(main(sys.argv[1:], load_kinds=load_kinds))
