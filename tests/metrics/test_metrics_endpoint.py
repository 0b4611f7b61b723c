"""The live endpoint, asked over real sockets."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from adhash.errors import BadInputError, StorageError
from adhash.metrics.board import TickBoard
from adhash.metrics.endpoint import PATHS, MetricsEndpoint

if TYPE_CHECKING:
    from conftest import MakeTick

HOST = "127.0.0.1"


@pytest.fixture
def board() -> TickBoard:
    return TickBoard(capacity=5)


@pytest.fixture
def endpoint(board: TickBoard) -> Iterator[MetricsEndpoint]:
    with MetricsEndpoint(board, host=HOST, port="auto") as running:
        assert running.url == f"http://{HOST}:{running.port}"
        yield running


def ask(endpoint: MetricsEndpoint, path: str, method: str = "GET") -> tuple[int, str, bytes]:
    with closing(HTTPConnection(HOST, endpoint.port, timeout=60)) as connection:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read()


def samples(endpoint: MetricsEndpoint) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    _, _, body = ask(endpoint, "/metrics")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def test_latest_tick_is_served_as_json(
    endpoint: MetricsEndpoint, board: TickBoard, make_tick: MakeTick
) -> None:
    board.post(make_tick(t=1.0))
    board.post(make_tick(t=2.0))
    status, media_type, body = ask(endpoint, "/metrics.json")
    assert (status, media_type) == (200, "application/json")
    assert json.loads(body)["t"] == 2.0


def test_before_the_first_tick_there_is_none_to_serve(endpoint: MetricsEndpoint) -> None:
    status, media_type, body = ask(endpoint, "/metrics.json")
    assert (status, media_type) == (503, "application/problem+json")
    assert "no tick yet" in json.loads(body)["detail"]
    assert json.loads(ask(endpoint, "/ticks.json")[2]) == []
    assert ask(endpoint, "/metrics")[0] == 200


@pytest.mark.parametrize(
    ("query", "times"),
    [("", [3, 4, 5, 6, 7]), ("?last=2", [6, 7]), ("?last=0", []), ("?last=99", [3, 4, 5, 6, 7])],
)
def test_last_ticks_come_oldest_first_and_bounded(
    endpoint: MetricsEndpoint, board: TickBoard, make_tick: MakeTick, query: str, times: list[int]
) -> None:
    for t in range(1, 8):
        board.post(make_tick(t=float(t)))
    ticks = json.loads(ask(endpoint, "/ticks.json" + query)[2])
    assert [tick["t"] for tick in ticks] == times


@pytest.mark.parametrize("last", ["-1", "x", "", "1e3", "%F0%9F%98%80", "9" * 5000])
def test_bad_count_of_ticks_is_a_bad_request(endpoint: MetricsEndpoint, last: str) -> None:
    status, media_type, body = ask(endpoint, f"/ticks.json?last={last}")
    assert (status, media_type) == (400, "application/problem+json")
    assert "last must be" in json.loads(body)["detail"]


def test_unknown_path_is_not_found_and_names_those_there_are(endpoint: MetricsEndpoint) -> None:
    status, _, body = ask(endpoint, "/../../etc/passwd")
    assert status == 404
    assert all(path in json.loads(body)["detail"] for path in PATHS)


def test_health_is_served(endpoint: MetricsEndpoint) -> None:
    assert ask(endpoint, "/healthz")[::2] == (200, b'{"status":"ok"}')


def test_head_answers_without_a_body(endpoint: MetricsEndpoint) -> None:
    assert ask(endpoint, "/healthz", "HEAD")[::2] == (200, b"")


def test_prometheus_reads_the_counters_of_every_engine(
    endpoint: MetricsEndpoint, board: TickBoard, make_tick: MakeTick
) -> None:
    board.post(make_tick(backend="swiss", mode="swiss"))
    board.post(make_tick(backend="std", mode="std", memory_bytes=99))
    read = samples(endpoint)
    get = (("engine", "swiss"), ("op", "get"))
    assert read["adhash_replay_operations_total", get] == 3
    assert read["adhash_replay_memory_bytes", (("engine", "std"),)] == 99
    assert read["adhash_replay_memory_bytes", (("engine", "swiss"),)] == 4096
    assert read["adhash_replay_migrations_total", (("engine", "swiss"),)] == 1
    lengths = (("engine", "swiss"), ("length", "2"))
    assert read["adhash_replay_probe_length_entries", lengths] == 1


def test_prometheus_latencies_are_cumulative_and_in_seconds(
    endpoint: MetricsEndpoint, board: TickBoard, make_tick: MakeTick
) -> None:
    board.post(make_tick())
    read = samples(endpoint)
    get: Any = (("engine", "swiss"), ("op", "get"))
    bucket = "adhash_replay_latency_seconds_bucket"
    assert read[bucket, (get[0], ("le", "1e-06"), get[1])] == 2
    assert read[bucket, (get[0], ("le", "0.001"), get[1])] == 3
    assert read[bucket, (get[0], ("le", "+Inf"), get[1])] == 3
    assert read["adhash_replay_latency_seconds_count", get] == 3


def test_prometheus_shows_which_alerts_are_raised(
    endpoint: MetricsEndpoint, board: TickBoard, make_tick: MakeTick
) -> None:
    raised = {"name": "avg_probe", "value": 9, "threshold": 6, "since_t": 0, "message": "m"}
    board.post(make_tick(alerts=[raised]))
    read = samples(endpoint)
    assert read["adhash_replay_alert", (("alert", "avg_probe"), ("engine", "swiss"))] == 1
    assert read["adhash_replay_alert", (("alert", "load_factor"), ("engine", "swiss"))] == 0


def test_port_in_use_is_a_storage_error(endpoint: MetricsEndpoint) -> None:
    with pytest.raises(StorageError, match=f"cannot listen on {HOST} port {endpoint.port}"):
        MetricsEndpoint(TickBoard(), host=HOST, port=endpoint.port)


def test_unknown_host_is_bad_input() -> None:
    with pytest.raises(BadInputError, match="cannot be resolved"):
        MetricsEndpoint(TickBoard(), host="no such host", port="auto")


def test_address_of_another_machine_is_a_storage_error() -> None:
    with pytest.raises(StorageError, match="cannot listen on"):
        MetricsEndpoint(TickBoard(), host="192.0.2.1", port="auto")


def test_port_is_free_again_after_the_run_in_spite_of_an_idle_client() -> None:
    endpoint = MetricsEndpoint(TickBoard(), host=HOST, port="auto")
    with socket.create_connection((HOST, endpoint.port)):
        endpoint.close()
    endpoint.close()
    with MetricsEndpoint(TickBoard(), host=HOST, port=endpoint.port) as again:
        assert again.port == endpoint.port
