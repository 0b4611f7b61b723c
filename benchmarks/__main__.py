"""Run the benchmarks: ``python -m benchmarks --help``."""

import sys

from benchmarks.command import main

sys.exit(main())
