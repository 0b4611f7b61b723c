"""Every setting of the service: its variable, default, range and meaning, in this one place.

Settings come from the environment, because that is what service managers and containers set; the
few options of ``adhash serve`` override them. Nothing here reaches for the environment: it is
passed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from adhash.config_values import Real, Size, Whole
from adhash.errors import ConfigError

PREFIX = "ADHASH_"
# The older spelling of one variable, kept because other systems set it.
_OTHER_NAMES = {"ADHASH_MAX_CONCURRENT_JOBS": "MAX_CONCURRENT_JOBS"}


def _read_list(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _read_paths(value: object) -> object:
    if isinstance(value, str):
        return tuple(part for part in value.split(":") if part)
    return value


Words = Annotated[tuple[str, ...], BeforeValidator(_read_list)]
Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_read_list)]
Folders = Annotated[tuple[Path, ...], BeforeValidator(_read_paths)]


def _setting(meaning: str, *, default: object = None, **limits: Any) -> Any:
    return Field(default, description=meaning, **limits)


class ServiceSettings(BaseModel):
    """How the service listens, what it allows, and what it keeps."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True
    )

    # --- where it listens
    host: str = _setting(
        "The address to listen on.", default="127.0.0.1", min_length=1, max_length=255
    )
    port: Whole = _setting(
        "The port to listen on; 0 for a free one.", default=9600, ge=0, le=65_535
    )

    # --- who may call
    token: SecretStr | None = _setting(
        "The bearer token with every right. Without it, and without a tokens file, the server "
        "listens on loopback only and asks for none.",
        min_length=8,
    )
    tokens_file: Path | None = _setting(
        "A TOML file of named tokens with scopes, expiry and quotas; read again when it changes."
    )
    signing_keys: Secrets = _setting(
        "The keys of signed URLs, by commas: the first signs, all are accepted. Without any, a key "
        "is made once and kept in the job root.",
        default=(),
    )
    signed_url_ttl_s: Whole = _setting(
        "How long a signed URL is good by default, in seconds.", default=900, ge=1, le=604_800
    )
    cors_origins: Words = _setting(
        "The origins that browsers may call from, by commas; none by default.", default=()
    )
    rate_limit: str = _setting(
        'How many requests one caller may make, such as "600/minute"; "off" for no limit.',
        default="100/second",
    )

    # --- where things lie
    job_root: Path = _setting(
        "The folder of jobs, inputs and the SQLite store.", default=Path("runs/jobs")
    )
    data_roots: Folders = _setting(
        "The folders that requests may name files in, by colons; none by default.", default=()
    )
    database_url: SecretStr | None = _setting(
        "The store, such as postgresql+psycopg://user@host/name; SQLite in the job root by default."
    )
    retention_days: Real = _setting(
        "Artifacts and logs of jobs that ended this long ago are deleted; 0 keeps them.",
        default=0.0,
        ge=0,
        le=36_500,
    )

    upload_retention_days: Real = _setting(
        "Uploads that are this old, and named by no job that has not ended or whose artifacts are "
        "kept, are deleted; 0 keeps them.",
        default=0.0,
        ge=0,
        le=36_500,
    )

    # --- how jobs run
    max_concurrent_jobs: Whole | None = _setting(
        "How many jobs run at once; one for each core beyond the server's own by default, and at "
        "least one.",
        ge=1,
        le=1_024,
    )
    job_timeout_s: Real = _setting(
        "A job that runs longer is ended and has failed; 0 for no limit.",
        default=86_400.0,
        ge=0,
        le=31_536_000,
    )
    cancel_grace_s: Real = _setting(
        "How long a job may take to end after SIGTERM before SIGKILL.", default=5.0, ge=0, le=600
    )
    heartbeat_s: Real = _setting(
        "How often a runner shows that it lives.", default=1.0, gt=0, le=60
    )
    lease_s: Real = _setting(
        "A runner that showed no life for this long is taken for dead.", default=5.0, gt=0, le=600
    )
    sandbox: Literal["on", "off", "required"] = _setting(
        "Whether workers are confined by seccomp and Landlock where the kernel has them; "
        "required refuses jobs where it has not.",
        default="on",
    )

    # --- what a request may ask for
    max_rows: Whole = _setting(
        "The rows a job may read from a trace; 0 for no limit.", default=0, ge=0, le=10**15
    )
    max_trace_bytes: Size = _setting(
        "The bytes a job may read from a trace once decompressed; 0 for no limit.",
        default=0,
        ge=0,
        le=1 << 50,
    )
    max_memory_bytes: Size = _setting(
        "The memory a worker may take; 0 for no limit.", default=0, ge=0, le=1 << 50
    )
    max_file_bytes: Size = _setting(
        "The size of any file a worker may write; 0 for no limit.", default=0, ge=0, le=1 << 50
    )
    max_processes: Whole = _setting(
        "The processes and threads a job may have at once.", default=512, ge=1, le=1_000_000
    )
    max_upload_bytes: Size = _setting(
        "The size of an uploaded input.", default=10 << 30, ge=1, le=1 << 50
    )
    max_body_bytes: Size = _setting(
        "The size of any other request's body.", default=1 << 20, ge=1 << 10, le=1 << 30
    )
    max_queued_jobs: Whole = _setting(
        "How many jobs may wait; a submission beyond that is refused.",
        default=100_000,
        ge=1,
        le=10**9,
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "The least important lines the server logs.", default="info"
    )


def variable_of(name: str) -> str:
    """Return the environment variable that sets `name`."""
    return f"{PREFIX}{name.upper()}"


def load_service_settings(environ: Mapping[str, str], **overrides: object) -> ServiceSettings:
    """Return the settings of the environment, changed by the overrides that are not None.

    Parameters
    ----------
    environ : mapping of str to str
        The environment.
    **overrides
        By the names of `ServiceSettings`.

    Returns
    -------
    ServiceSettings
        Checked.

    Raises
    ------
    ConfigError
        If a value is out of its range; a secret is never shown.
    """
    values = {**_from_environment(environ), **{k: v for k, v in overrides.items() if v is not None}}
    try:
        return ServiceSettings.model_validate(values)
    except ValidationError as error:
        fault = error.errors()[0]
        raise _refusal(str(fault["loc"][0]), fault["msg"], fault["input"]) from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in ServiceSettings.model_fields:
        variable = variable_of(name)
        text = environ.get(variable) or environ.get(_OTHER_NAMES.get(variable, variable))
        # A variable that is set to nothing means the same as one that is not set.
        if text:
            found[name] = text
    return found


def _refusal(name: str, reason: str, value: object) -> ConfigError:
    is_secret = name in ("token", "signing_keys", "database_url")
    shown = "a value that is not shown" if is_secret else repr(value)
    words = reason.removeprefix("Value error, ").removeprefix("Input should be ")
    return ConfigError(
        f"{variable_of(name)}: must be {words}; got {shown}",
        key=name,
        value=None if is_secret else value,
        allowed=words,
    )
