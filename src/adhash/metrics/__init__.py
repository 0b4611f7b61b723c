"""What a run says about itself while it runs: ticks, their file, the live endpoint, the watchdog.

The format is ``metrics.v1``: one JSON object a line, each a `Tick`. Import the parts from the
modules that hold them; this package loads none of them by itself.
"""
