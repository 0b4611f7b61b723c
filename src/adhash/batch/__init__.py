"""Suites: many jobs from one specification, each in a process of its own, and the report."""
