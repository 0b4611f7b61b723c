"""The bundled traces are small, readable, and as their README says."""

from __future__ import annotations

import pytest

from adhash.errors import BadInputError
from adhash.workloads.samples import Sample, count_operations, sample_path, samples

EACH = pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)


def test_together_the_samples_stay_under_two_megabytes() -> None:
    assert sum(sample.path.stat().st_size for sample in samples()) < 2_000_000


@EACH
def test_the_readme_has_the_counts_of_the_trace(sample: Sample) -> None:
    ops, keys = count_operations(sample.path)
    assert set(ops) == {"get", "put", "del"}
    numbers = [sum(ops.values()), ops["get"], ops["put"], ops["del"], keys]
    row = f"| `{sample.file_name}` | " + " | ".join(f"{number:,}" for number in numbers)
    assert row in (sample.path.parent / "README.md").read_text()


@EACH
def test_a_sample_is_found_by_its_name(sample: Sample) -> None:
    assert sample_path(sample.name) == sample.path
    assert sample.path.is_file()


def test_an_unknown_sample_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInputError) as caught:
        sample_path("none")
    assert "identifiers" in caught.value.hint


def test_the_recorded_sample_is_the_first() -> None:
    assert samples()[0].about.startswith("Recorded")
