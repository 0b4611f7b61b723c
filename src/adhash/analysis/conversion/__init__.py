"""Writing a trace again in another format: the functions behind ``adhash convert``."""

from adhash.analysis.conversion.result import ConvertResult
from adhash.analysis.conversion.run import convert, run_convert

__all__ = ["ConvertResult", "convert", "run_convert"]
