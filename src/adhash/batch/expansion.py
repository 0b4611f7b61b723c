"""From the jobs as written to those that run: matrices expanded, needs resolved."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePath
from typing import Any

from adhash.batch.spec import MAX_JOBS, BatchSpec, JobSpec
from adhash.config_layers import did_you_mean
from adhash.errors import BadInputError
from adhash.options.base import files_read, files_written
from adhash.options.commands import SUITE_COMMANDS

_MAX_SUFFIX = 56
# Stands for the name of the job in a path, so that the jobs of a matrix write a file each.
JOB_NAME = "{name}"


@dataclass(frozen=True, kw_only=True)
class SingleJob:
    """A job without a matrix: `place` says where it is written, `values` are its options."""

    name: str
    place: str
    command: str
    values: Mapping[str, Any]
    needs: tuple[str, ...]
    timeout_s: float | None


def expand_jobs(spec: BatchSpec, *, source: str) -> list[SingleJob]:
    """Return the jobs of a suite, one for each combination of the values of its matrix.

    Parameters
    ----------
    spec : BatchSpec
        The suite.
    source : str
        How messages name it.

    Returns
    -------
    list of SingleJob
        In the order of the suite; each needs only jobs of the list, and none needs itself.

    Raises
    ------
    BadInputError
        If two jobs have one name, if there are more than `MAX_JOBS`, if a matrix varies what is
        no option, or if needs name no job or go round in a circle.
    """
    _refuse_same_names(spec, source)
    _refuse_too_many(spec, source)
    names = _Names(job.name for job in spec.jobs)
    expanded = [
        (job.name, single)
        for at, job in enumerate(spec.jobs)
        for single in _expand(job, names, place=f"{source}: batch.jobs[{at}]")
    ]
    made: dict[str, list[str]] = {}
    for origin, single in expanded:
        made.setdefault(origin, []).append(single.name)
    made.update({single.name: [single.name] for _, single in expanded})
    jobs = [_with_needs(single, made) for _, single in expanded]
    _refuse_circles(jobs, source)
    return jobs


def filled(path: str, name: str) -> str:
    """Return a path with the name of the job put into it."""
    return path.replace(JOB_NAME, name)


class _Names:
    """Gives every job a name of its own, also on file systems that ignore case."""

    def __init__(self, reserved: Iterable[str]) -> None:
        self._taken = {name.lower() for name in reserved}

    def unique(self, name: str) -> str:
        numbered = (f"{name}-{number}" for number in itertools.count(2))
        found = next(
            each for each in itertools.chain([name], numbered) if each.lower() not in self._taken
        )
        self._taken.add(found.lower())
        return found


def _refuse_same_names(spec: BatchSpec, source: str) -> None:
    seen: set[str] = set()
    for at, job in enumerate(spec.jobs):
        if job.name.lower() in seen:
            raise BadInputError(
                f"{source}: batch.jobs[{at}].name: there is another job {job.name!r}",
                hint="names differ in more than upper and lower case, because they name folders",
            )
        seen.add(job.name.lower())


def _refuse_too_many(spec: BatchSpec, source: str) -> None:
    """Count before anything is expanded: three axes of a thousand values are a billion jobs."""
    count = sum(math.prod(map(len, job.matrix.values())) for job in spec.jobs)
    if count > MAX_JOBS:
        raise BadInputError(f"{source} has {count:,} jobs; at most {MAX_JOBS:,} are allowed")


def _expand(job: JobSpec, names: _Names, *, place: str) -> Iterator[SingleJob]:
    if not job.matrix:
        yield _single(job, job.name, job.options, f"{place} ({job.name})")
        return
    _refuse_bad_axes(job, f"{place} ({job.name})")
    for combination in itertools.product(*job.matrix.values()):
        varied = dict(zip(job.matrix, combination, strict=True))
        suffix = "-".join(_word(job.command, axis, value) for axis, value in varied.items())
        name = names.unique(f"{job.name}-{suffix[:_MAX_SUFFIX]}".rstrip("-"))
        yield _single(job, name, {**job.options, **varied}, f"{place} ({name})")


def _single(job: JobSpec, name: str, values: Mapping[str, Any], place: str) -> SingleJob:
    return SingleJob(
        name=name,
        place=place,
        command=job.command,
        values=values,
        needs=job.needs,
        timeout_s=job.timeout_s,
    )


def _refuse_bad_axes(job: JobSpec, place: str) -> None:
    model = SUITE_COMMANDS[job.command]
    for axis in job.matrix:
        if axis not in model.model_fields:
            raise BadInputError(
                f"{place}: matrix.{axis!a} is not an option of {job.command}",
                hint=did_you_mean(axis, model.model_fields),
            )
        if axis in job.options:
            raise BadInputError(f"{place}: {axis} is given, and varied by the matrix too")


def _word(command: str, axis: str, value: object) -> str:
    """Return a value as a part of a name: of a file its stem, else letters and digits of it."""
    model = SUITE_COMMANDS[command]
    if axis in files_read(model) or axis in files_written(model):
        text = PurePath(str(value)).name.partition(".")[0]
    elif isinstance(value, Mapping):
        text = "-".join(f"{name}-{each}" for name, each in value.items())
    elif isinstance(value, list | tuple):
        text = "-".join(map(str, value))
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    return re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-") or "x"


def _with_needs(job: SingleJob, made: Mapping[str, list[str]]) -> SingleJob:
    unknown = [name for name in job.needs if name not in made]
    if unknown:
        raise BadInputError(
            f"{job.place}: needs {unknown[0]!r}, and there is no such job",
            hint=did_you_mean(unknown[0], made),
        )
    needs = dict.fromkeys(name for needed in job.needs for name in made[needed])
    return replace(job, needs=tuple(needs))


def _refuse_circles(jobs: Iterable[SingleJob], source: str) -> None:
    try:
        TopologicalSorter({job.name: job.needs for job in jobs}).prepare()
    except CycleError as error:
        circle = " needs ".join(reversed(error.args[1]))
        raise BadInputError(f"{source}: jobs wait for each other: {circle}") from None
