"""An order on paper: ``spec.json``, what the server writes and the runner reads.

Only the standard library is imported: the runner begins its supervision with this and nothing else.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adhash.atomic_files import replace_text
from adhash.errors import InvariantError
from adhash.service.attempts import AttemptOrder, Limits


@dataclass(frozen=True, kw_only=True)
class Spec:
    """An order, and the cores it was given."""

    order: AttemptOrder
    cores: tuple[int, ...]


def write_spec(path: Path, spec: Spec) -> None:
    """Write an order for the runner.

    Parameters
    ----------
    path : Path
        Where.
    spec : Spec
        The order and its cores.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    fields = {**asdict(spec.order), "cores": list(spec.cores)}
    replace_text(path, json.dumps(fields, default=str, ensure_ascii=False))


def read_spec(path: Path) -> Spec:
    """Return the order that the server wrote.

    Parameters
    ----------
    path : Path
        Where.

    Returns
    -------
    Spec
        As it was written.

    Raises
    ------
    InvariantError
        If it is missing or not an order of this version.
    """
    try:
        fields: dict[str, Any] = json.loads(path.read_bytes())
        return Spec(cores=tuple(fields.pop("cores")), order=_order(fields))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvariantError(f"{path} is not an order of this version: {error}") from error


def _order(fields: dict[str, Any]) -> AttemptOrder:
    return AttemptOrder(
        **{
            **fields,
            "folder": Path(fields["folder"]),
            "limits": Limits(**fields["limits"]),
            "readable": tuple(Path(each) for each in fields["readable"]),
            "writable": tuple(Path(each) for each in fields["writable"]),
            "roots": _paths(fields["roots"]),
        }
    )


def _paths(names: list[str] | None) -> tuple[Path, ...] | None:
    return None if names is None else tuple(Path(name) for name in names)
