"""The contract of manager and clients: each method is there, and what it means is told once."""

from __future__ import annotations

import inspect

import pytest

from adhash.service.calls.kind_methods import KindMethods
from adhash.service.client import AsyncClient, Client
from adhash.service.job_methods import JobMethods
from adhash.service.jobs import JobManager
from adhash.service.kinds import job_kinds

CONTRACT = [
    *(name for name in vars(JobMethods) if not name.startswith("_")),
    *(name for name in vars(KindMethods) if not name.startswith("_")),
]


def test_there_is_a_method_for_each_kind() -> None:
    assert {kind.method for kind in job_kinds().values()} <= set(CONTRACT)


@pytest.mark.parametrize("surface", [JobManager, Client, AsyncClient])
@pytest.mark.parametrize("name", CONTRACT)
def test_every_surface_has_the_methods_and_helps_with_them(surface: type, name: str) -> None:
    method = getattr(surface, name)
    assert inspect.getdoc(method)
    contract = getattr(KindMethods if name in vars(KindMethods) else JobMethods, name)
    assert list(inspect.signature(contract).parameters) == [
        each for each in inspect.signature(method).parameters if each in _parameters(contract)
    ]


def _parameters(method: object) -> set[str]:
    return set(inspect.signature(method).parameters)  # type: ignore[arg-type]


@pytest.mark.parametrize("surface", [JobManager, Client])
def test_what_a_method_means_is_written_down_once(surface: type) -> None:
    for name in CONTRACT:
        told = getattr(surface, name).__doc__
        contract = getattr(KindMethods if name in vars(KindMethods) else JobMethods, name).__doc__
        assert told is None or told == contract or "Parameters" not in told or name == "submit"
