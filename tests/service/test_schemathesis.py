"""Requests made from the document, valid and not: no answer is a 5xx or strays from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from adhash.service.api import create_app
from adhash.service.settings import load_service_settings
from torture.server import TOKEN, Server

EXAMPLES = 15
DOCUMENT = create_app(settings=load_service_settings({})).openapi()


def _operations() -> list[tuple[str, str, GenerationMode]]:
    """Return every operation with the modes it has: what takes nothing cannot be given wrong."""
    found = []
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            found.append((method, path, GenerationMode.POSITIVE))
            if operation["security"]:
                found.append((method, path, GenerationMode.NEGATIVE))
    return found


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root: Path = tmp_path_factory.mktemp("schemathesis")
    with Server(root / "jobs", {"ADHASH_MAX_QUEUED_JOBS": "20"}) as server:
        yield schemathesis.openapi.from_url(f"{server.url}/openapi.json")
        _end_jobs(server)


def _end_jobs(server: Server) -> None:
    with server.client() as client:
        for status in ("pending", "running"):
            listed = client.get("/api/jobs", params={"status": status, "limit": 500})
            for job in listed.json()["jobs"]:
                client.delete(f"/api/jobs/{job['id']}")


@pytest.mark.parametrize(("method", "path", "mode"), _operations())
def test_the_server_does_what_its_document_says(
    schema: Any, method: str, path: str, mode: GenerationMode
) -> None:
    cases = schema[path][method].as_strategy(generation_mode=mode)
    _checked(cases)()


def _checked(cases: Any) -> Callable[[], None]:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def check(case: Case) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {TOKEN}"}, checks=CHECKS)

    return check
