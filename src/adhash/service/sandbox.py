"""What the kernel offers to hold work in."""

from __future__ import annotations


def sandbox_support() -> dict[str, str]:
    """Return each mechanism and whether it can be used here."""
    return {}
