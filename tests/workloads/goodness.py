"""How far a sample is from a distribution, in a number that no chance makes large."""

from __future__ import annotations

import numpy as np


def deviation(ranks: np.ndarray, pmf: np.ndarray) -> float:
    """Return by how many standard deviations the chi-square statistic exceeds its mean.

    Ranks that are expected fewer than 5 times are counted together. Wilson and Hilferty's cube
    root makes the statistic normal.
    """
    order = np.argsort(-pmf, kind="stable")
    expected = pmf[order] * len(ranks)
    found = np.bincount(ranks, minlength=len(pmf)).astype(float)[order]
    cut = int(np.count_nonzero(expected >= 5))
    expected = np.append(expected[:cut], expected[cut:].sum())
    found = np.append(found[:cut], found[cut:].sum())
    keep = expected >= 5
    freedom = int(keep.sum()) - 1
    assert freedom >= 1
    chi2 = float((((found - expected) ** 2)[keep] / expected[keep]).sum())
    spread = 2 / (9 * freedom)
    return ((chi2 / freedom) ** (1 / 3) - (1 - spread)) / spread**0.5
