"""What a snapshot says about itself, kept as Arrow schema metadata that any reader can print."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from adhash.errors import SnapshotError
from adhash.snapshots.columns import KeyType, ValueType

FORMAT: Final = "adhash.snapshot.v1"
_PREFIX: Final = "adhash."
_JSON_FIELDS: Final = ("settings", "versions")


def current_versions() -> dict[str, str]:
    """Return the versions of what writes a snapshot: adhash, numpy, pyarrow and Python."""
    versions = {"python": platform.python_version()}
    for package in ("adhash", "numpy", "pyarrow"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:  # a source tree that was never installed
            versions[package] = "unknown"
    return versions


class SnapshotHeader(BaseModel):
    """The map a snapshot was taken of.

    Parameters
    ----------
    engine : str
        The engine that held the entries.
    layout : str
        The layout it was in, which differs from the engine for ``adaptive``.
    key_type, value_type : str
        The types of the two columns.
    size : int
        Number of entries.
    seed : int
        The seed of the map's hash, 64 bits.
    settings : mapping
        The engine's settings by name.
    versions : mapping
        Versions of what wrote the file.
    created_at : datetime
        When the snapshot was begun; with a time zone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: str
    layout: str
    key_type: KeyType
    value_type: ValueType
    size: Annotated[int, Field(ge=0, lt=2**63)]
    seed: Annotated[int, Field(ge=0, lt=2**64)]
    settings: Mapping[str, bool | int | float | str | None] = Field(default_factory=dict)
    versions: Mapping[str, str] = Field(default_factory=current_versions)
    created_at: AwareDatetime

    def to_metadata(self) -> dict[str, str]:
        """Return the header as schema metadata: one entry a field, JSON where it has parts."""
        fields = self.model_dump(mode="json")
        entries = {
            name: json.dumps(value, sort_keys=True) if name in _JSON_FIELDS else str(value)
            for name, value in fields.items()
        }
        return {_PREFIX + name: text for name, text in {"format": FORMAT, **entries}.items()}

    @classmethod
    def from_metadata(cls, metadata: Mapping[bytes, bytes] | None) -> SnapshotHeader:
        """Return the header that schema metadata holds.

        Parameters
        ----------
        metadata : mapping of bytes to bytes, or None
            As ``pyarrow.Schema.metadata``; entries of other programs are ignored.

        Returns
        -------
        SnapshotHeader
            The header, validated.

        Raises
        ------
        SnapshotError
            If the format is unknown, an entry is missing or a value is out of its range.
        """
        entries = metadata or {}
        written_as = entries.get(b"adhash.format", b"").decode("utf-8", "replace")
        if written_as != FORMAT:
            raise SnapshotError(
                f"the snapshot's format is {written_as!r}; this version reads {FORMAT!r}",
                hint="load it with the version of adhash that wrote it",
            )
        try:
            return cls.model_validate(_parse(entries))
        except (ValidationError, ValueError, RecursionError) as error:
            raise SnapshotError(f"the snapshot's header cannot be used: {error}") from error


def _parse(entries: Mapping[bytes, bytes]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name in SnapshotHeader.model_fields:
        text = entries.get((_PREFIX + name).encode())
        if text is not None:
            fields[name] = json.loads(text) if name in _JSON_FIELDS else text.decode()
    return fields
