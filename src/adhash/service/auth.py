"""Who is calling, and what they may do.

One token with every right comes from ``ADHASH_TOKEN``; any number of named ones from a TOML file
that holds only their SHA-256 (a token is 128 random bits or more, so no slow hash is needed):

    [[tokens]]
    name = "ci"
    sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    scopes = ["read", "submit"]
    expires_at = 2030-01-01T00:00:00Z     # optional
    max_running = 2                       # optional
    max_queued = 100                      # optional

Tokens are compared in constant time, and all of them each time, so that the time of an answer says
nothing about how near a guess was. The file is read again when it changes; a file that cannot be
read refuses everybody it named rather than nobody.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from adhash.clock import Clock
from adhash.errors import ConfigError
from adhash.service.errors import ForbiddenError, UnauthenticatedError


class Scope(StrEnum):
    """What a caller may do; each includes the ones before it."""

    READ = "read"
    SUBMIT = "submit"
    ADMIN = "admin"


_INCLUDES = {
    Scope.READ: {Scope.READ},
    Scope.SUBMIT: {Scope.READ, Scope.SUBMIT},
    Scope.ADMIN: {Scope.READ, Scope.SUBMIT, Scope.ADMIN},
}


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who calls: the owner of the jobs they submit, what they may do, and how much of it."""

    name: str
    scopes: frozenset[Scope]
    max_running: int | None = None
    max_queued: int | None = None

    def require(self, scope: Scope) -> None:
        """Refuse a caller without a scope.

        Parameters
        ----------
        scope : Scope
            What is needed.

        Raises
        ------
        ForbiddenError
            If the caller has it not.
        """
        if scope not in self.scopes:
            raise ForbiddenError(
                f"this needs the scope {scope}; the token {self.name} has not",
                hint="use a token that has it",
            )

    def require_owner(self, owner: str) -> None:
        """Refuse a caller who neither owns a job nor is an admin.

        Parameters
        ----------
        owner : str
            Whose job it is.

        Raises
        ------
        ForbiddenError
            If it is somebody else's.
        """
        if owner != self.name and Scope.ADMIN not in self.scopes:
            raise ForbiddenError(
                "the job belongs to another token", hint="its owner or an admin may do this"
            )


EVERYTHING = frozenset(Scope)
ANONYMOUS = Identity(name="anonymous", scopes=EVERYTHING)
ROOT_NAME = "token"


class _TokenEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    scopes: tuple[Scope, ...] = (Scope.READ,)
    expires_at: AwareDatetime | None = None
    max_running: Annotated[int, Field(ge=0)] | None = None
    max_queued: Annotated[int, Field(ge=0)] | None = None


class _TokensFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens: tuple[_TokenEntry, ...] = ()


class Authenticator:
    """Tells who a token belongs to.

    Parameters
    ----------
    token : str or None
        The token with every right.
    tokens_file : Path or None
        The file of named tokens.
    clock : Clock
        Tells what has expired.

    Raises
    ------
    ConfigError
        If the file cannot be read or is not valid.
    """

    def __init__(self, *, token: str | None, tokens_file: Path | None, clock: Clock) -> None:
        self._root_digest = None if token is None else _digest(token)
        self._file = tokens_file
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._entries: tuple[_TokenEntry, ...] = ()
        if tokens_file is not None:
            self._entries = read_tokens(tokens_file)
            self._seen = _stamp(tokens_file)

    @property
    def is_open(self) -> bool:
        """Return whether no token is asked for at all."""
        return self._root_digest is None and self._file is None

    def identify(self, token: str | None) -> Identity:
        """Return whose token it is.

        Parameters
        ----------
        token : str or None
            What the caller gave.

        Returns
        -------
        Identity
            The caller.

        Raises
        ------
        UnauthenticatedError
            If none was given, or it is not known or has expired.
        """
        if self.is_open:
            return ANONYMOUS
        if token is None:
            raise UnauthenticatedError(
                "a token is needed", hint="send Authorization: Bearer TOKEN, see ADHASH_TOKEN"
            )
        found = self._find(_digest(token))
        if found is None:
            raise UnauthenticatedError("the token is not known or has expired")
        return found

    def running_quotas(self) -> Mapping[str, int]:
        """Return how many jobs each named token may have running."""
        entries = self._current()
        return {each.name: each.max_running for each in entries if each.max_running is not None}

    def _find(self, digest: str) -> Identity | None:
        now = self._clock.now()
        found = None
        for entry in self._current():
            if hmac.compare_digest(entry.sha256, digest) and not _is_expired(entry, now):
                found = _identity(entry)
        if self._root_digest is not None and hmac.compare_digest(self._root_digest, digest):
            found = Identity(name=ROOT_NAME, scopes=EVERYTHING)
        return found

    def _current(self) -> tuple[_TokenEntry, ...]:
        if self._file is None:
            return ()
        with self._lock:
            stamp = _stamp(self._file)
            if stamp != self._seen:
                self._seen = stamp
                self._entries = _read_or_nobody(self._file)
            return self._entries


def read_tokens(path: Path) -> tuple[Any, ...]:
    """Return the entries of a file of tokens.

    Parameters
    ----------
    path : Path
        TOML, see the top of this module.

    Returns
    -------
    tuple
        One entry a token.

    Raises
    ------
    ConfigError
        If the file cannot be read or is not valid; no hash is shown.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
        entries = _TokensFile.model_validate(content).tokens
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", key="tokens_file") from None
    except (ValueError, ValidationError) as error:
        raise ConfigError(
            f"{path} is no file of tokens: {_reason(error)}",
            hint="each [[tokens]] has name, sha256 and scopes",
            key="tokens_file",
        ) from None
    names = [entry.name for entry in entries]
    if len(set(names)) != len(names) or ROOT_NAME in names:
        raise ConfigError(f"{path}: names of tokens must differ, and none is {ROOT_NAME!r}")
    return entries


def _read_or_nobody(path: Path) -> tuple[_TokenEntry, ...]:
    try:
        return read_tokens(path)
    except ConfigError:
        return ()


def _reason(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors(include_input=False)[0]
        return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
    return str(error)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _is_expired(entry: _TokenEntry, now: datetime) -> bool:
    return entry.expires_at is not None and entry.expires_at <= now


def _identity(entry: _TokenEntry) -> Identity:
    scopes = frozenset().union(*(_INCLUDES[scope] for scope in entry.scopes))
    return Identity(
        name=entry.name,
        scopes=scopes,
        max_running=entry.max_running,
        max_queued=entry.max_queued,
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
