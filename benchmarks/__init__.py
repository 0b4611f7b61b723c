"""Every speed claim of adhash, as a command that measures it: ``python -m benchmarks``."""
