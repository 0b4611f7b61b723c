"""Results as their models have them: `known_result`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from adhash.results import Result

# Where the model of a format is; imported when a report has such a result.
_MODELS = {
    "adhash.ab-compare.v1": ("adhash.analysis.ab_result", "AbCompareResult"),
    "adhash.ab-self-test.v1": ("adhash.analysis.ab_self_test_result", "AbSelfTestResult"),
    "adhash.calibrate.v1": ("adhash.analysis.calibration.run", "CalibrateResult"),
    "adhash.compact-snapshot.v1": ("adhash.analysis.compact_snapshot", "CompactSnapshotResult"),
    "adhash.convert.v1": ("adhash.analysis.conversion.result", "ConvertResult"),
    "adhash.diff-snapshot.v1": ("adhash.analysis.diff_snapshot", "DiffSnapshotResult"),
    "adhash.generate-csv.v1": ("adhash.analysis.generate_csv", "GenerateCsvResult"),
    "adhash.inspect-snapshot.v1": ("adhash.analysis.inspect_snapshot", "InspectSnapshotResult"),
    "adhash.probe_visualize.v1": ("adhash.analysis.probe_visualize", "ProbeVisualizeResult"),
    "adhash.profile.v1": ("adhash.analysis.profile.result", "ProfileResult"),
    "adhash.verify-snapshot.v1": ("adhash.analysis.verify_snapshot", "VerifySnapshotResult"),
    "adhash.workload-dna.v1": ("adhash.analysis.dna.result", "WorkloadDnaResult"),
}


def known_result(result: Mapping[str, Any]) -> Result | None:
    """Return a result as its model has it; None if it has none, or is no such result.

    Parameters
    ----------
    result : mapping
        As its JSON has it, of any format.

    Returns
    -------
    Result or None
        What the command found.
    """
    model = _model_of(result)
    try:
        return None if model is None else model.model_validate(result)
    except ValidationError:
        return None


def _model_of(result: Mapping[str, Any]) -> type[Result] | None:
    place = _MODELS.get(str(result.get("schema")))
    if place is None:
        return None
    found: type[Result] = getattr(importlib.import_module(place[0]), place[1])
    return found
