"""A suite that runs on a server: its files are uploaded, and it is sent as a table.

A suite names files relative to where it stands, which is no place on the server. So each input that
a job names and that is here is uploaded, and the table names the upload. What a job of the suite
writes for another is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from adhash.batch.plan import DEFAULT_FOLDER
from adhash.batch.spec import COMMANDS, BatchSpec, check_spec
from adhash.batch.suite import find_suite
from adhash.cli.remote_files import ON_SERVER, RemoteFiles
from adhash.options.base import CommandOptions, files_read, files_written
from adhash.options.batch import BatchOptions


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
        self._written = set(_written(spec))
        self.options = options.model_copy(
            update={"out_dir": str(Path(options.out_dir or DEFAULT_FOLDER / spec.name).absolute())}
        )

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
        request = files.request_of(
            options.model_copy(update={"spec_path": None, "spec": None}),
            are_outputs_here=are_outputs_here,
        )
        table = dict(self._suite.table)
        table["jobs"] = [self._job(dict(job), files) for job in _jobs(self._suite.table)]
        return {**request, "spec": table}

    def _job(self, job: dict[str, Any], files: RemoteFiles) -> dict[str, Any]:
        names = files_read(COMMANDS[job["command"]])
        matrix = dict(job.get("matrix", {}))
        for name in names:
            if name in job:
                job[name] = self._moved(job[name], files)
            if name in matrix:
                matrix[name] = [self._moved(value, files) for value in matrix[name]]
        return {**job, "matrix": matrix} if matrix else job

    def _moved(self, value: Any, files: RemoteFiles) -> Any:
        if not isinstance(value, str) or value in self._written:
            return value
        is_here = value.startswith(ON_SERVER) or (self._base / value).is_file()
        # What is not here may be made by a job under a name of the matrix: the server tells.
        return files.sent(value, base=self._base) if is_here else value


def _jobs(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = table["jobs"]
    return jobs


def _written(spec: BatchSpec) -> Iterator[str]:
    for job in spec.jobs:
        for name in files_written(COMMANDS[job.command]):
            values = [job.options.get(name), *job.matrix.get(name, ())]
            yield from (value for value in values if isinstance(value, str))
