"""Finding the suite that a caller means: a file, a bundled one, or a table given in place."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adhash.batch.places import Places, beneath
from adhash.batch.spec_text import batch_table, bundled_suites, parse_spec, read_spec_file
from adhash.options.batch import BatchOptions


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A suite that was found: its unchecked table, and the file it stands in, if any."""

    source: str
    table: Mapping[str, object]
    sha256: str
    path: Path | None = None
    is_bundled: bool = False

    @property
    def files(self) -> list[Path]:
        """The file of the suite, which nothing may overwrite."""
        return [self.path] if self.path else []

    def places(self, out_dir: Path, roots: Sequence[Path] | None) -> Places:
        """Return the places of the suite; those of one in no file start from where we are."""
        base = self.path.parent if self.path else Path.cwd()
        if roots is not None:
            base = base if self.path else next(iter(roots), out_dir)
            return Places.confined(base, write_base=out_dir, roots=roots)
        return Places.trusted(base, write_base=out_dir if self.is_bundled else base)


def find_suite(options: BatchOptions, *, roots: Sequence[Path] | None) -> Suite:
    """Return the suite that `options` names or holds.

    Parameters
    ----------
    options : BatchOptions
        With either of ``spec_path`` and ``spec``.
    roots : sequence of Path or None
        Beneath these its file must lie; None for anywhere.

    Returns
    -------
    Suite
        Its table is not yet checked.

    Raises
    ------
    BadInputError
        If there is none, or it is neither TOML nor JSON.
    PolicyError
        If it lies outside of the roots.
    StorageError
        If it cannot be read.
    """
    if options.spec is not None:
        table = batch_table(options.spec, source="spec", may_be_bare=True)
        text = json.dumps(options.spec, sort_keys=True, default=str)
        return Suite(source="spec", table=table, sha256=_sha256(text))
    named = str(options.spec_path)
    bundled = {suite.name: suite.text for suite in bundled_suites()}
    if named in bundled and not Path(named).exists():
        table = parse_spec(bundled[named], source=named, is_json=False)
        return Suite(source=named, table=table, sha256=_sha256(bundled[named]), is_bundled=True)
    return _read_suite(named, roots)


def _read_suite(named: str, roots: Sequence[Path] | None) -> Suite:
    path = Path(named).absolute()
    if roots is not None:
        path = beneath(path, roots, named=named)
    text = read_spec_file(path)
    is_json = path.suffix.lower() == ".json"
    table = parse_spec(text, source=named, is_json=is_json)
    return Suite(source=named, table=table, sha256=_sha256(text), path=path)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
