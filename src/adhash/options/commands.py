"""The commands that work as jobs, each with its model of options: the one list of them.

Suites take their jobs from it, the service its kinds. To make a command a job, add it here; give
the service its function in `adhash.service.kinds`.
"""

from __future__ import annotations

from collections.abc import Mapping

from adhash.options.ab_compare import AbCompareOptions
from adhash.options.base import CommandOptions
from adhash.options.batch import BatchOptions
from adhash.options.calibrate import CalibrateOptions
from adhash.options.compact_snapshot import CompactSnapshotOptions
from adhash.options.convert import ConvertOptions
from adhash.options.diff_snapshot import DiffSnapshotOptions
from adhash.options.generate_csv import GenerateCsvOptions
from adhash.options.inspect_snapshot import InspectSnapshotOptions
from adhash.options.probe_visualize import ProbeVisualizeOptions
from adhash.options.profile import ProfileOptions
from adhash.options.report import ReportOptions
from adhash.options.run_csv import RunCsvOptions
from adhash.options.verify_snapshot import VerifySnapshotOptions
from adhash.options.workload_dna import WorkloadDnaOptions

BATCH = "batch"

COMMANDS: Mapping[str, type[CommandOptions]] = {
    "run-csv": RunCsvOptions,
    "profile": ProfileOptions,
    "calibrate": CalibrateOptions,
    BATCH: BatchOptions,
    "probe-visualize": ProbeVisualizeOptions,
    "inspect-snapshot": InspectSnapshotOptions,
    "verify-snapshot": VerifySnapshotOptions,
    "compact-snapshot": CompactSnapshotOptions,
    "diff-snapshot": DiffSnapshotOptions,
    "ab-compare": AbCompareOptions,
    "workload-dna": WorkloadDnaOptions,
    "generate-csv": GenerateCsvOptions,
    "convert": ConvertOptions,
    "report": ReportOptions,
}

# What a job of a suite may be. A suite in a suite would have paths and roots of its own.
SUITE_COMMANDS: Mapping[str, type[CommandOptions]] = {
    name: model for name, model in COMMANDS.items() if name != BATCH
}
