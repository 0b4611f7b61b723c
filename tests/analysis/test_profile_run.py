"""Profiles from the outside: a trace goes in, a recommendation comes out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from profile_traces import churn, read_through, write_csv

from adhash.analysis.profile import ProfileResult, profile, run_profile
from adhash.cancellation import CancelToken
from adhash.errors import BadInputError, ConfigError, InterruptedRunError, StorageError, TraceError
from adhash.options.profile import ProfileOptions
from adhash.progress import WorkProgress
from adhash.replay import run_csv

FIXED_AND_ADAPTIVE = {"adaptive", "chaining", "robinhood", "swiss"}


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("traces") / "t.csv", read_through(30_000, 3_000))


def test_every_engine_but_the_reference_is_raced(trace: Path) -> None:
    result = profile(trace, rounds=2)

    assert {each.mode for each in result.candidates} == FIXED_AND_ADAPTIVE
    assert result.recommended_mode == result.candidates[0].mode
    assert result.candidates[0].regret == 1.0
    regrets = [each.regret for each in result.candidates]
    assert regrets == sorted(regrets)
    assert 0 <= result.confidence <= 1
    assert result.reason.startswith(result.recommended_mode)
    assert result.recommended_settings["replay.mode"] == result.recommended_mode


def test_a_whole_trace_is_told_as_it_is(trace: Path) -> None:
    summary = run_csv(trace, mode="swiss", environ={})

    result = profile(trace, rounds=1, mode="swiss")

    assert result.sampled.is_whole
    assert result.sampled.total_rows == summary.ops.total
    assert result.character.entries == summary.final_size
    assert result.character.hit_share == pytest.approx(summary.hits / summary.ops.get)
    assert result.character.insert_share == 1.0
    assert result.manifest.trace_sha256 == summary.manifest.trace_sha256
    assert result.candidates[0].memory_bytes == summary.memory.bytes


def test_a_sample_estimates_the_whole_trace(trace: Path) -> None:
    summary = run_csv(trace, mode="swiss", environ={})

    result = profile(trace, rounds=1, mode="swiss", sample_rows=6_000, pieces=20, seed=1)

    assert not result.sampled.is_whole
    assert 5_000 < result.sampled.rows <= 6_000
    assert result.sampled.pieces == 20
    assert result.sampled.restored_keys > 0
    assert result.sampled.total_rows == pytest.approx(summary.ops.total, rel=0.05)
    assert result.character.entries == pytest.approx(summary.final_size, rel=0.15)
    assert result.character.hit_share == pytest.approx(summary.hits / summary.ops.get, abs=0.05)


def test_modes_are_raced_under_the_names_they_were_asked_for(trace: Path) -> None:
    result = profile(trace, rounds=1, mode=["fast-insert", "std"])

    assert {(each.mode, each.engine) for each in result.candidates} == {
        ("fast-insert", "chaining"),
        ("std", "std"),
    }
    assert result.recommended_settings["adaptive.initial_layout"] == "chaining"


def test_the_result_survives_json(trace: Path, tmp_path: Path) -> None:
    out = tmp_path / "p.json"

    result = profile(trace, rounds=1, json_out=str(out))

    written = json.loads(out.read_text("utf-8"))
    assert written == result.to_dict()
    assert written["schema"] == "adhash.profile.v1"
    assert ProfileResult.model_validate(written) == result


def test_a_bundled_trace_and_settings_are_taken(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text("[replay]\nseed = 77\n", encoding="utf-8")

    result = profile(sample="churn", rounds=1, config=str(config))

    assert result.seed == result.manifest.seed == 77
    assert result.character.del_share > 0


def test_the_same_seed_draws_the_same_sample(trace: Path) -> None:
    first, again = (
        profile(trace, rounds=1, sample_rows=2_000, mode="swiss", seed=9) for _ in range(2)
    )

    assert first.character == again.character
    assert first.sampled == again.sampled


@pytest.mark.parametrize(
    "rows",
    [
        [("put", 1, "1")],
        [("get", 1, "")],
        [("del", 1, "")],
        [("get", n % 50, "") for n in range(5_000)],
        [("del", n % 50, "") for n in range(5_000)],
        [("put", n, "x") for n in range(5_000)],
        churn(5_000, 100),
    ],
    ids=["one put", "one get", "one del", "gets", "dels", "puts", "churn"],
)
@pytest.mark.parametrize("sample_rows", [1_000, 100_000])
def test_lopsided_traces_are_profiled(
    tmp_path: Path, rows: list[tuple[str, int, str]], sample_rows: int
) -> None:
    path = write_csv(tmp_path / "t.csv", rows)

    result = profile(path, rounds=2, sample_rows=sample_rows)

    assert len(result.candidates) == 4
    assert result.character.hit_share is None or result.character.hit_share in (0, 1)


def test_a_greedy_sample_is_all_there_is(trace: Path) -> None:
    assert profile(trace, rounds=1, mode="swiss", sample_rows=1_000_000_000).sampled.is_whole


def test_every_stage_is_told(trace: Path) -> None:
    told: list[WorkProgress] = []

    profile(trace, rounds=1, sample_rows=1_000, progress=told.append)

    notes = [each.note.split(",")[0] for each in told]
    stages = ["opening the trace", "sampling the trace", "inferring the state of the table"]
    assert list(dict.fromkeys(notes))[:3] == stages
    assert any(note.startswith("racing ") for note in notes)


@pytest.mark.parametrize("stage", ["opening", "sampling", "inferring", "racing"])
def test_cancelling_ends_every_stage(trace: Path, stage: str, tmp_path: Path) -> None:
    token, out = CancelToken(), tmp_path / "p.json"

    def watch(progress: WorkProgress) -> None:
        if progress.note.startswith(stage):
            token.cancel()

    with pytest.raises(InterruptedRunError):
        profile(trace, sample_rows=1_000, json_out=str(out), progress=watch, cancel=token)
    assert token.is_cancelled
    assert not out.exists()


def test_unknown_modes_and_options_are_refused(trace: Path) -> None:
    with pytest.raises(BadInputError, match="unknown mode 'cuckoo'"):
        profile(trace, mode="cuckoo")
    with pytest.raises(BadInputError, match="laps is not an option"):
        profile(trace, laps=3)
    with pytest.raises(BadInputError, match="rounds"):
        profile(trace, rounds=0)


def test_what_cannot_be_written_is_refused_before_the_race(trace: Path, tmp_path: Path) -> None:
    told: list[WorkProgress] = []

    for place in (tmp_path / "no" / "p.json", tmp_path, trace):
        with pytest.raises(StorageError, match="cannot write"):
            profile(trace, json_out=str(place), progress=told.append)
    assert told == []


def test_a_trace_without_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("op,key,value\n", encoding="utf-8")

    with pytest.raises(TraceError, match="no rows"):
        run_profile(ProfileOptions(csv=str(path)))


def test_settings_of_the_environment_count(trace: Path) -> None:
    options = ProfileOptions(csv=str(trace), rounds=1, mode=("swiss",))

    result = run_profile(options, environ={"ADHASH_REPLAY__KEY_TYPE": "str"})

    assert result.character.key_type == "str"
    with pytest.raises(ConfigError):
        run_profile(options, environ={"ADHASH_REPLAY__KEY_TYPE": "float"})
