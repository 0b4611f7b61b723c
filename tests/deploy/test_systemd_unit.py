"""The systemd unit: valid, hardened, and letting jobs outlive the server."""

from __future__ import annotations

import configparser
import re
import sys
from pathlib import Path

from deploy_tools import DEPLOY, program, run, text_of

from adhash.service.settings import ServiceSettings, load_service_settings

_UNIT = DEPLOY / "systemd" / "adhash.service"
_CALLS_OF_THE_SANDBOX = {
    "seccomp",
    "landlock_create_ruleset",
    "landlock_add_rule",
    "landlock_restrict_self",
}


def _service() -> configparser.SectionProxy:
    unit = configparser.ConfigParser(strict=True, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(_UNIT.read_text("utf-8"))
    return unit["Service"]


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    """Checked with programs and files that are here instead of those of the host."""
    text = _UNIT.read_text("utf-8")
    text = text.replace("/opt/adhash/bin/python", sys.executable)
    text = text.replace("EnvironmentFile=/etc", "EnvironmentFile=-/etc")
    here = tmp_path / "adhash.service"
    here.write_text(text, "utf-8")
    assert run(program("systemd-analyze", "systemd"), "verify", str(here)).strip() == ""


def test_the_unit_is_hardened() -> None:
    analyze = program("systemd-analyze", "systemd")
    said = run(analyze, "security", "--offline=true", "--no-pager", str(_UNIT))
    found = re.search(r"exposure level for adhash\.service: ([\d.]+)", said)
    assert found is not None
    assert float(found[1]) < 2.5


def test_a_restart_of_the_server_leaves_its_jobs_alone() -> None:
    service = _service()
    assert service["KillMode"] == "process"
    assert service["OOMPolicy"] == "continue"
    assert service["Restart"] == "always"


def test_the_unit_lets_jobs_confine_themselves_and_be_found() -> None:
    service = _service()
    allowed = set(service["SystemCallFilter"].split())
    assert allowed >= _CALLS_OF_THE_SANDBOX
    assert "ProcSubset" not in service


def test_the_file_of_settings_is_one() -> None:
    lines = text_of("systemd", "adhash.env").splitlines()
    pairs = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    settings = load_service_settings(pairs)
    known = {f"ADHASH_{name.upper()}" for name in ServiceSettings.model_fields}
    assert set(pairs) <= known
    assert str(settings.job_root) == f"/var/lib/{_service()['StateDirectory']}"
