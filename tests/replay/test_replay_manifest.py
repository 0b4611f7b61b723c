"""What a run says of the machine and of itself."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from adhash.config_models import Settings
from adhash.replay import host
from adhash.replay.manifest import Manifest, describe_run
from adhash.replay.noise import judge


def manifest() -> Manifest:
    return describe_run(
        started_at=datetime(2024, 2, 29, 12, 30, 1, 250_000, tzinfo=UTC),
        trace_sha256="ab",
        settings=Settings(),
        seed=2**53,
        isa="avx2",
        noise=judge(
            steal=None,
            involuntary_switches=0,
            wall_over_cpu=None,
            elapsed_s=0,
            is_paced=False,
        ),
    )


def test_manifest_survives_json() -> None:
    made = manifest()
    assert Manifest.model_validate(json.loads(made.model_dump_json())) == made
    assert made.started_at == "2024-02-29T12:30:01.250Z"


def test_manifest_holds_every_setting() -> None:
    assert Settings.model_validate(manifest().settings) == Settings()


def test_manifest_names_versions_and_machine() -> None:
    made = manifest()
    assert made.versions["python"] == sys.version.split()[0]
    assert "numpy" in made.versions
    assert made.cpu
    assert made.os


def test_revision_is_one_of_adhash_or_none() -> None:
    revision = host.git_revision()
    assert revision is None or re.fullmatch(r"[0-9a-f]{40}(-dirty)?", revision)


def test_missing_command_has_no_output() -> None:
    assert host._output_of("a-command-that-no-system-has") is None


def test_cpu_has_a_name_even_where_the_system_does_not_tell(tmp_path: Path) -> None:
    assert host._cpu_of_linux(tmp_path / "absent") == ""
    (tmp_path / "cpuinfo").write_text("processor : 0\nmodel name\t: Fast 9000\n", encoding="utf-8")
    assert host._cpu_of_linux(tmp_path / "cpuinfo") == "Fast 9000"
    assert host.cpu_model()


def test_peak_memory_is_at_least_what_is_held() -> None:
    held = bytearray(64 << 20)
    assert host.peak_rss_bytes() >= len(held)


def test_peak_memory_of_a_process_counts_its_own_pages() -> None:
    code = "from adhash.replay import host; host.reset_peak_rss(); print(host.peak_rss_bytes())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 5 << 20 < int(done.stdout) < 1 << 30
