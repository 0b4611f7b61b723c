"""The rows of the tables in ``docs/control_surface.md``, made from the code that they describe."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from adhash.service.attempts import Capacity
from adhash.service.errors import ServiceError
from adhash.service.lifecycle import Status
from adhash.service.metrics_page import metrics_page
from adhash.service.models import JobFields
from adhash.service.outcomes import CODES
from adhash.service.records import Histogram, StoreMetrics
from adhash.service.settings import ServiceSettings, variable_of

_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def setting_rows() -> list[str]:
    """Return a row for each setting."""
    return [
        f"| `{variable_of(name)}` | {_default(name, field)} | {field.description} |"
        for name, field in ServiceSettings.model_fields.items()
    ]


def job_field_rows() -> list[str]:
    """Return a row for each field that any job may be given."""
    return [
        f"| `{name}` | {_default(name, field)} | {field.description} |"
        for name, field in JobFields.model_fields.items()
    ]


def _default(name: str, field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}) or isinstance(value, SecretStr):
        return "none"
    if name.endswith("_bytes") and value:
        size, unit = next((size, unit) for size, unit in _UNITS if value % size == 0)
        return f"`{value // size}{unit}`"
    return f"`{value:g}`" if isinstance(value, float) and value < 1e5 else f"`{value}`"


def error_rows() -> list[str]:
    """Return a row for each error that the service raises."""
    return [f"| `{error.code}` | {error.status} | {_meaning(error)} |" for error in _errors()]


def _errors() -> Iterator[type[ServiceError]]:
    yield from sorted(ServiceError.__subclasses__(), key=lambda error: (error.status, error.code))


def _meaning(error: type[ServiceError]) -> str:
    return (error.__doc__ or "").splitlines()[0]


def job_error_rows() -> list[str]:
    """Return a row for each code that the error of a job may have."""
    return [f"| `{code}` | {meaning} |" for code, meaning in CODES.items()]


def metric_rows() -> list[str]:
    """Return a row for each metric of the service."""
    return [
        f"| `{name}` | {family.type} | {labels} | {family.documentation} |"
        for family in text_string_to_metric_families(page())
        for name in [f"{family.name}_total" if family.type == "counter" else family.name]
        for labels in [_labels(family.samples[0].labels)]
    ]


def sample_names() -> set[str]:
    """Return the name of every sample on the page of metrics, such as ``..._bucket``."""
    return {
        sample.name
        for family in text_string_to_metric_families(page())
        for sample in family.samples
    }


def _labels(labels: dict[str, str]) -> str:
    return ", ".join(f"`{name}`" for name in labels if name != "le") or "-"


def page() -> str:
    """Return a page of metrics on which every family has a sample."""
    histogram = Histogram(bounds=(1.0, float("inf")), counts=(1, 1), total_s=0.5)
    metrics = StoreMetrics(
        jobs={("run-csv", Status.COMPLETED): 1},
        queue_wait={"run-csv": histogram},
        run_time={"run-csv": histogram},
        oldest_queued_s=0.0,
        attempts_lost=0,
    )
    return metrics_page(metrics, Capacity(slots=1, free=1), followers=0).decode()
