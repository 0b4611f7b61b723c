"""The contract of the control surface: every route, every error, as a client sees it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from adhash.service.api import create_app
from adhash.service.kinds import job_kinds
from adhash.service.settings import ServiceSettings, load_service_settings

TOKEN = "a-token-of-the-tests"  # noqa: S105
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
ORIGIN = "https://console.example"
FAST = {"sample": "identifiers", "dry_run": True}
SLOW = {"sample": "identifiers", "mode": "swiss", "rate": 10}
PROBLEM = "application/problem+json"


@asynccontextmanager
async def served(settings: ServiceSettings, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of an application that has started; its jobs end with it."""
    app = create_app(settings=settings)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    options.setdefault("headers", HEADERS)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost", **options) as client,
    ):
        yield client
        await asyncio.to_thread(app.state.surface.manager.close, cancel=True)


def settings_of(tmp_path: Path, **changes: object) -> ServiceSettings:
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "trace.csv").write_text("op,key,value\nput,a,1\nget,a,\n")
    given: dict[str, object] = {
        "job_root": tmp_path / "jobs",
        "token": TOKEN,
        "data_roots": (tmp_path / "data",),
        "cors_origins": (ORIGIN,),
        "max_concurrent_jobs": 2,
        "cancel_grace_s": 2.0,
        "lease_s": 60.0,
        "rate_limit": "off",
        **changes,
    }
    return load_service_settings({}, **given)


@pytest.fixture
def settings(tmp_path: Path) -> ServiceSettings:
    return settings_of(tmp_path)


def run(check: Any) -> None:
    """Run the coroutine of a test; each has a loop of its own."""
    asyncio.run(check)


async def ended(client: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    for _ in range(30):
        detail = (await client.get(f"/api/jobs/{job_id}", params={"wait": 5})).json()
        if detail["status"] not in ("pending", "running"):
            return detail
    raise AssertionError(f"the job did not end: {detail}")


async def submitted(client: httpx.AsyncClient, kind: str = "run-csv", **request: object) -> str:
    answer = await client.post(f"/api/jobs/{kind}", json=request)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


# --- who may call --------------------------------------------------------------------------------

UNKNOWN = "0" * 26
ROUTES = [
    *(("POST", f"/api/jobs/{kind}") for kind in job_kinds()),
    ("GET", "/api/jobs"),
    ("GET", f"/api/jobs/{UNKNOWN}"),
    ("DELETE", f"/api/jobs/{UNKNOWN}"),
    ("GET", f"/api/jobs/{UNKNOWN}/logs"),
    ("GET", f"/api/jobs/{UNKNOWN}/events"),
    ("GET", f"/api/jobs/{UNKNOWN}/metrics"),
    ("GET", f"/api/jobs/{UNKNOWN}/artifacts"),
    ("GET", f"/api/jobs/{UNKNOWN}/artifacts/summary.json"),
    ("POST", f"/api/jobs/{UNKNOWN}/artifacts/summary.json/url"),
    ("PUT", "/api/inputs/trace.csv"),
    ("GET", "/metrics"),
]


def test_every_route_wants_the_token(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings, headers={}) as client:
            for method, path in ROUTES:
                for headers in (
                    {},
                    {"Authorization": "Bearer wrong"},
                    {"Authorization": "Basic eA=="},
                ):
                    answer = await client.request(method, path, headers=headers)
                    assert answer.status_code == 401, (method, path)
                    assert answer.headers["content-type"] == PROBLEM
                    assert answer.headers["www-authenticate"].startswith("Bearer")
                    assert answer.json()["code"] == "unauthenticated"

    run(check())


def test_the_token_may_be_in_the_query_and_is_never_logged(
    settings: ServiceSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def check() -> None:
        async with served(settings, headers={}) as client:
            for token in (TOKEN, "%61" + TOKEN[1:]):
                answer = await client.get(f"/api/jobs?token={token}")
                assert answer.status_code == 200

    run(check())
    requests = [record for record in caplog.records if record.name == "adhash.service.http"]
    assert requests
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("adhash")]
    assert not any(TOKEN[1:] in message for message in ours)


def test_health_needs_no_token(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings, headers={}) as client:
            assert (await client.get("/healthz")).json() == {"status": "ok"}
            ready = await client.get("/readyz")
            assert ready.status_code == 200
            assert ready.json()["status"] == "ready"
            assert (await client.get("/openapi.json")).status_code == 200

    run(check())


def test_every_route_of_an_unknown_job_says_so(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings) as client:
            for method, path in ROUTES:
                if UNKNOWN in path:
                    body = {"ttl_s": 5} if method == "POST" else None
                    answer = await client.request(method, path, json=body)
                    assert answer.status_code == 404, (method, path)
                    assert answer.json()["code"] == "unknown_job"

    run(check())


def test_named_tokens_have_scopes_quotas_and_an_end(tmp_path: Path) -> None:
    digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("reader", "ci", "old")}
    tokens = tmp_path / "tokens.toml"
    tokens.write_text(
        f"""
        [[tokens]]
        name = "reader"
        sha256 = "{digests["reader"]}"
        [[tokens]]
        name = "ci"
        sha256 = "{digests["ci"]}"
        scopes = ["submit"]
        max_queued = 0
        [[tokens]]
        name = "old"
        sha256 = "{digests["old"]}"
        expires_at = 2001-01-01T00:00:00Z
        """
    )

    async def check() -> None:
        async with served(settings_of(tmp_path, tokens_file=tokens)) as client:

            async def status(method: str, path: str, token: str, **more: Any) -> int:
                headers = {"Authorization": f"Bearer {token}"}
                return (await client.request(method, path, headers=headers, **more)).status_code

            assert await status("GET", "/api/jobs", "reader") == 200
            assert await status("POST", "/api/jobs/run-csv", "reader", json=FAST) == 403
            assert await status("GET", "/api/jobs", "old") == 401
            assert await status("POST", "/api/jobs/run-csv", "ci", json=FAST) == 429
            job = await submitted(client, **SLOW)
            assert await status("DELETE", f"/api/jobs/{job}", "ci") == 403
            tokens.write_text("")
            assert await status("GET", "/api/jobs", "reader") == 401

    run(check())


def test_browsers_of_listed_origins_only_may_call(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings, headers={}) as client:
            asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
            preflight = await client.options("/api/jobs/run-csv", headers=asked)
            assert preflight.status_code == 200
            assert preflight.headers["access-control-allow-origin"] == ORIGIN
            foreign = {**asked, "Origin": "https://evil.example"}
            refused = await client.options("/api/jobs/run-csv", headers=foreign)
            assert "access-control-allow-origin" not in refused.headers
            for path in ("/api/jobs", "/metrics"):
                answer = await client.get(path, headers={**HEADERS, "Origin": ORIGIN})
                assert answer.headers["access-control-allow-origin"] == ORIGIN

    run(check())


def test_without_a_token_only_local_names_are_answered(tmp_path: Path) -> None:
    async def check() -> None:
        async with served(settings_of(tmp_path, token=None), headers={}) as client:
            assert (await client.get("/api/jobs")).status_code == 200
            foreign = await client.get("/api/jobs", headers={"Host": "rebound.example"})
            assert foreign.status_code == 421

    run(check())


def test_too_many_requests_are_refused(tmp_path: Path) -> None:
    async def check() -> None:
        async with served(settings_of(tmp_path, rate_limit="3/minute")) as client:
            codes = [(await client.get("/api/jobs")).status_code for _ in range(4)]
            assert codes == [200, 200, 200, 429]
            limited = await client.get("/api/jobs")
            assert limited.json()["code"] == "rate_limited"
            assert int(limited.headers["retry-after"]) >= 1

    run(check())


# --- submitting ----------------------------------------------------------------------------------


def test_a_job_is_accepted_followed_and_collected(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings) as client:
            answer = await client.post(
                "/api/jobs/run-csv",
                json={"csv": "trace.csv", "mode": "swiss", "snapshot_out": "m.arrow"},
            )
            created = answer.json()
            assert answer.status_code == 202
            assert answer.headers["location"] == created["links"]["self"]
            detail = await ended(client, created["id"])
            assert detail["status"] == "completed", detail
            assert detail["result"]["ops"]["total"] == 2
            names = {each["name"] for each in detail["artifacts"]}
            assert names >= {"m.arrow", "summary.json"}
            lines = (await client.get(f"/api/jobs/{created['id']}/logs")).text.splitlines()
            assert [json.loads(line)["seq"] for line in lines] == list(range(len(lines)))
            ticks = (await client.get(f"/api/jobs/{created['id']}/metrics?last=1")).json()["ticks"]
            assert ticks[0]["schema"] == "metrics.v1"

    run(check())


def test_checking_only_runs_nothing(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings) as client:
            good = await client.post("/api/jobs/run-csv?validate=only", json={"csv": "trace.csv"})
            assert good.status_code == 200
            assert good.json()["valid"] is True
            bad = await client.post("/api/jobs/run-csv?validate=only", json={"csv": "none.csv"})
            assert bad.status_code == 422
            assert (await client.get("/api/jobs")).json()["jobs"] == []

    run(check())


SIDES = {"csv": "trace.csv", "a": {"mode": "swiss"}, "b": {"mode": "std"}}
INVALID = [
    ("run-csv", {}, ""),
    ("run-csv", {"csv": "trace.csv", "colour": "red"}, "/colour"),
    ("run-csv", {"csv": "trace.csv", "rate": -1}, "/rate"),
    ("run-csv", {"csv": "trace.csv", "labels": {"a b": "x"}}, "/labels/a b"),
    ("run-csv", {"csv": "trace.csv", "priority": 1000}, "/priority"),
    ("run-csv", {"csv": "trace.csv", "snapshot_out": "../x"}, "/snapshot_out"),
    ("run-csv", {"csv": "trace.csv", "metrics_port": 9999, "metrics_host": "::"}, "/metrics_host"),
    ("run-csv", {"csv": "missing.csv"}, "/csv"),
    ("verify-snapshot", {}, "/snapshot"),
    ("ab-compare", {"csv": "trace.csv", "a": {"mode": "swiss"}}, "/b"),
    ("ab-compare", {**SIDES, "a_python": "/usr/bin/python3"}, "/a_python"),
    ("batch", {"spec_path": "trace.csv", "spec": {}}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "body", "pointer"), INVALID)
def test_an_invalid_body_is_refused_with_a_pointer(
    settings: ServiceSettings, kind: str, body: dict[str, object], pointer: str
) -> None:
    async def check() -> None:
        async with served(settings) as client:
            answer = await client.post(f"/api/jobs/{kind}", json=body)
            assert answer.status_code == 422, answer.text
            assert answer.headers["content-type"] == PROBLEM
            problem = answer.json()
            assert problem["code"] == "invalid_request"
            assert any(fault["pointer"].startswith(pointer) for fault in problem["errors"])

    run(check())


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"{" * 5000])
def test_a_body_that_is_no_object_is_refused(settings: ServiceSettings, body: bytes) -> None:
    async def check() -> None:
        async with served(settings) as client:
            answer = await client.post(
                "/api/jobs/run-csv", content=body, headers={"Content-Type": "application/json"}
            )
            assert 400 <= answer.status_code < 500
            assert answer.headers["content-type"] == PROBLEM

    run(check())


def test_a_body_that_is_too_large_is_refused(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings) as client:
            answer = await client.post("/api/jobs/run-csv", json={"csv": "x" * (2 << 20)})
            assert answer.status_code == 413

    run(check())


def test_a_path_outside_of_the_roots_is_refused(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings) as client:
            answer = await client.post("/api/jobs/run-csv", json={"csv": "/etc/passwd"})
            assert answer.status_code == 403
            assert answer.json()["code"] == "path_refused"

    run(check())


def test_the_same_key_gives_the_same_job_and_another_body_is_refused(
    settings: ServiceSettings,
) -> None:
    async def check() -> None:
        async with served(settings) as client:
            headers = {"Idempotency-Key": "build-7"}
            answers = await asyncio.gather(
                *(client.post("/api/jobs/run-csv", json=FAST, headers=headers) for _ in range(5))
            )
            assert {answer.status_code for answer in answers} == {202}
            assert len({answer.json()["id"] for answer in answers}) == 1
            other = await client.post(
                "/api/jobs/run-csv", json={**FAST, "priority": 1}, headers=headers
            )
            assert other.status_code == 422
            assert other.json()["code"] == "idempotency_mismatch"

    run(check())


def test_a_trace_context_reaches_the_job(settings: ServiceSettings) -> None:
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    async def check() -> None:
        async with served(settings) as client:
            answer = await client.post(
                "/api/jobs/run-csv", json=FAST, headers={"traceparent": parent}
            )
            job_id = answer.json()["id"]
            await ended(client, job_id)
            spec = json.loads((settings.job_root / job_id / "spec.json").read_text())
            assert parent in json.dumps(spec)

    run(check())


# --- looking -------------------------------------------------------------------------------------


def test_listing_pages_and_filters(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings) as client:
            ids = [await submitted(client, **FAST, labels={"n": str(n)}) for n in range(3)]
            first = (await client.get("/api/jobs", params={"limit": 2})).json()
            assert [job["id"] for job in first["jobs"]] == ids[:0:-1]
            rest = await client.get("/api/jobs", params={"cursor": first["next_cursor"]})
            assert [job["id"] for job in rest.json()["jobs"]] == ids[:1]
            one = await client.get("/api/jobs", params={"label": "n=1"})
            assert [job["id"] for job in one.json()["jobs"]] == [ids[1]]
            for wrong in ({"limit": 501}, {"status": "odd"}, {"label": "x"}, {"cursor": "x"}):
                assert (await client.get("/api/jobs", params=wrong)).status_code == 422

    run(check())


def events_of(text: str) -> list[dict[str, str]]:
    blocks = [block for block in text.split("\n\n") if "event:" in block]
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]


def test_events_resume_exactly_after_any_of_them(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings) as client:
            job_id = await submitted(client, sample="identifiers", mode="swiss")
            path = f"/api/jobs/{job_id}/events"
            answer = await client.get(path)
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["x-accel-buffering"] == "no"
            events = events_of(answer.text)
            assert json.loads(events[-1]["data"])["data"]["status"] == "completed"
            assert {event["event"] for event in events} >= {
                "status",
                "progress",
                "metrics",
                "artifact",
            }
            for at, event in enumerate(events):
                header = await client.get(path, headers={"Last-Event-ID": event["id"]})
                query = await client.get(path, params={"since": event["id"]})
                assert events_of(header.text) == events_of(query.text) == events[at + 1 :]
            ahead = await client.get(path, params={"since": 10**9})
            assert events_of(ahead.text)[0]["event"] == "reset"
            assert (await client.get(path, headers={"Last-Event-ID": "x"})).status_code == 422

    run(check())


def test_events_of_a_deleted_job_resume_unless_some_were_pruned(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings) as client:
            job_id = await submitted(client, sample="identifiers", mode="swiss")
            path = f"/api/jobs/{job_id}/events"
            events = events_of((await client.get(path)).text)
            assert (await client.delete(f"/api/jobs/{job_id}")).status_code == 200
            # Its events are all there: nobody has missed one, whatever was deleted.
            places = [event["id"] for event in events[:-1]]
            for at, place in enumerate(places):
                resumed = events_of((await client.get(path, params={"since": place})).text)
                assert resumed[: len(events) - at - 1] == events[at + 1 :]

            application: Any = client._transport
            application.app.state.surface.manager.store.prune_events([job_id])
            cut = [e["id"] for e in events if e["event"] in ("progress", "metrics")][-1]
            early = events_of((await client.get(path, params={"since": places[0]})).text)
            assert early[0]["event"] == "reset"
            assert json.loads(early[0]["data"]) == {"oldest": int(cut) + 1}
            late = events_of((await client.get(path, params={"since": cut})).text)
            assert "reset" not in {event["event"] for event in late}
            assert [e["id"] for e in late] == [
                e["id"] for e in early[1:] if int(e["id"]) > int(cut)
            ]

    run(check())


def test_logs_resume_exactly_after_any_line(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings) as client:
            job_id = await submitted(client, sample="identifiers", mode="swiss")
            path = f"/api/jobs/{job_id}/logs"
            followed = (await client.get(path, params={"follow": True})).text.splitlines()
            assert followed
            for at, line in enumerate(followed):
                rest = await client.get(path, params={"since": json.loads(line)["next"]})
                assert rest.text.splitlines() == followed[at + 1 :]
            assert (await client.get(path, params={"since": "x"})).status_code == 422

    run(check())


def test_a_long_poll_returns_when_the_job_changes(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings) as client:
            job_id = await submitted(client, **SLOW)
            poll = asyncio.create_task(client.get(f"/api/jobs/{job_id}", params={"wait": 60}))
            await asyncio.sleep(0)
            await client.delete(f"/api/jobs/{job_id}")
            assert (await poll).status_code == 200

    run(check())


# --- ending --------------------------------------------------------------------------------------


def test_deleting_an_active_job_answers_its_final_state(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings) as client:
            job_id = await submitted(client, **SLOW)
            while (await client.get(f"/api/jobs/{job_id}")).json()["status"] == "pending":
                await asyncio.sleep(0.05)
            answer = await client.delete(f"/api/jobs/{job_id}")
            assert answer.status_code == 200
            assert answer.json()["status"] == "cancelled"
            ready = (await client.get("/readyz")).json()
            assert ready["running"] == 0

    run(check())


def test_deleting_an_ended_job_keeps_its_record(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings) as client:
            job_id = await submitted(client, sample="identifiers", mode="swiss")
            url = (await ended(client, job_id))["artifacts"][0]["url"]
            assert (await client.delete(f"/api/jobs/{job_id}")).status_code == 200
            assert (await client.get(f"/api/jobs/{job_id}")).json()["status"] == "completed"
            assert (await client.get(f"/api/jobs/{job_id}/logs")).status_code == 410
            assert (await client.get(url)).status_code == 410

    run(check())


# --- artifacts -----------------------------------------------------------------------------------


def test_artifacts_are_sent_whole_and_in_ranges(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings) as client:
            job_id = await submitted(client, sample="identifiers", mode="swiss")
            artifacts = (await ended(client, job_id))["artifacts"]
            summary = next(each for each in artifacts if each["name"] == "summary.json")
            path = f"/api/jobs/{job_id}/artifacts/summary.json"
            whole = await client.get(path)
            assert hashlib.sha256(whole.content).hexdigest() == summary["sha256"]
            assert len(whole.content) == summary["size"] == int(whole.headers["content-length"])
            tag = whole.headers["etag"]
            part = await client.get(path, headers={"Range": "bytes=2-5"})
            assert part.status_code == 206
            assert part.content == whole.content[2:6]
            assert part.headers["content-range"] == f"bytes 2-5/{summary['size']}"
            last = await client.get(path, headers={"Range": "bytes=-3", "If-Range": tag})
            assert last.content == whole.content[-3:]
            changed = await client.get(path, headers={"Range": "bytes=2-5", "If-Range": '"x"'})
            assert changed.status_code == 200
            assert (await client.get(path, headers={"If-None-Match": tag})).status_code == 304
            head = await client.head(path)
            assert (head.status_code, head.content) == (200, b"")
            for wrong in (
                "bytes=999999999-",
                "bytes=5-2",
                "lines=1-2",
                "bytes=" + "0-0," * 100_000,
            ):
                assert (await client.get(path, headers={"Range": wrong})).status_code == 416

    run(check())


def test_a_signed_url_is_bound_to_what_it_signs(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings, headers={}) as client:
            answer = await client.post(
                "/api/jobs/run-csv",
                json={"sample": "identifiers", "mode": "swiss"},
                headers=HEADERS,
            )
            job_id = answer.json()["id"]
            client.headers.update(HEADERS)
            await ended(client, job_id)
            client.headers.pop("authorization")
            path = f"/api/jobs/{job_id}/artifacts/summary.json"
            signed = await client.post(path + "/url", json={"ttl_s": 60}, headers=HEADERS)
            assert signed.status_code == 200
            url = signed.json()["url"]
            assert (await client.get(url)).status_code == 200
            signature = re.sub(r".*signature=", "", url)
            forged = [
                url[:-2] + ("AA" if url[-2:] != "AA" else "BB"),
                f"/api/jobs/{job_id}/artifacts/metrics.ndjson?signature={signature}",
                f"{path}?signature=x.y.z",
            ]
            for wrong in forged:
                refused = await client.get(wrong)
                assert refused.status_code == 403, wrong
                assert refused.json()["code"] == "bad_signature"
            assert (await client.delete(f"{path}?signature={signature}")).status_code in (401, 405)

    run(check())


def test_signing_again_with_the_same_key_gives_the_same_url(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings) as client:
            job_id = await submitted(client, sample="identifiers", mode="swiss")
            await ended(client, job_id)
            path = f"/api/jobs/{job_id}/artifacts/summary.json/url"
            headers = {"Idempotency-Key": "sign-1"}
            first = await client.post(path, json={"ttl_s": 60}, headers=headers)
            again = await client.post(path, json={"ttl_s": 60}, headers=headers)
            assert first.json() == again.json()
            other = await client.post(path, json={"ttl_s": 61}, headers=headers)
            assert other.json()["code"] == "idempotency_mismatch"

    run(check())


def test_an_output_may_lie_in_a_folder_of_the_artifacts(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings) as client:
            job_id = await submitted(
                client, sample="identifiers", mode="swiss", snapshot_out="a/b.arrow"
            )
            detail = await ended(client, job_id)
            assert "a/b.arrow" in {each["name"] for each in detail["artifacts"]}
            answer = await client.get(f"/api/jobs/{job_id}/artifacts/a/b.arrow")
            assert answer.status_code == 200

    run(check())


HOSTILE_NAMES = [
    "../spec.json",
    "..%2fspec.json",
    "%2e%2e/spec.json",
    "../../store.sqlite3",
    "",
    "a\x00b",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_no_name_of_an_artifact_leads_out(settings: ServiceSettings, name: str) -> None:
    async def check() -> None:
        async with served(settings) as client:
            job_id = await submitted(client, **FAST)
            await ended(client, job_id)
            url = httpx.URL(f"http://localhost/api/jobs/{job_id}/artifacts/").copy_with(
                raw_path=f"/api/jobs/{job_id}/artifacts/{name}".replace("\x00", "%00").encode()
            )
            answer = await client.get(url)
            assert answer.status_code in (200, 404, 405)
            assert b"SQLite format 3" not in answer.content
            if answer.status_code == 200:
                assert "artifacts" in answer.json()

    run(check())


# --- uploads -------------------------------------------------------------------------------------


def test_an_upload_is_stored_by_its_digest_and_replayed(settings: ServiceSettings) -> None:
    content = b"op,key,value\nput,k,1\nget,k,\nget,x,\n"

    async def check() -> None:
        async with served(settings) as client:
            stored = await client.put("/api/inputs/my.csv", content=content)
            assert stored.status_code == 201
            assert stored.json()["sha256"] == hashlib.sha256(content).hexdigest()
            again = await client.put("/api/inputs/other.csv", content=content)
            assert again.json()["uri"] == stored.json()["uri"]
            job_id = await submitted(client, csv=stored.json()["uri"], mode="swiss")
            detail = await ended(client, job_id)
            assert detail["result"]["ops"]["total"] == 3

    run(check())


def test_an_upload_that_is_too_large_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, max_upload_bytes=1000)

    async def check() -> None:
        async with served(settings) as client:
            answer = await client.put("/api/inputs/big.csv", content=b"x" * 1001)
            assert answer.status_code == 413
            assert list((settings.job_root / "inputs").iterdir()) == []

    run(check())


@pytest.mark.parametrize(
    "name", ["%00", "a%00b", "%0A", "%2e", "%2e%2e", "...", "a%5Cb", "%1b[31m", "x" * 256]
)
def test_an_upload_by_a_hostile_name_is_refused(settings: ServiceSettings, name: str) -> None:
    async def check() -> None:
        async with served(settings) as client:
            url = httpx.URL("http://localhost", raw_path=f"/api/inputs/{name}".encode())
            answer = await client.put(url, content=b"x")
            assert answer.status_code == 422
            assert not list((settings.job_root).glob("inputs/*"))

    run(check())


@pytest.mark.parametrize("name", ["trace.csv", ".csv", "my trace.csv", "M\u00e4rz 1%.csv", "a..b"])
def test_an_upload_may_be_called_what_people_call_files(
    settings: ServiceSettings, name: str
) -> None:
    async def check() -> None:
        async with served(settings) as client:
            answer = await client.put(f"/api/inputs/{quote(name)}", content=b"x")
            assert answer.json()["name"] == name

    run(check())


# --- the document --------------------------------------------------------------------------------


def test_unknown_routes_and_methods_are_problems(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings) as client:
            for method, path, code in (
                ("GET", "/nowhere", 404),
                ("POST", "/api/jobs/dance", 405),
                ("PATCH", "/api/jobs", 405),
            ):
                answer = await client.request(method, path, json={})
                assert answer.status_code == code
                assert answer.headers["content-type"] == PROBLEM

    run(check())


def test_a_path_with_a_slash_too_many_is_not_redirected(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings, headers={}) as client:
            answer = await client.get(f"/api/jobs/?token={TOKEN}")
            assert answer.status_code == 404
            assert TOKEN not in str(answer.headers)

    run(check())


def test_metrics_count_what_ended(settings: ServiceSettings) -> None:
    async def check() -> None:
        async with served(settings) as client:
            await ended(client, await submitted(client, **FAST))
            page = (await client.get("/metrics")).text
            assert 'adhash_jobs_total{kind="run-csv",status="completed"} 1.0' in page
            assert "adhash_jobs_running 0.0" in page
            assert 'adhash_job_queue_wait_seconds_count{kind="run-csv"} 1.0' in page

    run(check())
