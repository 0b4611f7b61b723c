"""Options as the words of a command line: the inverse of the command made from a model.

Whoever starts a command in a process of its own gives it the words of `as_arguments`. Every value
stands in the word of its option (``--key=-1``), so that none can be taken for an option.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from adhash.errors import BadInputError
from adhash.options.base import CommandOptions, flag_of, is_positional

# How a source that has no null spells one: the readers of `adhash.config_values` know these words.
_WORDS_FOR_NONE = ("random", "off")


def as_arguments(options: CommandOptions) -> list[str]:
    """Return the words that give a command exactly the options that were given here.

    Parameters
    ----------
    options : CommandOptions
        Checked options of the command.

    Returns
    -------
    list of str
        Options first, then ``--`` and the arguments without a name, if there are any.

    Raises
    ------
    BadInputError
        If a value cannot be passed to a process: it holds a NUL character.
    """
    model = type(options)
    named: list[str] = []
    unnamed: list[str] = []
    # In the order of the model, so that the same options are always the same words.
    for name, field in model.model_fields.items():
        if name in options.model_fields_set:
            value = getattr(options, name)
            (unnamed if is_positional(field) else named).extend(_words(name, field, value))
    words = [*named, "--", *unnamed] if unnamed else named
    if any("\0" in word for word in words):
        raise BadInputError("an option holds a NUL character, which no process can be given")
    return words


def _words(name: str, field: FieldInfo, value: object) -> Iterator[str]:
    flag = flag_of(name, field)
    if isinstance(value, bool):
        yield from _flag(flag, field, is_on=value)
    elif value is None:
        word = _word_for_none(field)
        yield from [f"{flag}={word}"] if word else []
    elif is_positional(field):
        yield from map(str, value if isinstance(value, list | tuple) else (value,))
    else:
        yield from (f"{flag}={text}" for text in _texts(value))


def _flag(flag: str, field: FieldInfo, *, is_on: bool) -> Iterator[str]:
    if is_on:
        yield flag
    elif field.default is not False:
        yield f"--no-{flag.removeprefix('--')}"


def _texts(value: object) -> Iterator[str]:
    """Yield the texts of a value: several where the option is repeated."""
    if isinstance(value, Mapping):
        yield from (f"{name}={_text(each)}" for name, each in value.items())
    elif not isinstance(value, list | tuple):
        yield _text(value)
    elif any(isinstance(each, str) for each in value):
        yield from map(_text, value)
    elif value:
        # Numbers hold no comma, and an option that takes a list of them reads one.
        yield ",".join(map(_text, value))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _word_for_none(field: FieldInfo) -> str | None:
    """Return the word that the field reads as None; None where leaving it out is the only way."""
    reader: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
    for word in _WORDS_FOR_NONE:
        try:
            if reader.validate_python(word) is None:
                return word
        except ValidationError:
            continue
    return None
