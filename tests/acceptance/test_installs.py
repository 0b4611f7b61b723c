"""The wheel that a checkout makes works in an environment of its own, far from the checkout."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from command_line import clean_environment

_CHECKOUT = Path(__file__).resolve().parents[2]
# Building may take minutes; the time is only there to end a build that hangs.
_BUILD_TIMEOUT_S = 1200


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as pip does, with the tools of this environment.

    What was compiled when the checkout was installed is not compiled again.
    """
    for tool in ("scikit_build_core", "nanobind", "pip"):
        pytest.importorskip(tool, reason="building a wheel needs it")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps"]
    scripts = sysconfig.get_path("scripts")
    (_CHECKOUT / "build").mkdir(exist_ok=True)
    # Tests may run in several processes, and the folder of the build has room for one.
    with (_CHECKOUT / "build" / ".wheel.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            [*build, "--no-index", "--wheel-dir", str(folder), "."],
            cwd=_CHECKOUT,
            env=clean_environment(
                {
                    "CMAKE_BUILD_PARALLEL_LEVEL": os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL", "2"),
                    "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
                }
            ),
            capture_output=True,
            text=True,
            timeout=_BUILD_TIMEOUT_S,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a new environment; return the folder of its commands."""
    home = tmp_path_factory.mktemp("home")
    venv.create(home, with_pip=False, symlinks=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python")]
    subprocess.run(
        [*pip, "install", "--quiet", "--no-index", "--no-deps", str(wheel)],
        check=True,
        timeout=_BUILD_TIMEOUT_S,
    )
    # Dependencies are lent by this environment; they come after what is installed there.
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return home / "bin"


def run(bin_folder: Path, command: str, *args: str) -> str:
    """Run a command of the new environment, away from the checkout; return what it prints."""
    done = subprocess.run(
        [str(bin_folder / command), *args],
        cwd=bin_folder.parent,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_wheel_holds_all_that_a_user_needs_and_no_more(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"adhash", "hashmap_cli"}
    source = _CHECKOUT / "src"
    shipped = {
        str(path.relative_to(source))
        for package in ("adhash", "hashmap_cli")
        for path in (source / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".so"
    }
    for part in ("presets/ci.toml", "samples/identifiers.csv.zst", "py.typed", "_native.pyi"):
        assert f"adhash/{part}" in shipped
    assert any(name.endswith(".schema.json") for name in shipped)
    compiled = {name for name in names if name.startswith("adhash/_native.") and "so" in name}
    assert len(compiled) == 1
    carried = {name for name in names if ".dist-info/" not in name}
    assert carried - compiled == shipped
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_installed_commands_work(installed: Path) -> None:
    version = run(installed, "adhash", "--version")
    assert version.startswith("adhash ")
    assert run(installed, "hashmap-cli", "--version") == version
    assert run(installed, "python", "-m", "adhash", "--version") == version
    table = run(installed, "adhash", "run-csv", "--sample", "identifiers")
    assert "adaptive" in table


def test_installed_package_is_whole(installed: Path) -> None:
    prefix = str(installed.parent.resolve())
    where = run(installed, "python", "-c", "import adhash; print(adhash.__file__)")
    assert Path(where.strip()).resolve().is_relative_to(prefix)
    answer = json.loads(run(installed, "adhash", "config", "presets", "--json"))
    assert len(answer["presets"]) >= 4
    assert json.loads(run(installed, "adhash", "metrics", "schema"))["title"] == "metrics.v1"
    out = ("run-csv", "--sample", "zipf", "--mode", "all", "--verify", "--json", "--preset", "ci")
    summaries = json.loads(run(installed, "adhash", *out))["summaries"]
    assert all(each["verified"]["mismatches"] == 0 for each in summaries)
    assert summaries[0]["manifest"]["git_revision"] is None
