"""The files of a command that runs on a server: inputs go there before, outputs come back after.

An input that is here is uploaded. One that is on the server is named ``server:PATH``, so that a
typing error is never taken for the other. An upload made before is named by its URI.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adhash.errors import BadInputError, StorageError
from adhash.options.base import CommandOptions, files_read, files_written, with_names

if TYPE_CHECKING:
    from adhash.service.client import Client

ON_SERVER = "server:"
UPLOADED = "input://"
_STANDARD_INPUT = "-"
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST_NAME = 100


@dataclass(frozen=True, kw_only=True)
class Output:
    """A file or folder that comes back: the name of the artifact, and where it goes here."""

    artifact: str
    path: Path
    is_folder: bool


class RemoteFiles:
    """Moves the files of one command.

    Parameters
    ----------
    client : Client
        Of the server.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._uploaded: dict[str, str] = {}
        self._outputs: list[Output] = []

    def request_of(self, options: CommandOptions, *, are_outputs_here: bool) -> dict[str, Any]:
        """Return the request that options stand for, once its inputs are on the server.

        Parameters
        ----------
        options : CommandOptions
            Of the command.
        are_outputs_here : bool
            Whether an output is a path here, which an artifact comes back to, or the name of an
            artifact.

        Returns
        -------
        dict
            The body.

        Raises
        ------
        BadInputError
            If an input is not here.
        AdhashError
            If it cannot be uploaded.
        """
        request = options.model_dump(mode="json", exclude_unset=True, exclude_none=True)
        for name in files_read(type(options)):
            if name in request:
                request[name] = with_names(request[name], self.sent)
        for name, mark in files_written(type(options)).items():
            if are_outputs_here and name in request:
                path, is_folder = Path(request[name]), mark.kind == "folder"
                artifact = name if is_folder else self._free_name(name, plain(path.name))
                self.expect(artifact, path, is_folder=is_folder)
                request[name] = artifact
        return request

    def sent(self, named: str, *, base: Path | None = None) -> str:
        """Return how the server names an input, uploaded if it is here.

        Parameters
        ----------
        named : str
            A path, ``-``, ``server:PATH`` or the URI of an upload.
        base : Path or None
            What a relative path starts from; None is the working folder.

        Returns
        -------
        str
            A path on the server or a URI.

        Raises
        ------
        BadInputError
            If there is no such file here.
        """
        if named.startswith(ON_SERVER):
            return named.removeprefix(ON_SERVER)
        if named.startswith(UPLOADED):
            return named
        if named not in self._uploaded:
            self._uploaded[named] = self._upload(named, base or Path())
        return self._uploaded[named]

    def expect(self, artifact: str, path: Path, *, is_folder: bool) -> None:
        """Note that an artifact, or all beneath a name, shall come back; the first note counts.

        Parameters
        ----------
        artifact : str
            Its name.
        path : Path
            Where it goes.
        is_folder : bool
            Whether it stands for all artifacts beneath the name.

        Raises
        ------
        BadInputError
            If a folder is where a file shall go.
        """
        if path.is_dir() and not is_folder:
            raise BadInputError(f"{path} is a folder", hint="name the file to write")
        self._outputs.append(Output(artifact=artifact, path=path, is_folder=is_folder))

    def fetch(self, job_id: str) -> None:
        """Put every output of a job that has ended where it was wanted.

        Parameters
        ----------
        job_id : str
            The job; it may have made none or some of them.

        Raises
        ------
        AdhashError
            If one cannot be fetched or written.
        """
        for artifact in self._client.artifacts(job_id) if self._outputs else []:
            target = self._target(artifact.name)
            if target is not None:
                _make_folder(target.parent)
                self._client.download(job_id, artifact.name, target)

    def named_here(self, value: Any) -> Any:
        """Return a result in which files are named as they are here."""
        if isinstance(value, dict):
            return {key: self.named_here(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.named_here(each) for each in value]
        return self._path_here(value) if isinstance(value, str) else value

    def _free_name(self, option: str, name: str) -> str:
        """Return a name for an artifact; a file that shares its name with another is told apart."""
        is_taken = any(output.artifact == name for output in self._outputs)
        return f"{option}-{name}" if is_taken else name

    def _path_here(self, text: str) -> str:
        if not text.startswith("/"):
            return text
        for named, uri in self._uploaded.items():
            if text.endswith(f"/inputs/{uri.removeprefix(UPLOADED)}"):
                return named
        _, sign, name = text.rpartition("/artifacts/")
        target = self._target(name) if sign else None
        return text if target is None else str(target)

    def _target(self, artifact: str) -> Path | None:
        """Return where an artifact goes; None if nobody wants it."""
        found = (_target(output, artifact) for output in self._outputs)
        return next((target for target in found if target is not None), None)

    def _upload(self, named: str, base: Path) -> str:
        if named == _STANDARD_INPUT:
            return self._upload_standard_input()
        path = base / named
        if not path.is_file():
            raise BadInputError(
                f"there is no file {named} here to upload",
                hint=f"a file on the server is named {ON_SERVER}{named}",
            )
        return self._client.upload(path)

    def _upload_standard_input(self) -> str:
        # Kept first: an upload that breaks is sent again from its beginning.
        with tempfile.NamedTemporaryFile(prefix="adhash-") as kept:
            shutil.copyfileobj(sys.stdin.buffer, kept)
            kept.flush()
            return self._client.upload(Path(kept.name), name="standard-input")


def plain(name: str) -> str:
    """Return a name that an artifact may have."""
    return _NOT_IN_A_NAME.sub("_", name)[-_LONGEST_NAME:].lstrip(".-") or "file"


def _target(output: Output, artifact: str) -> Path | None:
    """Return where an artifact goes; None if it is not of this output."""
    if artifact == output.artifact:
        return output.path
    inner = artifact.removeprefix(f"{output.artifact}/")
    # Hidden files are notes of the work to itself, such as locks.
    is_within = (
        output.is_folder and inner != artifact and "." not in {p[0] for p in inner.split("/")}
    )
    return output.path / inner if is_within else None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make {folder}: {error.strerror or error}") from error


def labels_of(pairs: list[str] | None) -> Mapping[str, str]:
    """Return labels written ``NAME=VALUE``.

    Parameters
    ----------
    pairs : list of str or None
        As they were given.

    Returns
    -------
    mapping of str to str
        Values by names.

    Raises
    ------
    BadInputError
        If one has no name or no sign.
    """
    split = [pair.partition("=") for pair in pairs or []]
    for name, sign, value in split:
        if not name or not sign:
            raise BadInputError(f"a label is written NAME=VALUE; got {name}{sign}{value}")
    return {name: value for name, _, value in split}
