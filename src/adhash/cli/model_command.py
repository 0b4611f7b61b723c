"""A command made from its model of options, so that both always have the same options.

Every value is taken as text and read by the model, whose messages then name the option as it was
typed. Flags and options that may be repeated are the exceptions: the parser must know of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Annotated, Any, get_args, get_origin

import typer
from pydantic.fields import FieldInfo
from typer.core import TyperCommand

from adhash.options.base import (
    CommandOptions,
    Options,
    flag_of,
    is_positional,
    read_options,
    short_flag_of,
)

Run = Callable[[Options], None]


def register_model_command(
    app: typer.Typer,
    name: str,
    model: type[Options],
    run: Callable[..., None],
    *,
    hidden: Collection[str] = (),
    extra: Collection[inspect.Parameter] = (),
    instead: Callable[..., bool] | None = None,
    cls: type[TyperCommand] | None = None,
) -> None:
    """Add a command whose options are the fields of a model.

    Parameters
    ----------
    app : typer.Typer
        The application.
    name : str
        The command.
    model : type of CommandOptions
        Its options.
    run : callable
        Called with the checked options, and with the values of `extra` by name. Its docstring is
        the help of the command.
    hidden : collection of str
        Fields that only Python and services use.
    extra : collection of inspect.Parameter
        Parameters of the command line alone, such as ``--json``: keyword-only, annotated for typer.
    instead : callable or None
        Called with the values of `extra` before the options are checked; where it returns True,
        the command is done, as for ``--list``.
    cls : type of TyperCommand or None
        A command that reads its arguments in a way of its own.
    """
    fields = {key: field for key, field in model.model_fields.items() if key not in hidden}
    own_names = [parameter.name for parameter in extra]

    def command(**given: Any) -> None:
        own = {key: given.pop(key) for key in own_names}
        if instead is not None and instead(**own):
            return
        # An empty list is what the parser gives for an option that was never typed.
        values = {key: None if value == [] else value for key, value in given.items()}
        run(read_options(model, values, spelled_as_flags=True), **own)

    parameters = [*(_parameter(key, field) for key, field in fields.items()), *extra]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    command.__doc__ = run.__doc__
    app.command(name, cls=cls)(command)


def own_option(name: str, annotation: Any, default: object) -> inspect.Parameter:
    """Return a parameter of the command line alone, for `register_model_command`."""
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default
    )


def _parameter(key: str, field: FieldInfo) -> inspect.Parameter:
    if is_positional(field):
        return own_option(key, _argument(key, field), None)
    if _is_flag(field):
        return own_option(key, _flag(key, field), None)
    text = list[str] | None if _is_repeatable(field) else str | None
    names = [flag_of(key, field), short_flag_of(field)]
    info = typer.Option(
        *filter(None, names),
        metavar=_metavar(key, field),
        help=_help(field),
        show_default=False,
    )
    return own_option(key, Annotated[text, info], None)


def _argument(key: str, field: FieldInfo) -> Any:
    info = typer.Argument(metavar=key.upper(), help=_help(field), show_default=False)
    return Annotated[list[str] | None if _is_repeatable(field) else str | None, info]


def _flag(key: str, field: FieldInfo) -> Any:
    names = f"--{_spelling(key)}/--no-{_spelling(key)}" if field.default is not False else None
    info = typer.Option(names or f"--{_spelling(key)}", help=_help(field), show_default=False)
    return Annotated[bool | None, info]


def _is_flag(field: FieldInfo) -> bool:
    return field.annotation is bool or bool in get_args(field.annotation)


def _is_repeatable(field: FieldInfo) -> bool:
    return any(get_origin(each) in (tuple, dict) for each in _branches(field.annotation))


def _branches(annotation: Any) -> list[Any]:
    """Return the types of a union, each without what annotates it."""
    if get_origin(annotation) is Annotated:
        return _branches(get_args(annotation)[0])
    if get_origin(annotation) in (tuple, dict, list):
        return [annotation]
    inner = get_args(annotation)
    return [branch for each in inner for branch in _branches(each)] if inner else [annotation]


def _spelling(key: str) -> str:
    return key.replace("_", "-")


def _metavar(key: str, field: FieldInfo) -> str:
    if field.annotation in (int, float):
        return "N"
    return flag_of(key, field).rpartition("-")[2].upper()


def _help(field: FieldInfo) -> str:
    meaning = field.description or ""
    shown = field.default not in (None, False, ()) and not field.is_required()
    default = ",".join(field.default) if isinstance(field.default, tuple) else field.default
    return f"{meaning} Default: {default}." if shown else meaning


def options_of(model: type[CommandOptions]) -> list[str]:
    """Return the options of a command made from `model`, as they are typed."""
    return [
        flag_of(key, field) for key, field in model.model_fields.items() if not is_positional(field)
    ]
