"""The settings of the service."""

from __future__ import annotations

from pathlib import Path

import pytest

from adhash.errors import ConfigError
from adhash.service.settings import load_service_settings


def test_settings_come_from_the_environment() -> None:
    found = load_service_settings(
        {
            "ADHASH_TOKEN": "correct horse",
            "ADHASH_DATA_ROOTS": "/data:/more",
            "ADHASH_CORS_ORIGINS": "https://a.example, https://b.example",
            "ADHASH_MAX_UPLOAD_BYTES": "2GiB",
        }
    )
    assert found.token is not None
    assert found.data_roots == (Path("/data"), Path("/more"))
    assert found.cors_origins == ("https://a.example", "https://b.example")
    assert found.max_upload_bytes == 2 << 30


def test_the_older_name_of_the_number_of_jobs_is_read() -> None:
    assert load_service_settings({"MAX_CONCURRENT_JOBS": "3"}).max_concurrent_jobs == 3
    both = {"MAX_CONCURRENT_JOBS": "3", "ADHASH_MAX_CONCURRENT_JOBS": "4"}
    assert load_service_settings(both).max_concurrent_jobs == 4


def test_an_option_goes_before_the_environment() -> None:
    assert load_service_settings({"ADHASH_PORT": "1"}, port=2, host=None).port == 2


def test_a_value_out_of_range_is_named() -> None:
    with pytest.raises(ConfigError, match="ADHASH_MAX_CONCURRENT_JOBS") as caught:
        load_service_settings({"ADHASH_MAX_CONCURRENT_JOBS": "0"})
    assert "'0'" in caught.value.detail


def test_a_secret_is_never_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        load_service_settings({"ADHASH_TOKEN": "hunter2"})
    assert "hunter2" not in str(caught.value)
    found = load_service_settings({"ADHASH_TOKEN": "correct horse"})
    assert "correct" not in repr(found)


def test_a_variable_that_is_set_to_nothing_is_not_set() -> None:
    assert load_service_settings({"ADHASH_TOKEN": ""}).token is None
