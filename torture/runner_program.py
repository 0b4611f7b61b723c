"""The program of the runner, which knows the kinds of `torture.misbehaviour` as well."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Before anything is confined: what lies on the path then can be read.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from adhash.service.worker import Kinds, load_job_kinds, main


def load_kinds() -> Kinds:
    """Return the kinds of both."""
    from torture.misbehaviour import KINDS

    return {**load_job_kinds(), **KINDS}


if __name__ == "__main__":
    os._exit(main(sys.argv[1:], load_kinds=load_kinds))
