"""The scenarios: one module each, with a function `run` from a folder and a scale to a report."""
