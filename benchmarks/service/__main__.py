"""Run the benchmarks of the service: ``python -m benchmarks.service --help``."""

import sys

from benchmarks.service.command import main

sys.exit(main())
