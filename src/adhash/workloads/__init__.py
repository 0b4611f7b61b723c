"""Traces: reading them for replay, generating them, and recording them from a running program.

Nothing is imported here, so that `adhash.workloads.recorder` can be used in a program without
loading pyarrow or the generators. Import from the modules: `sources`, `generators`, `recorder`,
`samples`.
"""
