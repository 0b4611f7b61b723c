"""Which files a stranger's request may name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhash.errors import AdhashError, PolicyError
from adhash.options.base import read_options
from adhash.options.batch import BatchOptions
from adhash.options.run_csv import RunCsvOptions
from adhash.service.confine import confine, open_beneath, place_outputs, take_as_given
from adhash.service.errors import InvalidRequestError, PathRefusedError, ServiceError

SHA = "ab" * 32


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with files, links that stay in it and links that leave it, beside a secret."""
    secret = tmp_path / "secret.csv"
    secret.write_text("secret")
    root = tmp_path / "data"
    (root / "sub").mkdir(parents=True)
    (root / "trace.csv").write_text("op,key,value\n")
    (root / "sub" / "deep.csv").write_text("op,key,value\n")
    (root / "inside.csv").symlink_to("sub/deep.csv")
    (root / "outside.csv").symlink_to(secret)
    (root / "relative-out.csv").symlink_to("../secret.csv")
    (root / "up").symlink_to("..")
    (root / "loop.csv").symlink_to("loop.csv")
    (root / "proc").symlink_to("/proc/self/root")
    os.mkfifo(root / "fifo.csv")
    return root


def confined(root: Path, csv: str, **options: object) -> dict[str, object]:
    given = read_options(RunCsvOptions, {"csv": csv, **options})
    return confine(given, roots=[root], find_input=lambda _: None).options


@pytest.mark.parametrize("name", ["trace.csv", "sub/deep.csv", "./trace.csv", "sub/../trace.csv"])
def test_files_beneath_a_root_are_named_relative_to_it(root: Path, name: str) -> None:
    assert confined(root, name)["csv"] == str((root / name).resolve())


def test_an_absolute_path_beneath_a_root_is_allowed(root: Path) -> None:
    assert confined(root, str(root / "trace.csv"))["csv"] == str(root / "trace.csv")


def test_a_link_that_stays_beneath_the_root_is_followed(root: Path) -> None:
    assert confined(root, "inside.csv")["csv"] == str(root / "sub" / "deep.csv")


HOSTILE = [
    "../secret.csv",
    "sub/../../secret.csv",
    "outside.csv",
    "relative-out.csv",
    "up/secret.csv",
    "proc/etc/passwd",
    "/etc/passwd",
    "/proc/self/environ",
    "//etc/passwd",
    "sub/../../../../../../etc/passwd",
    "~/.ssh/id_rsa",
    "$HOME/secret.csv",
    "%2e%2e/secret.csv",
    "..\\secret.csv",
    "file:///etc/passwd",
    "trace.csv/../../secret.csv",
    "loop.csv",
    "a" * 5000,
    "-",
    ".",
    "..",
    "sub",
    "fifo.csv",
    "input://" + SHA,
    "input://../../secret.csv",
    "trace.csv\n",
    " trace.csv",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_path_leads_out(root: Path, name: str) -> None:
    with pytest.raises(ServiceError):
        confined(root, name)


@settings(max_examples=1000, deadline=None)
@given(
    parts=st.lists(
        st.sampled_from(
            ["..", ".", "", "sub", "up", "proc", "secret.csv", "etc", "passwd", "trace.csv", "data",
             "outside.csv", "relative-out.csv", "loop.csv", "fifo.csv", "%2e%2e", "root"]
        ),
        max_size=8,
    ),
    is_absolute=st.booleans(),
)  # fmt: skip
def test_whatever_opens_lies_beneath_the_root(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str], *, is_absolute: bool
) -> None:
    base = tmp_path_factory.getbasetemp() / "confined"
    root = base / "data"
    if not root.exists():
        (root / "sub").mkdir(parents=True)
        (base / "secret.csv").write_text("secret")
        (root / "trace.csv").write_text("x")
        (root / "up").symlink_to("..")
        (root / "outside.csv").symlink_to(base / "secret.csv")
        (root / "relative-out.csv").symlink_to("../secret.csv")
        (root / "proc").symlink_to("/proc/self/root")
    text = "/".join(parts)
    text = f"{root}/{text}" if is_absolute else text
    try:
        found = open_beneath(root, text)
    except (PolicyError, OSError, ValueError):
        return
    assert found.is_relative_to(root.resolve())
    assert found.read_text() != "secret"


def test_without_roots_every_path_is_refused(root: Path) -> None:
    given_options = read_options(RunCsvOptions, {"csv": str(root / "trace.csv")})
    with pytest.raises(PathRefusedError, match="none are set"):
        confine(given_options, roots=[], find_input=lambda _: None)


def test_an_upload_is_named_by_its_digest(root: Path, tmp_path: Path) -> None:
    upload = tmp_path / SHA
    upload.touch()
    given_options = read_options(RunCsvOptions, {"csv": f"input://{SHA}"})
    found = confine(given_options, roots=[], find_input=lambda sha: upload if sha == SHA else None)
    assert found.options["csv"] == str(upload)
    assert found.readable == (upload,)


@pytest.mark.parametrize("name", ["/abs/x", "../x", "a/../b", ".hidden", "a//b", "x\n", "", "a b"])
def test_an_output_is_a_plain_name(root: Path, name: str) -> None:
    with pytest.raises(AdhashError, match="snapshot_out"):
        confined(root, "trace.csv", snapshot_out=name)


def test_outputs_are_placed_among_the_artifacts_of_the_attempt(root: Path) -> None:
    options = confined(root, "trace.csv", snapshot_out="maps/end.arrow")
    placed = place_outputs(RunCsvOptions, options, Path("/jobs/1/artifacts"))
    assert placed["snapshot_out"] == "/jobs/1/artifacts/maps/end.arrow"


def test_uploads_in_a_suite_are_found_too(tmp_path: Path) -> None:
    upload = tmp_path / SHA
    upload.touch()
    spec = {"name": "s", "jobs": [{"name": "a", "command": "run-csv", "csv": f"input://{SHA}"}]}
    given_options = read_options(BatchOptions, {"spec": spec})
    found = confine(given_options, roots=[], find_input=lambda _: upload)
    assert found.options["spec"]["jobs"][0]["csv"] == str(upload)


def test_an_unknown_upload_in_a_suite_is_refused() -> None:
    spec = {"name": "s", "jobs": [{"name": "a", "csv": f"input://{SHA}"}]}
    given_options = read_options(BatchOptions, {"spec": spec})
    with pytest.raises(InvalidRequestError):
        confine(given_options, roots=[], find_input=lambda _: None)


def test_a_trusted_caller_names_files_from_its_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given_options = read_options(RunCsvOptions, {"csv": "t.csv", "snapshot_out": "/abs/x"})
    options = take_as_given(given_options).options
    assert options["csv"] == str(tmp_path / "t.csv")
    assert options["snapshot_out"] == "/abs/x"
