"""The cases: one module each, with a function `run` from a `Plan` to a `CaseReport`."""
