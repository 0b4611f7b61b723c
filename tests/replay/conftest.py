"""Traces to replay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

WriteTrace = Callable[..., Path]


@pytest.fixture
def write_trace(tmp_path: Path) -> WriteTrace:
    """Return a function that writes rows below the header and returns the file."""

    def write(*rows: str, name: str = "trace.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join(["op,key,value", *rows]) + "\n", encoding="utf-8")
        return path

    return write
