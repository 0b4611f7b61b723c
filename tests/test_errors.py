"""The errors: their envelope, exit codes, and that they survive a process boundary."""

from __future__ import annotations

import copy
import pickle

import pytest

from adhash import errors
from adhash.errors import AdhashError, BadInputError, ConfigError, KeyTypeError, TraceError

EXIT_CODES = {
    errors.BadInputError: ("BadInput", 2),
    errors.InvariantError: ("Invariant", 3),
    errors.PolicyError: ("Policy", 4),
    errors.StorageError: ("IO", 5),
    errors.InterruptedRunError: ("Interrupted", 130),
    errors.TraceError: ("BadInput", 2),
    errors.ConfigError: ("BadInput", 2),
    errors.SnapshotError: ("BadInput", 2),
    errors.KeyTypeError: ("BadInput", 2),
    errors.ValueTypeError: ("BadInput", 2),
}


@pytest.mark.parametrize(("kind", "expected"), EXIT_CODES.items())
def test_each_error_has_its_name_and_exit_code(
    kind: type[AdhashError], expected: tuple[str, int]
) -> None:
    error = kind("what was wrong", hint="what to do")
    assert (error.to_dict()["error"], error.exit_code) == expected
    assert error.to_dict() == {
        "error": expected[0],
        "detail": "what was wrong",
        "hint": "what to do",
    }


def test_every_error_of_the_module_is_in_the_table_above() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type)}
    assert {kind for kind in kinds if issubclass(kind, AdhashError)} == {AdhashError, *EXIT_CODES}


def test_an_error_reads_as_detail_and_hint() -> None:
    assert str(BadInputError("rate is -1", hint="use 0 or more")) == "rate is -1 (use 0 or more)"
    assert str(BadInputError("rate is -1")) == "rate is -1"


def test_a_wrong_key_type_is_a_type_error_too() -> None:
    with pytest.raises(TypeError):
        raise KeyTypeError("keys are int64; got 'a'")


@pytest.mark.parametrize(
    "error",
    [
        TraceError("bad row", hint="fix it", file="t.csv", line=3, column=7, value="frob"),
        ConfigError(
            "bad", key="replay.rate", value=-1, allowed="0 to 1", causes=(ConfigError("a"),)
        ),
        KeyTypeError("keys are int64"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_survives_pickling_and_copying(error: AdhashError) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301
        assert type(twin) is type(error)
        assert twin.to_dict() == error.to_dict()
        assert {key: str(value) for key, value in vars(twin).items()} == {
            key: str(value) for key, value in vars(error).items()
        }
