"""The working set as figures."""

from __future__ import annotations

from adhash.analysis.dna.result import Window, WorkingSet
from adhash.analysis.dna.tally import jackknife
from adhash.analysis.dna.trace_analysis import TraceAnalysis


def working_set(analysis: TraceAnalysis) -> WorkingSet:
    """Return distinct keys by window.

    Parameters
    ----------
    analysis : TraceAnalysis
        Of the trace.

    Returns
    -------
    WorkingSet
        In order of time.
    """
    counted = analysis.working_set
    errors = jackknife(counted.by_group(), lambda windows: windows, weight=analysis.weight)
    distinct, new, shared = counted.distinct(), counted.new(), counted.shared()
    windows = [
        Window(
            first_row=at * counted.window_rows,
            get=int(counted.ops[at, 0]),
            put=int(counted.ops[at, 1]),
            del_=int(counted.ops[at, 2]),
            distinct=int(distinct[at]),
            new=int(new[at]),
            shared=int(shared[at]),
            standard_error=float(errors[at]),
        )
        for at in range(counted.windows)
    ]
    return WorkingSet(
        is_exact=analysis.is_exact,
        window_rows=counted.window_rows,
        mean_distinct=float(distinct.mean()),
        max_distinct=int(distinct.max()),
        windows=windows,
    )
