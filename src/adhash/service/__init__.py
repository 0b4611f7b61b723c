"""The control surface: every command as a job that is launched, followed and never lost.

`adhash.service.jobs.JobManager` runs jobs from Python, ``python -m adhash.service`` serves the same
over HTTP, and `adhash.service.client` calls that. Nothing is imported here: each front end loads
what it needs.
"""
