"""One method for each kind of job: the same for the manager and for both clients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Generic, TypeVar

Submitted = TypeVar("Submitted", covariant=True)


class KindMethods(ABC, Generic[Submitted]):
    """Methods that submit; `Submitted` is a handle, or what a handle is awaited from."""

    @abstractmethod
    def submit(self, kind: str, request: Mapping[str, object]) -> Submitted:
        """Submit a job; once this returns, it is not lost.

        Clients take an ``idempotency_key`` as well: a name for this very request, to submit it
        again later and get the same job. Without one each call takes a new one, good for its
        attempts.

        Parameters
        ----------
        kind : str
            Such as ``"run-csv"``.
        request : mapping
            The options of the command with underscores, and the fields of a job: ``labels``,
            ``priority``, ``timeout_s``, ``isolation``, ``retries``.

        Returns
        -------
        Job, RemoteJob or AsyncRemoteJob
            A handle on it.

        Raises
        ------
        ServiceError
            If the request is refused, or the service takes no jobs; the job was then not taken.
        """

    def run_csv(self, **request: object) -> Submitted:
        """Submit a replay; the options are those of ``adhash run-csv``, see `submit`."""
        return self.submit("run-csv", request)

    def profile(self, **request: object) -> Submitted:
        """Submit a profile; the options are those of ``adhash profile``, see `submit`."""
        return self.submit("profile", request)

    def calibrate(self, **request: object) -> Submitted:
        """Submit a calibration of the machine; the options are those of ``adhash calibrate``."""
        return self.submit("calibrate", request)

    def batch(self, **request: object) -> Submitted:
        """Submit a suite; the options are those of ``adhash batch``, see `submit`."""
        return self.submit("batch", request)

    def probe_visualize(self, **request: object) -> Submitted:
        """Submit a probe trace; the options are those of ``adhash probe-visualize``."""
        return self.submit("probe-visualize", request)

    def inspect_snapshot(self, **request: object) -> Submitted:
        """Submit a look into a snapshot; the options are those of ``adhash inspect-snapshot``."""
        return self.submit("inspect-snapshot", request)

    def verify_snapshot(self, **request: object) -> Submitted:
        """Submit the check of a snapshot; the options are those of ``adhash verify-snapshot``."""
        return self.submit("verify-snapshot", request)

    def compact_snapshot(self, **request: object) -> Submitted:
        """Submit a denser snapshot; the options are those of ``adhash compact-snapshot``."""
        return self.submit("compact-snapshot", request)

    def diff_snapshot(self, **request: object) -> Submitted:
        """Submit a comparison of snapshots; the options are those of ``adhash diff-snapshot``."""
        return self.submit("diff-snapshot", request)

    def ab_compare(self, **request: object) -> Submitted:
        """Submit a comparison; the options are those of ``adhash ab-compare``, see `submit`."""
        return self.submit("ab-compare", request)

    def workload_dna(self, **request: object) -> Submitted:
        """Submit a description of a trace; the options are those of ``adhash workload-dna``."""
        return self.submit("workload-dna", request)

    def generate_csv(self, **request: object) -> Submitted:
        """Submit a trace to be generated; the options are those of ``adhash generate-csv``."""
        return self.submit("generate-csv", request)

    def convert(self, **request: object) -> Submitted:
        """Submit the conversion of a trace; the options are those of ``adhash convert``."""
        return self.submit("convert", request)

    def report(self, **request: object) -> Submitted:
        """Submit a report on replays; the options are those of ``adhash report``."""
        return self.submit("report", request)
