"""Quantities: what is read, what is refused, what is printed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhash import units


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("65536", 65536),
        ("64KiB", 65536),
        (" 64 kib ", 65536),
        ("1.5MiB", 1572864),
        ("10MB", 10_000_000),
        ("1GiB", 1 << 30),
        ("2TiB", 1 << 41),
        ("512B", 512),
    ],
)
def test_a_size_is_read_with_or_without_a_unit(text: str, size: int) -> None:
    assert units.parse_bytes(text) == size


@pytest.mark.parametrize(
    "text", ["", "MiB", "-1", "1e3", "64XiB", "1.5B", "0.3KiB", "1 2", "9" * 400 + ".5", "٣", "²"]
)
def test_what_is_no_size_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ValueError, match="is not a") as refusal:
        units.parse_bytes(text)
    assert repr(text) in str(refusal.value)


@given(st.integers(min_value=0, max_value=1 << 62))
def test_an_exactly_printed_size_reads_back_as_itself(size: int) -> None:
    assert units.parse_bytes(units.format_bytes_exactly(size)) == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1.5", 1.5), ("200ms", 0.2), ("50 us", 5e-5), ("50µs", 5e-5), ("2m", 120.0), ("1h", 3600.0)],
)
def test_a_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    assert units.parse_duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "fast", "1 day", "-2s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        units.parse_duration_s(text)


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (units.format_bytes(0), "0 B"),
        (units.format_bytes(512), "512 B"),
        (units.format_bytes(64 << 20), "64 MiB"),
        (units.format_bytes(1536), "1.5 KiB"),
        (units.format_bytes(1 << 51), "2048 TiB"),
        (units.format_ns(0), "0 ns"),
        (units.format_ns(850), "850 ns"),
        (units.format_ns(1250), "1.25 µs"),
        (units.format_ns(3_400_000), "3.4 ms"),
        (units.format_ns(12_345_000_000), "12.3 s"),
        (units.format_seconds(0.0034), "3.4 ms"),
        (units.format_seconds(125), "2m 05s"),
        (units.format_seconds(7260), "2h 01m"),
        (units.format_count(950), "950"),
        (units.format_count(12_345_678), "12.3 M"),
        (units.format_rate(12_345_678), "12.3 M ops/s"),
        (units.format_rate(10, unit="rows"), "10 rows/s"),
    ],
)
def test_quantities_are_printed_for_people(printed: str, expected: str) -> None:
    assert printed == expected
