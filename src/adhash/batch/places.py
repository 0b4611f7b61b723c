"""Where the files of a suite lie, and which places a suite may name at all.

A suite names files relative to where it stands. Two callers ask for it:

- a person, on the command line or in Python, is trusted: a suite may name any file, as the person
  could, and what jobs write lies beside the suite, too (`Places.trusted`);
- a service is handed suites by strangers and passes its allowed roots: jobs read beneath the roots
  and nowhere else, links followed, and whatever they write lies in the folder of the run
  (`Places.confined`).

A path that one job of the suite writes is that same file for every job that reads it.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adhash.config_sources import read_file
from adhash.errors import BadInputError, PolicyError

# Settings that make a replay write files or listen, wherever they come from.
_REACHING = ("metrics.out_dir", "metrics.host", "metrics.port")


@dataclass(frozen=True, kw_only=True)
class Places:
    """The folders that relative paths start from, and the roots that none may leave.

    Parameters
    ----------
    read_base : Path
        What jobs read is relative to this.
    write_base : Path
        What jobs and reports write is relative to this.
    roots : tuple of Path or None
        Only beneath these jobs may read, and only beneath `write_base` write; None for no limit.
    """

    read_base: Path
    write_base: Path
    roots: tuple[Path, ...] | None = None

    @classmethod
    def trusted(cls, read_base: Path, *, write_base: Path) -> Places:
        """Return the places of a caller who may name any file."""
        return cls(read_base=read_base.absolute(), write_base=write_base.absolute())

    @classmethod
    def confined(cls, read_base: Path, *, write_base: Path, roots: Sequence[Path]) -> Places:
        """Return the places of a suite that stays beneath `roots` and the folder of its run."""
        allowed = tuple(root.resolve() for root in roots)
        return cls(read_base=read_base.resolve(), write_base=write_base.resolve(), roots=allowed)

    @property
    def is_confined(self) -> bool:
        """Whether there are places that a suite may not name."""
        return self.roots is not None

    def to_write(self, named: str) -> Path:
        """Return the file that a job or a report shall write.

        Parameters
        ----------
        named : str
            As the suite names it.

        Returns
        -------
        Path
            Absolute.

        Raises
        ------
        PolicyError
            If it is outside of where the suite may write.
        """
        path = self.write_base / named
        if not self.is_confined:
            return path
        real = _resolved(path, named)
        if not real.is_relative_to(self.write_base) or real == self.write_base:
            raise _outside(named, "a suite writes only into the folder of its run")
        return real

    def to_read(self, named: str, *, written: frozenset[Path]) -> Path:
        """Return the file that a job shall read.

        Parameters
        ----------
        named : str
            As the suite names it.
        written : frozenset of Path
            What jobs of the suite write.

        Returns
        -------
        Path
            Absolute; where the suite is confined, with every link followed, so that what was
            checked is what will be opened.

        Raises
        ------
        BadInputError
            If it is standard input.
        PolicyError
            If it is outside of where the suite may read.
        """
        if named == "-":
            raise BadInputError("a job has no standard input", hint="name a file")
        made = self.write_base / named
        if made in written:
            return made
        path = self.read_base / named
        if self.roots is None:
            return path
        return beneath(path, [*self.roots, self.write_base], named=named)

    def refuse_reaching_settings(self, settings: Mapping[str, object]) -> None:
        """Refuse settings by dotted name that write or listen where the suite may not.

        Parameters
        ----------
        settings : mapping of str to object
            The settings that a job gives.

        Raises
        ------
        PolicyError
            If the suite is confined and one of them is such a setting.
        """
        found = [name for name in _REACHING if name in settings]
        if self.is_confined and found:
            raise _outside(found[0], "a suite neither listens nor writes ticks by a setting")

    def refuse_reaching_file(self, config: Path, *, written: frozenset[Path]) -> None:
        """Refuse a settings file with such settings, see `refuse_reaching_settings`.

        Parameters
        ----------
        config : Path
            The file, checked to be readable for the suite; one that is missing is left to the job.
        written : frozenset of Path
            What jobs of the suite write: nobody knows yet what will stand in it.

        Raises
        ------
        BadInputError
            If it is no settings file.
        PolicyError
            If the suite is confined and the file has such a setting, or will be made by a job.
        """
        if self.is_confined and config in written:
            raise _outside(str(config), "a suite does not make settings for its own jobs")
        if self.is_confined and config.exists():
            self.refuse_reaching_settings(read_file(config).values())


def beneath(path: Path, roots: Sequence[Path], *, named: str) -> Path:
    """Return where a path leads, if that is a regular file beneath one of the roots, or nothing.

    Parameters
    ----------
    path : Path
        What shall be read.
    roots : sequence of Path
        The allowed folders.
    named : str
        How a message names the path.

    Returns
    -------
    Path
        With every link followed.

    Raises
    ------
    PolicyError
        If it leads elsewhere, or to a folder, a device or a pipe.
    """
    real = _resolved(path, named)
    if not any(real.is_relative_to(root.resolve()) for root in roots):
        raise _outside(named, "a suite is read, and reads, only beneath the allowed folders")
    if not _is_regular_or_missing(real):
        raise _outside(named, "only regular files are read")
    return real


def _is_regular_or_missing(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:  # whatever is wrong with it, the job will say
        return True


def _resolved(path: Path, named: str) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # links in a circle, NUL characters
        raise _outside(named, "it leads nowhere") from None


def _outside(named: str, why: str) -> PolicyError:
    return PolicyError(f"{named!a} is not allowed: {why}")
