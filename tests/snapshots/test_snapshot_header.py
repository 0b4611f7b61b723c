"""A header of hostile content is refused like any other that cannot be used."""

from __future__ import annotations

import pytest
from snapshot_samples import header_of

from adhash.errors import SnapshotError
from adhash.snapshots import SnapshotHeader


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "{", "[1]", "9" * 10_000])
def test_settings_that_are_no_table_are_refused(text: str) -> None:
    entries = header_of("int64", "int64").to_metadata() | {"adhash.settings": text}
    with pytest.raises(SnapshotError, match="header cannot be used"):
        SnapshotHeader.from_metadata({k.encode(): v.encode() for k, v in entries.items()})
