"""What type checkers know of a map's arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

from adhash.maps.batch_map import K, V

if TYPE_CHECKING:
    from adhash.config_models import AdaptiveSettings

Integers: TypeAlias = Literal["int64", "uint64"]
Entries: TypeAlias = "Mapping[K, V] | Iterable[tuple[K, V]] | None"


class MapOptions(TypedDict, total=False):
    """What a map may be given beside its entries and its types."""

    engine: str
    seed: int | None
    capacity: int
    settings: AdaptiveSettings | None
