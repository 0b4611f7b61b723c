"""The client against a real server, over connections that break."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from cutting_proxy import cutting
from server_process import ServerProcess, served

from adhash.errors import BadInputError, StorageError
from adhash.service.client import AsyncClient, Client, EventsReset, Retries
from adhash.service.errors import (
    GoneError,
    IdempotencyConflictError,
    InvalidRequestError,
    NotFinishedError,
    PathRefusedError,
    UnauthenticatedError,
    UnknownArtifactError,
    UnknownJobError,
)
from adhash.service.lifecycle import Status
from adhash.service.models import EventType

TOKEN = "token-of-the-tests"  # noqa: S105
FAST = Retries(limit=20, first_s=0.01, longest_s=0.05)
QUICK = {"sample": "identifiers", "mode": "swiss"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("server")
    with served(folder, ADHASH_TOKEN=TOKEN, ADHASH_LOG_LEVEL="warning") as process:
        yield process


@pytest.fixture
def client(server: ServerProcess) -> Iterator[Client]:
    with Client(server.url, token=TOKEN, retries=FAST) as client:
        yield client


@pytest.fixture(scope="module")
def finished(server: ServerProcess) -> str:
    """Return the name of a job that is completed and has artifacts."""
    with Client(server.url, token=TOKEN) as client:
        job = client.run_csv(**QUICK, snapshot_out="map.arrow", labels={"suite": "client"})
        assert job.wait(120) is Status.COMPLETED, job.detail.error
        return job.id


@pytest.fixture
def long_trace(tmp_path: Path) -> Path:
    """Return a trace that takes a minute at the rate of `SLOW`."""
    path = tmp_path / "long.csv"
    rows = "".join(f"put,{number},1\n" for number in range(60_000))
    path.write_text(f"op,key,value\n{rows}", "utf-8")
    return path


SLOW = {"mode": "swiss", "rate": 1000}


def test_a_job_is_submitted_waited_for_and_read(client: Client) -> None:
    job = client.run_csv(**QUICK)
    while not job.is_finished:
        job.poll()
    assert job.status is Status.COMPLETED
    assert job.read_summary()["ops"]["total"] > 0
    assert client.get(job.id).read_summary() == job.read_summary()
    assert client.ticks(job.id, last=1)


def test_a_wrong_token_is_refused(server: ServerProcess) -> None:
    with Client(server.url, token="wrong-wrong") as client:  # noqa: S106
        with pytest.raises(UnauthenticatedError):
            client.list()
        assert client.readiness().status == "ready"


def test_refusals_are_the_errors_of_the_service(client: Client) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        client.run_csv(sample="identifiers", nothing=1)
    assert caught.value.errors[0][0] == "/nothing"
    with pytest.raises(PathRefusedError):
        client.run_csv(csv="/etc/passwd")
    with pytest.raises(UnknownJobError):
        client.get("01M835H87KN6FWVMERSA297452")
    assert client.validate("run-csv", QUICK)["sample"] == "identifiers"


def test_a_lost_answer_makes_no_second_job(server: ServerProcess, client: Client) -> None:
    label = {"lost": secrets.token_hex(4)}
    with (
        cutting(server.url, cuts=3, cut_after=0) as proxy,
        Client(proxy.url, token=TOKEN, retries=FAST) as shaky,
    ):
        job = shaky.run_csv(**QUICK, labels=label)
    assert proxy.cut == 3
    posts = [each for each in proxy.requests if each.startswith(b"POST")]
    assert len(posts) >= 2
    assert [each.id for each in client.list(labels=label).jobs] == [job.id]
    client.cancel(job.id)


def test_a_key_of_ones_own_names_one_request_for_good(client: Client) -> None:
    key = secrets.token_hex(8)
    first = client.submit("run-csv", QUICK, idempotency_key=key)
    assert client.submit("run-csv", QUICK, idempotency_key=key).id == first.id
    with pytest.raises(IdempotencyConflictError):
        client.submit("run-csv", {**QUICK, "mode": "std"}, idempotency_key=key)
    client.cancel(first.id)


def test_events_and_output_are_whole_over_a_line_that_breaks(
    server: ServerProcess, client: Client, finished: str
) -> None:
    events = list(client.events(finished))
    lines = list(client.logs(finished))
    assert len(events) > 3
    assert len(lines) > 1
    with (
        cutting(server.url, cuts=4, cut_after=1500) as proxy,
        Client(proxy.url, token=TOKEN, retries=FAST) as shaky,
    ):
        assert list(shaky.events(finished, follow=True)) == events
        assert list(shaky.logs(finished, follow=True)) == lines
        assert proxy.cut == 4


def test_a_job_is_followed_while_it_runs(client: Client) -> None:
    job = client.run_csv(**QUICK)
    seen = [event for event in job.events(follow=True) if not isinstance(event, EventsReset)]
    assert [event.data["status"] for event in seen if event.type is EventType.STATUS] == [
        "pending",
        "running",
        "completed",
    ]
    assert [event.id for event in seen] == sorted({event.id for event in seen})
    after = seen[1].id
    assert [event.id for event in client.events(job.id, after=after)] == [
        event.id for event in seen[2:]
    ]
    lines = list(job.logs(follow=True))
    assert list(client.logs(job.id, since=lines[0].next)) == lines[1:]


def test_a_place_that_is_not_there_is_a_reset(client: Client, finished: str) -> None:
    first, *rest = client.events(finished, after=10**9)
    assert isinstance(first, EventsReset)
    assert rest == list(client.events(finished))


def test_an_upload_is_used_by_a_job(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("op,key,value\nput,1,2\nget,1,\n", "utf-8")
    uri = client.upload(path)
    assert uri == f"input://{hashlib.sha256(path.read_bytes()).hexdigest()}"
    job = client.run_csv(csv=uri, mode="std")
    assert job.wait(60) is Status.COMPLETED
    assert job.read_summary()["ops"]["total"] == 2
    with pytest.raises(BadInputError, match="no file"):
        client.upload(tmp_path / "nothing.csv")


def test_an_upload_is_sent_again_when_its_answer_is_lost(
    server: ServerProcess, tmp_path: Path
) -> None:
    path = tmp_path / "bytes.bin"
    path.write_bytes(secrets.token_bytes(3 << 20))
    with (
        cutting(server.url, cuts=2, cut_after=0) as proxy,
        Client(proxy.url, token=TOKEN, retries=FAST) as shaky,
    ):
        assert shaky.upload(path).endswith(hashlib.sha256(path.read_bytes()).hexdigest())
        assert proxy.cut == 2


def test_a_download_goes_on_where_it_broke(
    server: ServerProcess, finished: str, tmp_path: Path
) -> None:
    target = tmp_path / "map.arrow"
    with (
        cutting(server.url, cuts=3, cut_after=20_000) as proxy,
        Client(proxy.url, token=TOKEN, retries=FAST) as shaky,
    ):
        artifact = shaky.download(finished, "map.arrow", target)
        assert proxy.cut == 3
        ranges = [each for each in proxy.requests if b"range: bytes=" in each.lower()]
    assert len(ranges) == 3
    assert hashlib.sha256(target.read_bytes()).hexdigest() == artifact.sha256
    assert [path.name for path in tmp_path.iterdir()] == ["map.arrow"]


def test_a_download_that_was_given_up_is_taken_up_by_the_next(
    server: ServerProcess, client: Client, finished: str, tmp_path: Path
) -> None:
    target = tmp_path / "map.arrow"
    target.write_text("the old one", "utf-8")
    with (
        cutting(server.url, cuts=99, cut_after=20_000) as proxy,
        Client(proxy.url, token=TOKEN, retries=Retries(limit=0)) as shaky,
        pytest.raises(StorageError),
    ):
        shaky.download(finished, "map.arrow", target)
    assert target.read_text("utf-8") == "the old one"
    (part,) = [path for path in tmp_path.iterdir() if path != target]
    begun = part.stat().st_size
    assert begun > 0
    with cutting(server.url, cuts=0, cut_after=0) as proxy:
        with Client(proxy.url, token=TOKEN) as calm:
            artifact = calm.download(finished, "map.arrow", target)
        assert any(f"bytes={begun}-".encode() in each for each in proxy.requests)
    assert hashlib.sha256(target.read_bytes()).hexdigest() == artifact.sha256


def test_what_another_left_beside_the_target_is_never_taken_for_the_file(
    client: Client, finished: str, tmp_path: Path
) -> None:
    target = tmp_path / "map.arrow"
    digest = client.artifacts(finished)[0].sha256
    (tmp_path / f".map.arrow.{digest[:16]}.part").write_bytes(b"something else")
    with pytest.raises(StorageError, match="did not arrive"):
        client.download(finished, "map.arrow", target)
    assert list(tmp_path.iterdir()) == []
    client.download(finished, "map.arrow", target)
    assert hashlib.sha256(target.read_bytes()).hexdigest() == digest


def test_a_download_names_what_there_is(client: Client, finished: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownArtifactError) as caught:
        client.download(finished, "nothing", tmp_path / "x")
    assert "map.arrow" in caught.value.hint
    with pytest.raises(StorageError, match="cannot write"):
        client.download(finished, "map.arrow", tmp_path / "no" / "folder")


def test_a_signed_url_needs_no_token(server: ServerProcess, client: Client, finished: str) -> None:
    import httpx

    signed = client.signed_url(finished, "map.arrow", ttl_s=60)
    answer = httpx.get(signed.url, trust_env=False)
    assert hashlib.sha256(answer.content).hexdigest() == client.artifacts(finished)[0].sha256


def test_cancelling_ends_a_job_and_twice_deletes_nothing(client: Client, long_trace: Path) -> None:
    job = client.run_csv(csv=client.upload(long_trace), snapshot_out="m.arrow", **SLOW)
    with pytest.raises(NotFinishedError):
        job.read_summary()
    with pytest.raises(NotFinishedError):
        client.delete(job.id)
    for event in job.events(follow=True):
        if not isinstance(event, EventsReset) and event.type is EventType.PROGRESS:
            break
    assert job.cancel() is Status.CANCELLED
    lines = list(job.logs())
    assert lines
    assert client.cancel(job.id).status is Status.CANCELLED
    assert list(job.logs()) == lines
    assert client.delete(job.id).artifacts == []
    with pytest.raises(GoneError):
        list(job.logs())


def test_waiting_ends_when_the_time_is_up(client: Client, long_trace: Path) -> None:
    job = client.run_csv(csv=client.upload(long_trace), **SLOW)
    assert not job.wait(0.3).is_terminal
    assert client.cancel(job.id, timeout_s=60).status is Status.CANCELLED


def test_jobs_are_listed_by_label_a_page_at_a_time(client: Client) -> None:
    label = {"page": secrets.token_hex(4)}
    ids = [client.run_csv(**QUICK, labels=label).id for _ in range(3)]
    first = client.list(labels=label, limit=2)
    second = client.list(labels=label, limit=2, cursor=first.next_cursor)
    assert [each.id for each in first.jobs + second.jobs] == ids[::-1]
    assert second.next_cursor is None
    for job in ids:
        client.cancel(job)


def test_a_server_that_is_not_there_is_a_storage_error_with_a_hint() -> None:
    with (
        Client("http://127.0.0.1:9", retries=Retries(limit=1, first_s=0.01)) as client,
        pytest.raises(StorageError, match="cannot connect") as caught,
    ):
        client.list()
    assert "adhash serve" in caught.value.hint


def test_the_same_under_asyncio(server: ServerProcess, tmp_path: Path) -> None:
    async def story(url: str) -> None:
        async with AsyncClient(url, token=TOKEN, retries=FAST) as client:
            path = tmp_path / "trace.csv"
            path.write_text("op,key,value\nput,1,2\n", "utf-8")
            job = await client.run_csv(csv=await client.upload(path), snapshot_out="m.arrow")
            events = [event async for event in job.events(follow=True)]
            assert [line async for line in job.logs(follow=True)]
            assert await job.wait() is Status.COMPLETED
            assert len(events) == len([event async for event in client.events(job.id)])
            artifact = await job.download("m.arrow", tmp_path / "m.arrow")
            found = hashlib.sha256((tmp_path / "m.arrow").read_bytes()).hexdigest()
            assert found == artifact.sha256
            with pytest.raises(UnknownArtifactError):
                await job.download("nothing", tmp_path / "x")
            assert (await client.delete(job.id)).artifacts == []

    with cutting(server.url, cuts=6, cut_after=1200) as proxy:
        asyncio.run(story(proxy.url))
        assert proxy.cut == 6


def test_both_clients_have_the_same_methods() -> None:
    def methods(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert methods(Client) == methods(AsyncClient)
