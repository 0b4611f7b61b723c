"""What the control surface costs a client, over HTTP: ``python -m benchmarks.service``."""
