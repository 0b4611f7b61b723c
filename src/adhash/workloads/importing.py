"""How a foreign trace is asked to be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from adhash.config_models import ReplaySettings

AUTO = "auto"
#: Formats of traces that hold operations already.
NATIVE = ("csv", "parquet", "arrow")


@dataclass(frozen=True, kw_only=True)
class Importing:
    """What the caller says of a trace that may be foreign.

    Parameters
    ----------
    format : str
        ``auto``, ``csv``, ``parquet``, ``arrow`` or the name of a foreign format.
    fill : {"through", "preload", "none"}
        What follows a read, see `adhash.workloads.formats.fill`.
    value_cap : int
        The longest value, in bytes.
    max_line_bytes : int
        The longest line of a text, in bytes.
    """

    format: str = "auto"
    fill: Literal["through", "preload", "none"] = "through"
    value_cap: int = 64
    max_line_bytes: int = 1 << 20

    @classmethod
    def of(cls, settings: ReplaySettings) -> Importing:
        """Return what the settings of a replay say."""
        return cls(
            format=settings.format,
            fill=settings.fill,
            value_cap=settings.value_cap,
            max_line_bytes=settings.max_line_bytes,
        )
