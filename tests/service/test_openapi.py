"""The document of the control surface: complete, kept in the repository, and true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adhash.service.api import create_app
from adhash.service.kinds import job_kinds
from adhash.service.openapi import document_text
from adhash.service.settings import load_service_settings

KEPT = Path(__file__).resolve().parents[2] / "docs" / "reference" / "openapi.json"


@pytest.fixture(scope="module")
def text() -> str:
    return document_text(create_app(settings=load_service_settings({})))


@pytest.fixture(scope="module")
def document(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_kept_document_is_the_one_that_is_served(text: str) -> None:
    assert KEPT.read_text("utf-8") == text, "run `make openapi` and look at what changed"


def test_every_kind_has_a_route_with_an_example(document: dict[str, Any]) -> None:
    for kind in job_kinds().values():
        body = document["paths"][f"/api/jobs/{kind.name}"]["post"]["requestBody"]
        name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert document["components"]["schemas"][name]["examples"] == [kind.example]


def test_every_operation_says_who_may_call_it(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert set(schemes) == {"bearer", "query"}
    for _, path, operation in operations(document):
        is_open = path in ("/healthz", "/readyz")
        assert (operation["security"] == []) == is_open, path
        assert ("401" in operation["responses"]) != is_open, path


def test_every_error_is_a_problem(document: dict[str, Any]) -> None:
    checked = 0
    for _, path, operation in operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400 and path != "/readyz":
                assert list(response["content"]) == ["application/problem+json"], (path, status)
                checked += 1
    assert checked > 50


def test_every_operation_and_parameter_is_described(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        assert operation["operationId"], (method, path)
        assert operation.get("description") or operation.get("summary"), (method, path)
        for parameter in operation.get("parameters", ()):
            is_plain = parameter["name"] == "job_id" or parameter["in"] == "path"
            assert is_plain or parameter.get("description"), (path, parameter["name"])


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    names = set(document["components"]["schemas"])
    found = set()

    def walk(value: object) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                found.add(value["$ref"].rpartition("/")[2])
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(document)
    assert found <= names
    assert "Problem" in found
