"""What a snapshot says about itself, kept as Arrow schema metadata that any reader can print."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from adhash.errors import SnapshotError
from adhash.snapshots.columns import KeyType, ValueType
from adhash.snapshots.digest import METADATA_KEY

FORMAT: Final = "adhash.snapshot.v1"
_PREFIX: Final = "adhash."
_JSON_FIELDS: Final = ("settings", "versions")
# The header's own digest: the file's says that something is wrong, this says whether it is here.
_DIGEST_KEY: Final = "adhash.header_sha256"


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
        metadata = {_PREFIX + name: text for name, text in {"format": FORMAT, **entries}.items()}
        return {**metadata, _DIGEST_KEY: _digest_of(metadata)}

    @classmethod
    def has_digest(cls, metadata: Mapping[bytes, bytes] | None) -> bool:
        """Return whether the header in some metadata carries a digest of its own."""
        return _DIGEST_KEY.encode() in (metadata or {})

    def digest(self) -> str:
        """Return the SHA-256 of the header's entries, 64 digits; the snapshot's name for itself."""
        return self.to_metadata()[_DIGEST_KEY]

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
            If the format is unknown, an entry is missing, a value is out of its range, or the
            entries are not those that were written.
        """
        entries = metadata or {}
        written_as = entries.get(b"adhash.format", b"").decode("utf-8", "replace")
        if written_as != FORMAT:
            raise SnapshotError(
                f"the snapshot's format is {written_as!r}; this version reads {FORMAT!r}",
                hint="load it with the version of adhash that wrote it",
            )
        try:
            header = cls.model_validate(_parse(entries))
        except (ValidationError, ValueError, RecursionError) as error:
            raise SnapshotError(f"the snapshot's header cannot be used: {error}") from error
        _require_as_written(entries)
        return header


def _digest_of(metadata: Mapping[str, str]) -> str:
    lines = (f"{name}={text}" for name, text in sorted(metadata.items()))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _require_as_written(entries: Mapping[bytes, bytes]) -> None:
    """Compare the header with its digest; earlier versions wrote none."""
    recorded = entries.get(_DIGEST_KEY.encode())
    if recorded is None:
        return
    digests = (_DIGEST_KEY, METADATA_KEY)
    held = {name.decode("utf-8", "replace"): text for name, text in entries.items()}
    covered = {
        name: text.decode("utf-8", "replace")
        for name, text in held.items()
        if name.startswith(_PREFIX) and name not in digests
    }
    if _digest_of(covered).encode() != recorded:
        raise SnapshotError("the snapshot's header is damaged: its digest is another")


def _parse(entries: Mapping[bytes, bytes]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name in SnapshotHeader.model_fields:
        text = entries.get((_PREFIX + name).encode())
        if text is not None:
            fields[name] = json.loads(text) if name in _JSON_FIELDS else text.decode()
    return fields
