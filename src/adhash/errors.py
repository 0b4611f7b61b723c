"""Every error adhash raises on purpose: one base, a name for the envelope and an exit code each.

A message says what was wrong, the value, and what to do. A caller that only wants to know whether
adhash refused something catches `AdhashError`; the command line turns it into
``{"error", "detail", "hint"}`` and the exit code of its class.
"""

from __future__ import annotations

from typing import ClassVar


class AdhashError(Exception):
    """Something adhash refuses or cannot do, with what to do about it.

    Parameters
    ----------
    detail : str
        What was wrong, with the offending value.
    hint : str
        What to do about it; empty where `detail` says it already.
    """

    name: ClassVar[str] = "Invariant"
    exit_code: ClassVar[int] = 3

    def __init__(self, detail: str, *, hint: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.detail} ({self.hint})" if self.hint else self.detail

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by attributes, because the constructors take keyword-only arguments."""
        return (_rebuild, (type(self), self.args), self.__dict__.copy())

    def to_dict(self) -> dict[str, str]:
        """Return the envelope that the command line prints."""
        return {"error": self.name, "detail": self.detail, "hint": self.hint}


def _rebuild(kind: type[AdhashError], args: tuple[object, ...]) -> AdhashError:
    return kind.__new__(kind, *args)


class BadInputError(AdhashError):
    """The caller gave something that cannot be used: an argument, a file, a setting."""

    name = "BadInput"
    exit_code = 2


class InvariantError(AdhashError):
    """A promise of adhash itself does not hold: a wrong answer, a damaged structure."""

    name = "Invariant"
    exit_code = 3


class PolicyError(AdhashError):
    """The request is well formed, but a rule or a limit forbids it."""

    name = "Policy"
    exit_code = 4


class StorageError(AdhashError):
    """The operating system could not read or write what was asked."""

    name = "IO"
    exit_code = 5


class InterruptedRunError(AdhashError):
    """The user or a signal ended the run before it was complete."""

    name = "Interrupted"
    exit_code = 130


class TraceError(BadInputError):
    """A trace does not follow the format.

    Parameters
    ----------
    detail : str
        What was wrong, in full: file, line, column, value and remedy.
    hint : str
        What to do about it.
    file : str
        The trace as the user named it; ``standard input`` for that.
    line : int or None
        The physical line, counted from 1; None where no line is to blame.
    column : int or None
        The column (a byte of the line), counted from 1.
    value : str
        The offending text, shortened to be printed.
    """

    def __init__(
        self,
        detail: str,
        *,
        hint: str = "",
        file: str = "",
        line: int | None = None,
        column: int | None = None,
        value: str = "",
    ) -> None:
        super().__init__(detail, hint=hint)
        self.file = file
        self.line = line
        self.column = column
        self.value = value


class ConfigError(BadInputError):
    """A setting is unknown or out of its range.

    Parameters
    ----------
    detail : str
        What was wrong and in which source (file, preset, environment variable, option).
    hint : str
        What to do about it, such as the nearest setting that exists.
    key : str
        The dotted name of the setting, such as ``"replay.rate"``; empty for a whole file.
    value : object
        The value that was refused.
    allowed : str
        The values that are allowed, in words.
    causes : tuple of ConfigError
        The single errors, where this one stands for several.
    """

    def __init__(
        self,
        detail: str,
        *,
        hint: str = "",
        key: str = "",
        value: object = None,
        allowed: str = "",
        causes: tuple[ConfigError, ...] = (),
    ) -> None:
        super().__init__(detail, hint=hint)
        self.causes = causes
        self.key = key
        self.value = value
        self.allowed = allowed


class SnapshotError(BadInputError):
    """A file is not a snapshot, or it is damaged."""


class KeyTypeError(BadInputError, TypeError):
    """A key is not of the type that the map holds."""


class ValueTypeError(BadInputError, TypeError):
    """A value is not of the type that the map holds."""
