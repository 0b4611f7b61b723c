"""Tests of the examples of deployment share their servers and tables with those of the pages."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "docs"))

from real_servers import serving as serving
