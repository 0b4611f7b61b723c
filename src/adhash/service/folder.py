"""The folder of a job: what lies where, and who may write it.

    <job root>/<id>/
      spec.json          what the runner is to do; written by the server before each attempt
      fence              the number of the attempt that may work; a runner with a lower one stops
      stdout.log         raw output of all attempts, appended by the work itself
      stderr.log
      log.index          which bytes came when, see `adhash.service.logs`
      events.ndjson      progress, ticks and alerts, appended by the work, read by the server
      metrics.ndjson     ticks alone, as ``metrics.v1``
      summary.json       the result, once the job has one
      artifacts/         what the job made, once it ended
      attempts/<n>/      one attempt
        runner.json      pid and start time of the runner
        runner.log       what the runner itself has to say, empty unless something is wrong
        confinement.json what holds the work in
        heartbeat        touched by the runner every second
        metrics_url      where the replay serves its metrics; empty if it does not
        report.json      what the work says of its end, for the runner
        outcome.json     how it ended, the last thing the runner writes
        artifacts/       what it made so far
        tmp/             its TMPDIR

Work writes into the folder of its own attempt only; the server moves its artifacts into place once
no process of it is left. So a second attempt can never mix with the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class AttemptFolder:
    """Where one attempt keeps its files."""

    path: Path

    @property
    def runner(self) -> Path:
        """Return the file that says which process runs the attempt."""
        return self.path / "runner.json"

    @property
    def runner_log(self) -> Path:
        """Return the output of the runner itself."""
        return self.path / "runner.log"

    @property
    def confinement(self) -> Path:
        """Return the file that says what holds the work in."""
        return self.path / "confinement.json"

    @property
    def report(self) -> Path:
        """Return the file in which the work tells the runner its result or its error."""
        return self.path / "report.json"

    @property
    def heartbeat(self) -> Path:
        """Return the file whose time of change is the last sign of life."""
        return self.path / "heartbeat"

    @property
    def outcome(self) -> Path:
        """Return the file that says how the attempt ended."""
        return self.path / "outcome.json"

    @property
    def metrics_url(self) -> Path:
        """Return the file that says where the work serves its metrics."""
        return self.path / "metrics_url"

    @property
    def artifacts(self) -> Path:
        """Return the folder of what the attempt has made."""
        return self.path / "artifacts"

    @property
    def temporary(self) -> Path:
        """Return the folder for temporary files."""
        return self.path / "tmp"


@dataclass(frozen=True)
class JobFolder:
    """Where one job keeps its files."""

    path: Path

    @property
    def spec(self) -> Path:
        """Return the file that tells the runner what to do."""
        return self.path / "spec.json"

    @property
    def fence(self) -> Path:
        """Return the file with the number of the attempt that may work."""
        return self.path / "fence"

    @property
    def stdout(self) -> Path:
        """Return the raw standard output."""
        return self.path / "stdout.log"

    @property
    def stderr(self) -> Path:
        """Return the raw standard error."""
        return self.path / "stderr.log"

    @property
    def log_index(self) -> Path:
        """Return the file that says which bytes of output came when."""
        return self.path / "log.index"

    @property
    def events(self) -> Path:
        """Return the file of progress, ticks and alerts."""
        return self.path / "events.ndjson"

    @property
    def ticks(self) -> Path:
        """Return the file of ticks."""
        return self.path / "metrics.ndjson"

    @property
    def summary(self) -> Path:
        """Return the file of the result."""
        return self.path / "summary.json"

    @property
    def artifacts(self) -> Path:
        """Return the folder of what the job made."""
        return self.path / "artifacts"

    def attempt(self, number: int) -> AttemptFolder:
        """Return the folder of an attempt, counted from 1."""
        return AttemptFolder(self.path / "attempts" / str(number))


def job_folder(job_root: Path, job_id: str) -> JobFolder:
    """Return the folder of a job; its name is taken as checked, see `adhash.service.ids`."""
    return JobFolder(job_root / job_id)


def inputs_folder(job_root: Path) -> Path:
    """Return where uploads are kept, each under its SHA-256."""
    return job_root / "inputs"
