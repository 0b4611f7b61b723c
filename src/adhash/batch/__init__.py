"""Suites: many jobs from one specification, each in a process of its own, and the report."""

from __future__ import annotations

from adhash.batch.result import BatchResult, JobResult, require_completed
from adhash.batch.runner import batch, run_batch
from adhash.batch.spec import BatchSpec

__all__ = ["BatchResult", "BatchSpec", "JobResult", "batch", "require_completed", "run_batch"]
