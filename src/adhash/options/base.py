"""The base of every model of options, the marks its fields carry, and how one is read.

A field that names a file says so by a mark in its annotation: `Reads` for a file that the command
reads, `Writes` for one that it makes. The command line shows them as paths; a service opens the
former only beneath its allowed roots and puts the latter among the artifacts of the job.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from adhash.config_layers import did_you_mean
from adhash.errors import BadInputError


class CommandOptions(BaseModel):
    """The options of one command: unknown names are refused, values never change."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True
    )


Options = TypeVar("Options", bound=CommandOptions)


@dataclass(frozen=True)
class Reads:
    """The field names a file that the command reads."""


@dataclass(frozen=True)
class Writes:
    """The field names a file or folder that the command makes."""

    kind: Literal["file", "folder"] = "file"


def _refuse_empty(value: object) -> object:
    if value == "":
        raise ValueError("a name is needed")
    return value


def _refuse_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("a name holds no NUL byte")
    return value


_Name = Annotated[str, BeforeValidator(_refuse_empty), AfterValidator(_refuse_nul)]
InputFile = Annotated[_Name, Reads()]
OutputFile = Annotated[_Name, Writes("file")]
OutputFolder = Annotated[_Name, Writes("folder")]


def option(
    meaning: str,
    *,
    default: object = None,
    positional: bool = False,
    flag: str = "",
    short: str = "",
    **limits: Any,
) -> Any:
    """Declare an option.

    Parameters
    ----------
    meaning : str
        What it does, one sentence for ``--help`` and for the reference.
    default : object
        Its value where it is not given; ``...`` for one that must be given.
    positional : bool
        Whether the command line takes it as an argument without a name.
    flag : str
        Its name on the command line, where that is not the name of the field.
    short : str
        Its second name on the command line, such as ``"-o"`` or ``"--from"``.
    **limits
        As for `pydantic.Field`: ``ge``, ``le``, ``min_length``, ...

    Returns
    -------
    object
        The field.
    """
    extra: JsonDict = {"positional": True} if positional else {}
    extra |= {name: word for name, word in (("flag", flag), ("short", short)) if word}
    return Field(default, description=meaning, json_schema_extra=extra or None, **limits)


def is_positional(field: FieldInfo) -> bool:
    """Return whether the command line takes the field as an argument without a name."""
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("positional"))


def flag_of(name: str, field: FieldInfo | None) -> str:
    """Return the name of a field on the command line, such as ``--max-pairs``."""
    return _extra(field, "flag") or f"--{name.replace('_', '-')}"


def short_flag_of(field: FieldInfo) -> str:
    """Return the second name of a field on the command line; "" where it has none."""
    return _extra(field, "short")


def _extra(field: FieldInfo | None, name: str) -> str:
    extra = field.json_schema_extra if field is not None else None
    return str(extra.get(name, "")) if isinstance(extra, dict) else ""


def files_read(model: type[CommandOptions]) -> list[str]:
    """Return the names of the fields that name a file to read."""
    return [name for name, mark in _marks(model) if isinstance(mark, Reads)]


def files_written(model: type[CommandOptions]) -> dict[str, Writes]:
    """Return the marks of the fields that name a file or folder to make, by name."""
    return {name: mark for name, mark in _marks(model) if isinstance(mark, Writes)}


def names_in(value: object) -> list[str]:
    """Return the names that the value of a field for files holds: none, one, or a list of them."""
    found = value if isinstance(value, list | tuple) else [value]
    return [name for name in found if isinstance(name, str) and name]


def with_names(value: Any, name_of: Callable[[str], str]) -> Any:
    """Return the value of a field for files with each name in it replaced.

    Parameters
    ----------
    value : object
        None, a name, or a list of names; what is anything else stays, for the model to refuse.
    name_of : callable
        Returns the new name of a name.

    Returns
    -------
    object
        Of the same form.
    """
    if isinstance(value, list | tuple):
        return [with_names(each, name_of) for each in value]
    return name_of(value) if isinstance(value, str) and value else value


def _marks(model: type[CommandOptions]) -> Iterator[tuple[str, object]]:
    for name, field in model.model_fields.items():
        for mark in _metadata(field.annotation, field.metadata):
            yield name, mark


def _metadata(annotation: Any, metadata: list[Any]) -> Iterator[object]:
    """Yield what annotates a type or the branches of a union: ``InputFile | None`` is one."""
    yield from metadata
    for branch in getattr(annotation, "__args__", ()):
        yield from getattr(branch, "__metadata__", ())


def read_options(
    model: type[Options], values: Mapping[str, object], *, spelled_as_flags: bool = False
) -> Options:
    """Return the options that `values` give; those that are None keep their default.

    Parameters
    ----------
    model : type of CommandOptions
        The options of the command.
    values : mapping of str to object
        By field name.
    spelled_as_flags : bool
        Whether a message shall name an option as the command line does (``--max-pairs``).

    Returns
    -------
    CommandOptions
        Checked.

    Raises
    ------
    BadInputError
        If a name is unknown or a value is out of its range; it names each of them.
    """
    given = {name: _as_text(value) for name, value in values.items() if value is not None}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        faults = list(dict.fromkeys(_faults(model, error, flags=spelled_as_flags)))
        raise BadInputError("; ".join(faults), hint=_hint(model, error)) from None


def _as_text(value: object) -> object:
    """Return a path as the text that a field for files takes; Python's callers give both."""
    if isinstance(value, list | tuple):
        return [_as_text(each) for each in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _faults(model: type[CommandOptions], error: ValidationError, *, flags: bool) -> Iterator[str]:
    for fault in error.errors():
        place = fault["loc"]
        name = str(place[0]) if place else ""
        shown = _spelled(name, model.model_fields.get(name)) if flags else name
        if not place:
            yield fault["msg"].removeprefix("Value error, ")
        elif name not in model.model_fields:
            yield f"{shown} is not an option"
        elif fault["type"] == "missing":
            yield f"{shown} is missing"
        else:
            yield f"{shown}{_reason(fault)}; got {_shortened(fault['input'])}"


def _spelled(name: str, field: FieldInfo | None) -> str:
    """Return the name of a field as the command's help has it."""
    is_argument = field is not None and is_positional(field)
    return name.upper() if is_argument else flag_of(name, field)


def _reason(fault: ErrorDetails) -> str:
    """Return what is wrong with a value, as it goes on behind the name of its option."""
    message, bound = fault["msg"], fault.get("ctx", {}).get("le")
    if isinstance(bound, int):
        message = f"Input should be less than or equal to {bound}"  # pydantic's is a float
    for beginning in ("Input should ", "String should "):
        if message.startswith(beginning):
            return f" must {message.removeprefix(beginning)}"
    return f": {message.removeprefix('Value error, ')}"


def _hint(model: type[CommandOptions], error: ValidationError) -> str:
    unknown = [str(f["loc"][0]) for f in error.errors() if f["type"] == "extra_forbidden"]
    return did_you_mean(unknown[0], model.model_fields) if unknown else ""


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
