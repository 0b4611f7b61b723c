"""From the options of a batch to a plan: all that can be refused is refused before a job begins."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from adhash.batch.expansion import SingleJob, expand_jobs, filled
from adhash.batch.places import Places
from adhash.batch.spec import BatchSpec, check_spec
from adhash.batch.suite import find_suite
from adhash.errors import AdhashError, BadInputError, PolicyError
from adhash.options.arguments import as_arguments
from adhash.options.base import (
    CommandOptions,
    files_read,
    files_written,
    names_in,
    read_options,
    with_names,
)
from adhash.options.batch import BatchOptions
from adhash.options.commands import SUITE_COMMANDS
from adhash.options.run_csv import OPTION_SETTINGS

DEFAULT_FOLDER = Path("runs") / "batch"
STDOUT, STDERR = "stdout.log", "stderr.log"
REPORT, RESULT = "report.md", "result.json"


@dataclass(frozen=True, kw_only=True)
class PlannedJob:
    """A job that is ready to run.

    `given` are its options as the suite writes them; `arguments` the same as words, with absolute
    paths; `reads` and `writes` the files they name.
    """

    name: str
    command: str
    given: Mapping[str, Any]
    arguments: tuple[str, ...]
    needs: tuple[str, ...]
    timeout_s: float | None
    folder: Path
    reads: frozenset[Path]
    writes: Mapping[str, Path]

    @property
    def stdout(self) -> Path:
        """What the job prints."""
        return self.folder / STDOUT

    @property
    def stderr(self) -> Path:
        """What the job complains about."""
        return self.folder / STDERR


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A suite that is ready to run."""

    name: str
    source: str
    spec_sha256: str
    jobs: tuple[PlannedJob, ...]
    out_dir: Path
    report: Path
    html_report: Path | None
    json_out: Path | None
    max_parallel: int

    @property
    def results(self) -> tuple[Path, ...]:
        """Where the results go as JSON: always to the folder of the run as well."""
        own = self.out_dir / RESULT
        return (own, self.json_out) if self.json_out not in (None, own) else (own,)

    def artifacts(self) -> dict[str, str]:
        """Return the files that the batch itself writes, by what they are."""
        files = {
            "report": self.report,
            "html_report": self.html_report,
            "result": self.out_dir / RESULT,
            "json_out": self.json_out,
        }
        return {name: str(path) for name, path in files.items() if path is not None}


def make_plan(options: BatchOptions, *, roots: Sequence[Path] | None = None) -> Plan:
    """Return the plan of a batch, checked.

    Parameters
    ----------
    options : BatchOptions
        Which suite, and where its results go.
    roots : sequence of Path or None
        Folders beneath which the suite and what its jobs read must lie; what they write then lies
        in the folder of the run. None where the caller is trusted.

    Returns
    -------
    Plan
        For `adhash.batch.runner.run_plan`.

    Raises
    ------
    BadInputError
        If the suite, or an option of a job, is wrong; it names the place.
    PolicyError
        If a path leaves the roots.
    StorageError
        If the suite cannot be read.
    """
    suite = find_suite(options, roots=roots)
    spec = check_spec(suite.table, source=suite.source)
    out_dir = Path(options.out_dir or DEFAULT_FOLDER / spec.name).absolute()
    places = suite.places(out_dir, roots)
    report, html = _reports(spec, options, places, out_dir, source=suite.source)
    json_out = Path(options.json_out).absolute() if options.json_out else None
    singles = expand_jobs(spec, source=suite.source)
    written = _all_written(singles, places)
    jobs = tuple(
        _plan_job(
            each,
            places=places,
            written=written,
            out_dir=out_dir,
            timeout_s=options.job_timeout_s or each.timeout_s or spec.job_timeout_s,
        )
        for each in singles
    )
    plan = Plan(
        name=spec.name,
        source=suite.source,
        spec_sha256=suite.sha256,
        jobs=jobs,
        out_dir=out_dir,
        report=report,
        html_report=html,
        json_out=json_out,
        max_parallel=options.max_parallel or spec.max_parallel,
    )
    _refuse_shared_files(jobs, [*map(Path, plan.artifacts().values()), *suite.files])
    _refuse_early_readers(jobs)
    return plan


def _reports(
    spec: BatchSpec, options: BatchOptions, places: Places, out_dir: Path, *, source: str
) -> tuple[Path, Path | None]:
    """Return where the reports go; the caller's word wins over the suite's."""
    try:
        ours = places.to_write(spec.report) if spec.report else out_dir / REPORT
        html = places.to_write(spec.html_report) if spec.html_report else None
    except PolicyError as error:
        raise _placed(error, f"{source}: batch") from None
    report = Path(options.report).absolute() if options.report else ours
    return report, Path(options.html_report).absolute() if options.html_report else html


# --- its jobs ----------------------------------------------------------------------------------


def _all_written(jobs: Sequence[SingleJob], places: Places) -> frozenset[Path]:
    found = []
    for job in jobs:
        for name in files_written(SUITE_COMMANDS[job.command]):
            found += [_written(job, places, name, each) for each in names_in(job.values.get(name))]
    return frozenset(found)


def _written(job: SingleJob, places: Places, name: str, value: str) -> Path:
    try:
        return places.to_write(filled(value, job.name))
    except PolicyError as error:
        raise _placed(error, f"{job.place}: {name}") from None


def _plan_job(
    job: SingleJob,
    *,
    places: Places,
    written: frozenset[Path],
    out_dir: Path,
    timeout_s: float | None,
) -> PlannedJob:
    try:
        options = _job_options(job, places, written)
        arguments = as_arguments(options)
        "".join(arguments).encode()
    except UnicodeEncodeError:
        raise BadInputError(f"{job.place}: an option holds text that is not Unicode") from None
    except AdhashError as error:
        raise _placed(error, job.place) from None
    return PlannedJob(
        name=job.name,
        command=job.command,
        given=job.values,
        arguments=tuple(arguments),
        needs=job.needs,
        timeout_s=timeout_s,
        folder=out_dir / job.name,
        reads=frozenset(
            Path(named)
            for name in files_read(type(options))
            for named in names_in(getattr(options, name))
        ),
        writes={
            name: Path(getattr(options, name))
            for name in files_written(type(options))
            if getattr(options, name) is not None
        },
    )


def _job_options(job: SingleJob, places: Places, written: frozenset[Path]) -> CommandOptions:
    model = SUITE_COMMANDS[job.command]
    values = dict(job.values)

    def to_write(name: str, named: str) -> str:
        return str(_written(job, places, name, named))

    def to_read(named: str) -> str:
        return str(places.to_read(filled(named, job.name), written=written))

    for name in files_written(model):
        values[name] = with_names(values.get(name), partial(to_write, name))
    for name in files_read(model):
        values[name] = with_names(values.get(name), to_read)
    options = read_options(model, values)
    _refuse_reaching(options, places, written)
    return options


def _refuse_reaching(options: CommandOptions, places: Places, written: frozenset[Path]) -> None:
    """Refuse what a confined job could still reach by its settings rather than by its paths."""
    files = files_written(type(options))
    for name in type(options).model_fields:
        value = getattr(options, name)
        if isinstance(value, Mapping):
            places.refuse_reaching_settings(value)
        elif name in OPTION_SETTINGS and name not in files and value is not None:
            places.refuse_reaching_settings({OPTION_SETTINGS[name]: value})
    config = getattr(options, "config", None)
    if config is not None:
        places.refuse_reaching_file(Path(config), written=written)


def _refuse_shared_files(jobs: Sequence[PlannedJob], ours: Sequence[Path]) -> None:
    """Refuse two writers of one file: of the jobs, of their logs, of the reports, of the suite."""
    logs = [path for job in jobs for path in (job.stdout, job.stderr)]
    writers: dict[str, str] = {}
    for path in [*ours, *logs]:
        real = os.path.realpath(path)
        if real in writers:
            raise BadInputError(f"{path} would be written twice", hint="name another file")
        writers[real] = "a file of the suite itself"
    for job in jobs:
        for name, path in job.writes.items():
            real = os.path.realpath(path)
            if real in writers:
                raise BadInputError(
                    f"{job.name}: {name}: {path} is {writers[real]}",
                    hint="{name} in a path stands for the name of the job",
                )
            writers[real] = f"written by job {job.name}"


def _refuse_early_readers(jobs: Sequence[PlannedJob]) -> None:
    """Refuse a job that reads what another one writes without waiting for it."""
    writer = {path: job.name for job in jobs for path in job.writes.values()}
    before = _all_before(jobs)
    for job in jobs:
        early = [path for path in job.reads & writer.keys() if writer[path] not in before[job.name]]
        if early:
            made_by = writer[early[0]]
            raise BadInputError(
                f"{job.name} reads {early[0]}, which {made_by} writes, without needing it",
                hint=f'needs = ["{made_by}"]',
            )


def _all_before(jobs: Sequence[PlannedJob]) -> dict[str, set[str]]:
    """Return for every job itself and all that must be completed before it begins."""
    needs = {job.name: job.needs for job in jobs}
    before: dict[str, set[str]] = {}
    for name in TopologicalSorter(needs).static_order():
        before[name] = {name}.union(*(before[needed] for needed in needs[name]))
    return before


def _placed(error: AdhashError, place: str) -> AdhashError:
    """Return the error with the place in the suite that it is about."""
    return type(error)(f"{place}: {error.detail}", hint=error.hint)
