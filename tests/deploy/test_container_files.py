"""The image and its composition: facts that can be read off them without building."""

from __future__ import annotations

import re

from deploy_tools import DEPLOY, text_of

from adhash.service.settings import ServiceSettings, load_service_settings

ROOT = DEPLOY.parent
_STAGE = re.compile(r"^FROM (\S+)(?: AS (\w+))?$", re.MULTILINE)


def _instructions(stage: str) -> list[tuple[str, str]]:
    lines = re.sub(r"\\\n\s*", "", re.sub(r"^\s*#.*\n", "", stage, flags=re.MULTILINE))
    parts = (line.partition(" ") for line in lines.splitlines() if line.strip())
    return [(word, rest) for word, _, rest in parts]


def _last_stage() -> dict[str, str]:
    text = text_of("Dockerfile")
    return dict(_instructions(text[text.rindex("\nFROM ") :]))


def test_the_image_is_built_in_one_stage_and_run_in_another() -> None:
    stages = _STAGE.findall(text_of("Dockerfile"))
    assert [name for _, name in stages] == ["build", ""]
    assert all(re.fullmatch(r"python:3\.\d+-slim", image) for image, _ in stages)
    last = text_of("Dockerfile").split("\nFROM ")[-1]
    assert "g++" not in last


def test_the_service_runs_as_a_user_without_rights_and_ends_in_order() -> None:
    last = _last_stage()
    assert last["USER"] not in ("root", "0")
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert last["ENTRYPOINT"] == '["python", "-m", "adhash.service"]'
    assert last["EXPOSE"] == str(ServiceSettings.model_fields["port"].default)
    assert "/healthz" in last["HEALTHCHECK"]


def test_what_the_image_copies_is_there_and_what_the_build_needs_is_copied() -> None:
    copied = [
        name
        for word, rest in _instructions(text_of("Dockerfile"))
        if word == "COPY"
        for name in rest.split()[:-1]
    ]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert {"CMakeLists.txt", "LICENSE", "README.md", "cpp", "pyproject.toml", "src"} <= set(copied)


def test_no_secret_and_no_registry_host_is_in_a_file() -> None:
    for name in ("Dockerfile", "compose.yaml"):
        text = text_of(name)
        assert re.findall(r"https?://(?!127\.0\.0\.1)", text) == []
        assert "index-url" not in text
    secrets = re.findall(r"(?:TOKEN|PASSWORD): (.*)", text_of("compose.yaml"))
    assert len(secrets) == 2
    assert all(value.startswith("${") and ":?" in value for value in secrets)


def test_the_composition_sets_settings_that_exist() -> None:
    text = text_of("compose.yaml")
    known = {f"ADHASH_{name.upper()}" for name in ServiceSettings.model_fields}
    pairs = dict(re.findall(r"^ +(ADHASH_\w+): (.+)$", text, re.MULTILINE))
    assert set(pairs) <= known
    given = {name: re.sub(r"\$\{.*?\}", "a-random-token", value) for name, value in pairs.items()}
    settings = load_service_settings(given)
    assert settings.token is not None
    assert settings.database_url is not None


def test_the_composition_exposes_the_service_to_its_host_alone_and_reaps() -> None:
    text = text_of("compose.yaml")
    assert re.findall(r'^ +- "(\S+:\d+:\d+)"$', text, re.MULTILINE) == ["127.0.0.1:9600:9600"]
    assert "init: true" in text
    assert "no-new-privileges:true" in text
