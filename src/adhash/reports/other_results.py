"""Results that are no replays, as a report shows them: what matters most, and tables.

The models know their own tables. A result that is of no known model, because another version wrote
it or a job was cut short, is shown by its single figures.
"""

from __future__ import annotations

from collections.abc import Sequence

from adhash.presenters import Table
from adhash.reports.content import Source
from adhash.reports.tables import scalar_figures


def facts_and_tables(source: Source) -> tuple[list[tuple[str, str]], Sequence[Table]]:
    """Return what a result comes to: words and what they say, and its tables.

    Parameters
    ----------
    source : Source
        A result of any format.

    Returns
    -------
    tuple of (list of (str, str), sequence of Table)
        Facts first; there may be no table.
    """
    if source.known is None:
        return scalar_figures(source.result), ()
    return list(source.known.highlights().items()), source.known.as_tables()
