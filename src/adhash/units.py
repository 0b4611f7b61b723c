"""Quantities as people write them: bytes, durations, rates; parsed and printed in one place.

Parsers raise ValueError, because the caller alone knows whether the text came from a file, an
option or a request, and so which error to make of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# What the types int64 and uint64 hold.
INT64_MIN, INT64_MAX, UINT64_MAX = -(2**63), 2**63 - 1, 2**64 - 1

_BYTES: Mapping[str, int] = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
    "tib": 1 << 40,
}
_SECONDS: Mapping[str, float] = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "": 1.0,
    "s": 1.0,
    "m": 60.0,
    "min": 60.0,
    "h": 3600.0,
}
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zµ]*)\s*", re.IGNORECASE | re.ASCII)
_BINARY_STEPS = ("B", "KiB", "MiB", "GiB", "TiB")
_DECIMAL_STEPS = ("", "k", "M", "G", "T")
_DURATION_STEPS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"))


def parse_bytes(text: str) -> int:
    """Return the number of bytes that `text` names.

    Parameters
    ----------
    text : str
        A number and an optional unit: ``"65536"``, ``"64KiB"``, ``"1.5 GiB"``, ``"10MB"``
        (KB, MB, GB and TB are powers of 1000). Upper and lower case are the same.

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    ValueError
        If `text` is no such quantity, or no whole number of bytes.
    """
    number, unit = _split(text, _BYTES, example="64MiB")
    if "." not in number:
        return int(number) * _BYTES[unit]
    size = float(number) * _BYTES[unit]
    if not size.is_integer():
        raise ValueError(f"{text!r} is not a whole number of bytes")
    return int(size)


def parse_duration_s(text: str) -> float:
    """Return the seconds that `text` names.

    Parameters
    ----------
    text : str
        A number and an optional unit of ns, us, ms, s, m, h: ``"200ms"``, ``"1.5"``, ``"2m"``.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    ValueError
        If `text` is no such quantity.
    """
    number, unit = _split(text, _SECONDS, example="200ms")
    return float(number) * _SECONDS[unit]


def _split(text: str, units: Mapping[str, object], *, example: str) -> tuple[str, str]:
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2].lower() not in units:
        known = ", ".join(name for name in units if name)
        raise ValueError(f"{text!r} is not a quantity such as {example!r}; units: {known}")
    return match[1], match[2].lower()


def format_bytes(size: float) -> str:
    """Return `size` bytes for a person: ``"512 B"``, ``"64 MiB"``, ``"1.5 GiB"``."""
    step = 0
    while abs(size) >= 1024 and step < len(_BINARY_STEPS) - 1:
        size /= 1024
        step += 1
    return f"{_short(size)} {_BINARY_STEPS[step]}"


def format_bytes_exactly(size: int) -> str:
    """Return `size` bytes so that `parse_bytes` reads the same number again: ``"2MiB"``."""
    for step in range(len(_BINARY_STEPS) - 1, 0, -1):
        unit = 1 << (10 * step)
        if size and size % unit == 0:
            return f"{size // unit}{_BINARY_STEPS[step]}"
    return f"{size}B"


def format_ns(duration_ns: float) -> str:
    """Return a duration in nanoseconds for a person: ``"850 ns"``, ``"1.25 µs"``, ``"3.4 ms"``."""
    for unit_ns, name in _DURATION_STEPS:
        if abs(duration_ns) >= unit_ns:
            return f"{_short(duration_ns / unit_ns)} {name}"
    return f"{_short(duration_ns)} ns"


def format_seconds(duration_s: float) -> str:
    """Return a duration in seconds for a person: ``"3.4 ms"``, ``"12.5 s"``, ``"2m 05s"``."""
    if duration_s < 60:
        return format_ns(duration_s * 1e9)
    minutes, seconds = divmod(round(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02}m" if hours else f"{minutes}m {seconds:02}s"


def format_count(count: float) -> str:
    """Return a count for a person: ``"950"``, ``"12.3 M"``."""
    step = 0
    while abs(count) >= 1000 and step < len(_DECIMAL_STEPS) - 1:
        count /= 1000
        step += 1
    return f"{_short(count)} {_DECIMAL_STEPS[step]}".rstrip()


def format_rate(per_second: float, *, unit: str = "ops") -> str:
    """Return a rate for a person: ``"12.3 M ops/s"``."""
    return f"{format_count(per_second)} {unit}/s"


def _short(number: float) -> str:
    """Three figures that matter, without trailing zeros; whole numbers stay whole."""
    if number == int(number) or abs(number) >= 100:
        return f"{number:.0f}"
    text = f"{number:.2f}" if abs(number) < 10 else f"{number:.1f}"
    return text.rstrip("0").rstrip(".")
