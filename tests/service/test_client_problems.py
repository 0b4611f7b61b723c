"""An error that the server raises is the error that the client raises."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from adhash.errors import (
    AdhashError,
    BadInputError,
    InvariantError,
    PolicyError,
    StorageError,
)
from adhash.service import errors
from adhash.service.calls.connection import Connection
from adhash.service.calls.problems import error_of_answer
from adhash.service.calls.steps import Answer
from adhash.service.problems import MEDIA_TYPE, problem_of

SERVICE_ERRORS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.ServiceError)
]
FRAMEWORKS = {"fastapi", "starlette", "uvicorn", "sqlalchemy", "alembic", "structlog", "httpx"}


def over_http(error: AdhashError) -> AdhashError:
    problem = problem_of(error)
    body = problem.model_dump_json().encode()
    return error_of_answer(
        Answer(status=problem.status, headers={"content-type": MEDIA_TYPE}, body=body)
    )


@pytest.mark.parametrize("kind", SERVICE_ERRORS[1:], ids=lambda kind: kind.code)
def test_an_error_of_the_service_comes_through_as_it_was(kind: type[AdhashError]) -> None:
    error = over_http(kind("what was wrong", hint="what to do"))
    assert type(error) is kind
    assert (error.detail, error.hint) == ("what was wrong", "what to do")


@pytest.mark.parametrize("kind", [BadInputError, PolicyError, StorageError, InvariantError])
def test_an_error_of_adhash_keeps_its_exit_code(kind: type[AdhashError]) -> None:
    assert over_http(kind("wrong")).exit_code == kind.exit_code


def test_the_places_of_faults_come_through() -> None:
    faults = (("/csv", "there is no such file"),)
    error = over_http(errors.InvalidRequestError("wrong", errors=faults))
    assert isinstance(error, errors.InvalidRequestError)
    assert error.errors == faults


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, BadInputError), (403, PolicyError), (500, InvariantError), (502, StorageError)],
)
def test_an_answer_of_a_stranger_is_an_error_with_a_hint(
    status: int, kind: type[AdhashError]
) -> None:
    error = error_of_answer(Answer(status=status, body=b"<html>nginx</html>"))
    assert type(error) is kind
    assert str(status) in error.detail
    assert error.hint


def test_a_problem_that_is_no_json_is_an_error_all_the_same() -> None:
    broken = Answer(status=500, headers={"content-type": MEDIA_TYPE}, body=b"{")
    assert isinstance(error_of_answer(broken), InvariantError)


@pytest.mark.parametrize("url", ["", "localhost:9600", "ftp://host", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadInputError, match="http"):
        Connection(url=url)


def test_a_certificate_that_is_not_there_is_told() -> None:
    with pytest.raises(StorageError, match="certificate"):
        Connection(url="https://host", verify="/nowhere/ca.pem").options()


def test_the_token_is_not_shown() -> None:
    assert "hidden-one" not in repr(Connection(url="http://host", token="hidden-one"))  # noqa: S106


def test_importing_the_client_loads_no_framework() -> None:
    code = "import adhash.service.client, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert "pydantic" in loaded
    assert loaded.isdisjoint(FRAMEWORKS)
