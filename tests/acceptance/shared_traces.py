"""Recorded traces of real programs that lie beside the checkout, and what was counted in them.

The traces do not belong to the project. They lie in ``../shared/data``, or where
``ADHASH_SHARED_DATA`` says, with a program that makes CSV of them and what it counted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_CHECKOUT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("ADHASH_SHARED_DATA", _CHECKOUT.parent / "shared" / "data"))
TRACES = (
    "arc_oltp",
    "arc_p3",
    "cache2k_orm_busy",
    "cache2k_web12",
    "cachelib_block_sample",
    "cachelib_kv_sample",
    "debian_deps",
    "git_objwalk",
    "malloc_cc1plus",
    "path_lookups_build",
    "urls_kasztp",
    "word_count",
)

needs_traces = pytest.mark.skipif(
    not (DATA / "convert.py").is_file(),
    reason=f"{DATA} holds no traces; ADHASH_SHARED_DATA names another place",
)


@cache
def counted() -> dict[str, dict[str, Any]]:
    """Return what was counted in each trace, by its name."""
    listed = json.loads((DATA / "stats.json").read_text(encoding="utf-8"))
    return {each["name"]: each for each in listed}


def converted(name: str, folder: Path) -> Path:
    """Return a trace as CSV, made in `folder`."""
    command = [sys.executable, str(DATA / "convert.py"), name, "--out", str(folder)]
    options = ["--fill", counted()[name]["fill"], "--value-cap", str(counted()[name]["value_cap"])]
    subprocess.run([*command, *options], check=True, capture_output=True)
    return folder / f"{name}.csv"
