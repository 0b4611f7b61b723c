"""Uploading files that requests then name."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request

from adhash.service.models import InputInfo
from adhash.service.openapi import binary_body, problems
from adhash.service.surface import TheCaller, TheSurface
from adhash.service.uploads import keep_upload

router = APIRouter(tags=["inputs"])

# A label and no path: files are kept by their digest. What would not survive a log, a database or
# another system's folder (control characters, slashes, nothing but dots) is refused all the same.
_LETTER = r"[^\x00-\x1f\x7f/\\]"
_NAME = rf"^{_LETTER}*[^\x00-\x1f\x7f/\\.]{_LETTER}*$"


@router.put(
    "/api/inputs/{name}",
    status_code=201,
    response_model=InputInfo,
    operation_id="upload_input",
    openapi_extra=binary_body("The file."),
    responses=problems(401, 403, 413, 422, 503, 507),
)
async def upload_input(
    name: Annotated[str, Path(max_length=255, pattern=_NAME, description="What you call it.")],
    request: Request,
    surface: TheSurface,
    caller: TheCaller,
) -> InputInfo:
    """Store a file by its SHA-256; `csv` and other inputs take its `uri`."""
    return await keep_upload(
        request.stream(),
        name=name,
        owner=caller.name,
        limit=surface.settings.max_upload_bytes,
        shelf=surface.manager.uploads,
        clock=surface.clock,
    )
