"""The document of the control surface: every route, every error, how to say who you are.

FastAPI writes most of it from the routes. Added here: the security schemes and where they apply,
and that every error is a problem of RFC 9457 and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from adhash import __version__
from adhash.service.models import Event, LogLine, Problem

_OPEN = {"/healthz", "/readyz"}
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_TEXT = """Run traces on hash maps as jobs: submit, follow, collect.

Every POST takes an `Idempotency-Key`. Errors are `application/problem+json`. Times are RFC 3339 in
UTC. A server with a token wants it as `Authorization: Bearer`, or as `?token=` where a header
cannot be sent."""
_REFS = "#/components/schemas/{model}"


def problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Return the documents of errors for a route, by status."""
    return {
        code: {
            "description": HTTPStatus(code).phrase,
            "content": {"application/problem+json": {"schema": _PROBLEM}},
        }
        for code in codes
    }


def described_stream(media_type: str, model: type[BaseModel], text: str) -> dict[str, Any]:
    """Return the document of an answer that is a stream of so many of a model."""
    schema = {"$ref": _REFS.format(model=model.__name__)}
    return {"description": text, "content": {media_type: {"schema": schema}}}


def binary_body(text: str) -> dict[str, Any]:
    """Return the document of a body that is any file."""
    schema = {"type": "string", "format": "binary"}
    content = {"application/octet-stream": {"schema": schema}}
    return {"requestBody": {"required": True, "description": text, "content": content}}


def describe(app: FastAPI) -> None:
    """Make `app` give the whole document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=__version__, description=_TEXT, routes=app.routes
    )
    schemas = document["components"]["schemas"]
    for model in (Problem, Event, LogLine):
        schema = model.model_json_schema(ref_template=_REFS, mode="serialization")
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "`ADHASH_TOKEN`"},
        "query": {"type": "apiKey", "in": "query", "name": "token"},
    }
    for path, operation in _operations(document):
        _complete(path, operation)
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def _complete(path: str, operation: dict[str, Any]) -> None:
    operation["security"] = [] if path in _OPEN else [{"bearer": []}, {"query": []}]
    responses = operation["responses"]
    invalid = responses.get("422", {}).get("content", {})
    if "application/json" in invalid:
        responses["422"] = problems(422)[422]
    if path not in _OPEN:
        responses.setdefault("429", problems(429)[429])
        responses.setdefault("500", problems(500)[500])


def document_text(app: FastAPI) -> str:
    """Return the document of `app` as it is kept in the repository: sorted JSON."""
    return json.dumps(app.openapi(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
