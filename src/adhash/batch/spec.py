"""The specification of a suite: which jobs, in which order, and where the reports go.

A job is a command of adhash with its options, checked by the model that the command itself is made
from. So a suite can say exactly what the command line can, and nothing more: no shell, no program,
no environment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from adhash.config_layers import did_you_mean
from adhash.errors import BadInputError
from adhash.options.base import OutputFile
from adhash.options.batch import MaxParallel, TimeoutSeconds
from adhash.options.commands import SUITE_COMMANDS

MAX_JOBS = 1_000
# A table of a suite, its jobs, a job, its matrix, a list of values, a value that is a table or a
# list: more levels than that mean nothing, and each costs a frame of whoever walks over them.
_MAX_DEPTH = 8
_MAX_FAULTS = 20
# What pydantic calls by the names of Python's types.
_KINDS = {
    "model_type": "a table",
    "dict_type": "a table",
    "tuple_type": "a list",
    "too_short": "one at least is needed",
}


def _known_command(name: str) -> str:
    if name not in SUITE_COMMANDS:
        raise ValueError("there is no such command of jobs")
    return name


CommandName = Annotated[str, AfterValidator(_known_command)]

# A name becomes a folder, a label in a report and a word in a message.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
# "needs" may also name one of the jobs that a matrix made, whose names are longer.
NeededName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$")]
AxisValues = Annotated[tuple[Any, ...], Field(min_length=1, max_length=MAX_JOBS)]


class JobSpec(BaseModel):
    """A job as it is written; every further key is an option of its command."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

    name: Name = Field(description="The job's name: letters, digits, - and _.")
    command: CommandName = Field(description="The command that the job runs.")
    needs: tuple[NeededName, ...] = Field(
        default=(),
        max_length=MAX_JOBS,
        description="Jobs that must be completed before this one begins.",
    )
    timeout_s: TimeoutSeconds | None = Field(
        default=None, description="End the job if it runs longer than this, in seconds."
    )
    matrix: dict[str, AxisValues] = Field(
        default_factory=dict,
        max_length=16,
        description="Options and the values that each takes: one job for every combination.",
    )

    @property
    def options(self) -> dict[str, Any]:
        """Return the options that the job gives, without those of its matrix."""
        return dict(self.model_extra or {})


class BatchSpec(BaseModel):
    """A suite: its ``[batch]`` table with the jobs in it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: Name = Field(description="The name of the suite: letters, digits, - and _.")
    report: OutputFile | None = Field(
        default=None, description="Write the Markdown report to this file."
    )
    html_report: OutputFile | None = Field(
        default=None, description="Write the HTML report to this file."
    )
    max_parallel: MaxParallel = Field(
        default=1,
        description="How many jobs run at once. More than 1 is for checks: measurements that run "
        "beside each other disturb each other.",
    )
    job_timeout_s: TimeoutSeconds | None = Field(
        default=None,
        description="End a job that runs longer than this, in seconds, unless it has a timeout_s "
        "of its own; no limit by default.",
    )
    jobs: Annotated[tuple[JobSpec, ...], Field(min_length=1, max_length=MAX_JOBS)] = Field(
        description="The jobs, in the order in which they begin."
    )


def check_spec(table: Mapping[str, object], *, source: str) -> BatchSpec:
    """Return the suite that a ``[batch]`` table describes; options of jobs are not yet checked.

    Parameters
    ----------
    table : mapping of str to object
        The table, as TOML or JSON gives it.
    source : str
        How messages name where it comes from.

    Returns
    -------
    BatchSpec
        The suite.

    Raises
    ------
    BadInputError
        With all that is wrong, each fault with its place.
    """
    if _depth_exceeds(table, _MAX_DEPTH):
        raise BadInputError(f"{source} is nested too deeply for a suite")
    try:
        return BatchSpec.model_validate(table)
    except ValidationError as error:
        raise _refusal(error, source) from None


def _depth_exceeds(value: object, levels: int) -> bool:
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, list | tuple):
        return False
    return levels == 0 or any(_depth_exceeds(each, levels - 1) for each in value)


def _refusal(error: ValidationError, source: str) -> BadInputError:
    found = error.errors(include_url=False, include_context=False)
    # A list of which no item is right is called too short as well.
    faults = [each for each in found if not _encloses(each["loc"], found)]
    shown = [f"{source}: {_place(fault['loc'])}{_reason(fault)}" for fault in faults[:_MAX_FAULTS]]
    more = len(faults) - len(shown)
    unknown = [str(fault["loc"][-1]) for fault in faults if fault["type"] == "extra_forbidden"]
    commands = [fault["input"] for fault in faults if fault["loc"][-1:] == ("command",)]
    return BadInputError(
        "; ".join([*shown, f"and {more} more"] if more else shown),
        hint=(did_you_mean(unknown[0], BatchSpec.model_fields) if unknown else "")
        or (f"commands of jobs are {', '.join(SUITE_COMMANDS)}" if commands else ""),
    )


def _encloses(location: tuple[int | str, ...], faults: Sequence[Mapping[str, Any]]) -> bool:
    size = len(location)
    return any(len(each["loc"]) > size and each["loc"][:size] == location for each in faults)


def _place(location: tuple[int | str, ...]) -> str:
    """Return a place as TOML would name it: ``batch.jobs[0].needs[1]``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{_shown(part)}" for part in location)
    return "batch" + "".join(parts)


def _reason(fault: Mapping[str, Any]) -> str:
    if fault["type"] == "extra_forbidden":
        return " is not a key of a suite"
    if fault["type"] == "missing":
        return " is missing"
    if fault["type"] == "string_pattern_mismatch" and fault["loc"][-1] == "name":
        return (
            " must be letters, digits, - and _, at most 64, and begin with a letter or digit; "
            f"got {_shown(fault['input'])}"
        )
    message = _KINDS.get(fault["type"]) or fault["msg"].removeprefix("Value error, ")
    return f": {message.removeprefix('Input should be ')}; got {_shown(fault['input'])}"


def _shown(value: object) -> str:
    text = value if isinstance(value, str) and value.isidentifier() else ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
