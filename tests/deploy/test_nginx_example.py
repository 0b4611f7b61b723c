"""The nginx example: valid, and in front of a real server with certificates made for the test."""

from __future__ import annotations

import os
import re
import socket
import ssl
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from deploy_tools import program, run, text_of

from adhash.errors import AdhashError
from adhash.service.calls.retrying import Retries
from adhash.service.client import Client
from torture.server import TOKEN, Server

_NAME = "adhash.example.org"
_MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/main.log;
events {{ }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/adhash.conf;
}}
"""


def _free_port() -> int:
    with closing(socket.socket()) as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])


def _make_certificates(folder: Path) -> None:
    """Make two authorities, a server of the one, and a client of each."""
    openssl = program("openssl", "openssl")

    def key(name: str, *words: str) -> None:
        run(
            *(openssl, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", f"{name}.key", "-subj", f"/CN={name}", *words),
            cwd=folder,
        )

    def certificate(name: str, authority: str, extensions: str = "") -> None:
        key(name, "-out", f"{name}.csr")
        (folder / f"{name}.ext").write_text(f"authorityKeyIdentifier=keyid\n{extensions}\n")
        run(
            *(openssl, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem"),
            *("-CAkey", f"{authority}.key", "-CAcreateserial", "-days", "2"),
            *("-out", f"{name}.pem", "-extfile", f"{name}.ext"),
            cwd=folder,
        )

    for authority in ("clients-ca", "strangers-ca"):
        key(authority, "-x509", "-days", "2", "-out", f"{authority}.pem")
    certificate("server", "clients-ca", f"subjectAltName=DNS:{_NAME},IP:127.0.0.1")
    certificate("client", "clients-ca")
    certificate("stranger", "strangers-ca")
    for name in ("client", "stranger"):
        both = (folder / f"{name}.pem").read_text() + (folder / f"{name}.key").read_text()
        (folder / f"{name}-both.pem").write_text(both)


def _example(folder: Path, *, plain: int, tls: int, upstream: int) -> str:
    """Return the example with the ports and folders of the test, and nothing else changed."""
    changes = {
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{tls} ssl http2;",
        "server 127.0.0.1:9600;": f"server 127.0.0.1:{upstream};",
        "/etc/nginx/adhash/": f"{folder}/",
        "/var/log/nginx/": f"{folder}/",
    }
    text = text_of("nginx", "adhash.conf")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """An nginx that runs the example."""

    folder: Path
    url: str
    plain_url: str
    server: Server

    def client(self, certificate: str | None = "client") -> httpx.Client:
        context = ssl.create_default_context(cafile=str(self.folder / "clients-ca.pem"))
        if certificate is not None:
            context.load_cert_chain(self.folder / f"{certificate}-both.pem")
        return httpx.Client(
            base_url=self.url,
            verify=context,
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=30,
        )

    def logs(self) -> str:
        return "".join(path.read_text() for path in self.folder.glob("*.log"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    program("nginx", "nginx-light")
    folder = tmp_path / "nginx"
    folder.mkdir()
    # The workers of an nginx that root starts are another user. The folders up to the one for all
    # temporary files are those of pytest: three, or four where several processes run the tests.
    for path in (folder, *folder.parents[:4]):
        if path.stat().st_mode & stat.S_ISVTX:
            break
        path.chmod(0o755)
    _make_certificates(folder)
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder), "utf-8")
    return folder


def test_nginx_finds_nothing_wrong_with_the_example(folder: Path) -> None:
    example = _example(folder, plain=_free_port(), tls=_free_port(), upstream=9600)
    (folder / "adhash.conf").write_text(example, "utf-8")
    nginx = program("nginx", "nginx-light")
    said = run(nginx, "-t", "-c", str(folder / "nginx.conf"), "-p", str(folder))
    assert "test is successful" in said
    assert "[warn]" not in said


@pytest.fixture
def proxy(folder: Path, tmp_path: Path, serving: Callable[..., Server]) -> Iterator[Proxy]:
    server = serving(tmp_path / "jobs", ADHASH_MAX_CONCURRENT_JOBS="1")
    # A port that was free a moment ago may be in use by now: then others are tried.
    for _ in range(5):
        started = _new_proxy(folder, server)
        nginx = _start(folder)
        try:
            if _answers(started, nginx):
                yield started
                return
        finally:
            nginx.terminate()
            nginx.wait(60)
        assert "in use" in started.logs(), f"nginx does not answer: {started.logs()}"
    raise AssertionError(f"five times a port was in use: {started.logs()}")


def _new_proxy(folder: Path, server: Server) -> Proxy:
    plain, tls = _free_port(), _free_port()
    upstream = int(server.url.rpartition(":")[2])
    example = _example(folder, plain=plain, tls=tls, upstream=upstream)
    (folder / "adhash.conf").write_text(example, "utf-8")
    return Proxy(
        folder=folder,
        url=f"https://127.0.0.1:{tls}",
        plain_url=f"http://127.0.0.1:{plain}",
        server=server,
    )


def _start(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [program("nginx", "nginx-light"), "-c", str(folder / "nginx.conf"), "-p", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _answers(proxy: Proxy, nginx: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + 60
    with proxy.client() as client:
        while time.monotonic() < deadline and nginx.poll() is None:
            try:
                if client.get("/healthz").status_code == 200:
                    return True
            except httpx.TransportError:
                time.sleep(0.05)
    return False


def test_a_job_is_submitted_followed_and_fetched_through_the_proxy(
    proxy: Proxy, tmp_path: Path
) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("op,key,value\n" + "".join(f"put,{k},1\n" for k in range(300_000)), "utf-8")
    assert trace.stat().st_size > 2 << 20  # beyond what nginx takes elsewhere
    client = Client(
        proxy.url,
        token=TOKEN,
        verify=proxy.folder / "clients-ca.pem",
        cert=proxy.folder / "client-both.pem",
    )
    with client:
        job = client.run_csv(csv=client.upload(trace), mode="swiss")
        events = list(job.events(follow=True))
        assert events[-1].data["status"] == "completed"
        found = job.download("summary.json", tmp_path / "summary.json")
        assert (tmp_path / "summary.json").stat().st_size == found.size


def test_events_are_not_held_back(proxy: Proxy) -> None:
    slow = {"sample": "identifiers", "mode": "swiss", "rate": 10}
    with proxy.client() as client:
        job = client.post("/api/jobs/run-csv", json=slow).json()["id"]
        with client.stream("GET", f"/api/jobs/{job}/events") as answer:
            # The job runs for hours: whatever arrives was passed on as it came.
            first = next(text for text in answer.iter_text() if "event: status" in text)
        assert "pending" in first


@pytest.mark.parametrize("certificate", [None, "stranger"])
def test_whoever_has_no_certificate_of_the_authority_is_turned_away(
    proxy: Proxy, certificate: str | None
) -> None:
    with proxy.client(certificate) as client:
        answer = client.get("/api/jobs")
    assert answer.status_code == 400
    assert "nginx" in answer.text


def test_a_client_without_certificate_is_told_so(proxy: Proxy) -> None:
    client = Client(
        proxy.url,
        token=TOKEN,
        verify=proxy.folder / "clients-ca.pem",
        retries=Retries(limit=0),
    )
    with client, pytest.raises(AdhashError):
        client.list()


def test_plain_requests_are_sent_to_tls_without_their_query(proxy: Proxy) -> None:
    answer = httpx.get(f"{proxy.plain_url}/api/jobs?token={TOKEN}", headers={"Host": _NAME})
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"https://{_NAME}/api/jobs"


def test_the_rate_limit_counts_by_an_address_that_nobody_can_choose(proxy: Proxy) -> None:
    assert re.findall(r"X-Forwarded-For (\S+);", text_of("nginx", "adhash.conf")) == [
        "$remote_addr"
    ]


def test_no_token_is_logged_whatever_happens(proxy: Proxy) -> None:
    with proxy.client() as client:
        assert client.get("/api/jobs", params={"token": TOKEN}).status_code == 200
        assert client.get("/nowhere", params={"token": TOKEN}).status_code == 404
        proxy.server.stop()
        assert client.get("/api/jobs", params={"token": TOKEN}).status_code == 502
    httpx.get(f"{proxy.plain_url}/api/jobs?token={TOKEN}")
    logs = proxy.logs()
    assert '"GET /api/jobs" 502' in logs
    assert '"GET /nowhere" 404' in logs
    assert TOKEN not in logs
    assert TOKEN not in proxy.server.log.read_text()
    proxy.server.start()


def test_the_tests_have_their_tools_in_ci() -> None:
    if os.environ.get("CI"):
        for name in ("nginx", "promtool", "openssl", "systemd-analyze"):
            program(name, name)
