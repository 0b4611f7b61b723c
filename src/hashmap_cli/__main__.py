"""``python -m hashmap_cli`` is the command line under its older name."""

from __future__ import annotations

import sys

from hashmap_cli import main

if __name__ == "__main__":
    sys.exit(main())
