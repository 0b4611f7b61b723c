"""A suite that runs on a server: its files are uploaded, and it is sent as a table.

A suite names files relative to where it stands, which is no place on the server. So each input that
a job names and that is here is uploaded, and the table names the upload. What jobs write lies in
the folder of the run there, under a plain name, and comes back to where the suite wants it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from adhash.batch.expansion import JOB_NAME, expand_jobs, filled
from adhash.batch.plan import DEFAULT_FOLDER
from adhash.batch.spec import BatchSpec, check_spec
from adhash.batch.suite import find_suite
from adhash.cli.remote_files import ON_SERVER, RemoteFiles, plain
from adhash.options.base import CommandOptions, files_read, files_written, names_in, with_names
from adhash.options.batch import BatchOptions
from adhash.options.commands import SUITE_COMMANDS
from adhash.service.models import ARTIFACT_NAME

_OUT_DIR = "out_dir"
# Takes the place of {name} while all that no artifact may be called is taken out of a name.
_KEPT = "__the_name_of_the_job__"
_REPORTS = ("report", "html_report")


@dataclass(frozen=True, kw_only=True)
class _Written:
    """A file or folder that the suite writes, by its name beneath the folder of the run."""

    plain_name: str
    is_folder: bool


class RemoteSuite:
    """A suite found here, to be run there.

    Parameters
    ----------
    options : BatchOptions
        Which suite, and where its results go here.

    Raises
    ------
    BadInputError
        If there is none, or it is wrong.
    StorageError
        If it cannot be read.
    """

    def __init__(self, options: BatchOptions) -> None:
        self._suite = find_suite(options, roots=None)
        spec = check_spec(self._suite.table, source=self._suite.source)
        self._base = self._suite.path.parent if self._suite.path else Path()
        self._plain_names = _plain_names(spec)
        self._outputs = self._filled(spec)
        out_dir = Path(options.out_dir or DEFAULT_FOLDER / spec.name).absolute()
        self._write_base = out_dir if self._suite.is_bundled else self._base
        self.options = options.model_copy(update={"out_dir": str(out_dir)})

    @property
    def identity(self) -> dict[str, str]:
        """Return what a result says of the suite, as of one that ran here."""
        return {"spec": self._suite.source, "spec_sha256": self._suite.sha256}

    def pack(
        self, files: RemoteFiles, options: CommandOptions, *, are_outputs_here: bool = True
    ) -> dict[str, Any]:
        """Return the request, once every file of the suite is on the server.

        Parameters
        ----------
        files : RemoteFiles
            Moves them.
        options : CommandOptions
            Where the results go.
        are_outputs_here : bool
            See `RemoteFiles.request_of`.

        Returns
        -------
        dict
            The body.

        Raises
        ------
        AdhashError
            If a file cannot be uploaded.
        """
        if are_outputs_here:
            for name, output in self._outputs.items():
                artifact = f"{_OUT_DIR}/{output.plain_name}"
                files.expect(artifact, self._place(name), is_folder=output.is_folder)
        request = files.request_of(
            options.model_copy(update={"spec_path": None, "spec": None}),
            are_outputs_here=are_outputs_here,
        )
        table = {**self._suite.table, **self._reports()}
        table["jobs"] = [self._job(dict(job), files) for job in _jobs(self._suite.table)]
        return {**request, "spec": table}

    def _filled(self, spec: BatchSpec) -> dict[str, _Written]:
        """Return what the suite writes, by the name that it has here for each job."""
        reports = [name for name in (spec.report, spec.html_report) if name is not None]
        found = {
            name: _Written(plain_name=self._plain_names[name], is_folder=False) for name in reports
        }
        for job in expand_jobs(spec, source=self._suite.source):
            for option, mark in files_written(SUITE_COMMANDS[job.command]).items():
                for name in names_in(job.values.get(option)):
                    found[filled(name, job.name)] = _Written(
                        plain_name=filled(self._placed(name), job.name),
                        is_folder=mark.kind == "folder",
                    )
        return found

    def _place(self, name: str) -> Path:
        return Path(os.path.normpath(self._write_base / name))

    def _reports(self) -> dict[str, str]:
        table = self._suite.table
        return {name: self._placed(str(table[name])) for name in _REPORTS if name in table}

    def _job(self, job: dict[str, Any], files: RemoteFiles) -> dict[str, Any]:
        model = SUITE_COMMANDS[job["command"]]
        moves: dict[str, Callable[[Any], Any]] = {
            **dict.fromkeys(files_read(model), partial(_moved, partial(self._sent, files))),
            **dict.fromkeys(files_written(model), partial(_moved, self._placed)),
        }
        matrix = dict(job.get("matrix", {}))
        for name, move in moves.items():
            if name in job:
                job[name] = move(job[name])
            if name in matrix:
                matrix[name] = [move(value) for value in matrix[name]]
        return {**job, "matrix": matrix} if matrix else job

    def _placed(self, value: str) -> str:
        return self._plain_names.get(value, value)

    def _sent(self, files: RemoteFiles, value: str) -> str:
        if value in self._outputs:
            return self._outputs[value].plain_name
        is_here = value.startswith(ON_SERVER) or (self._base / value).is_file()
        # What is not here may be made by a job under a name of the matrix: the server tells.
        return files.sent(value, base=self._base) if is_here else value


def _moved(name_of: Callable[[str], str], value: Any) -> Any:
    return with_names(value, name_of)


def _jobs(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = table["jobs"]
    return jobs


def _plain_names(spec: BatchSpec) -> dict[str, str]:
    """Return the names of what the suite writes, as written in it, with those that they get there.

    ``{name}`` stays in them: it stands for the name of each job, there as here.
    """
    named = [name for name in (spec.report, spec.html_report) if name is not None]
    for job in spec.jobs:
        for option in files_written(SUITE_COMMANDS[job.command]):
            values = [job.options.get(option), *job.matrix.get(option, ())]
            named += [name for value in values for name in names_in(value)]
    return {name: _plain_name(number, name) for number, name in enumerate(dict.fromkeys(named))}


def _plain_name(number: int, name: str) -> str:
    """Return the name beneath the folder of the run; one that leads out of it is replaced."""
    if re.fullmatch(ARTIFACT_NAME, name.replace(JOB_NAME, "name")) is not None:
        return name
    kept = plain(Path(name).name.replace(JOB_NAME, _KEPT)).replace(_KEPT, JOB_NAME)
    return f"beside-the-suite/{number}-{kept}"
