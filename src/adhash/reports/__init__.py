"""Reports on results: one page of HTML that needs nothing else, and the same as Markdown."""

from __future__ import annotations

from adhash.reports.content import Content
from adhash.reports.result import ReportResult
from adhash.reports.run import report, run_report

__all__ = ["Content", "ReportResult", "report", "run_report"]
