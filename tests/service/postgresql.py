"""A PostgreSQL server of the tests' own, on a socket in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg

_LAYOUTS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")


def find_programs() -> Path | None:
    """Return the folder of the newest PostgreSQL of this machine, or None."""
    folders = [path for layout in _LAYOUTS for path in Path("/").glob(layout.lstrip("/"))]
    if found := shutil.which("initdb"):
        folders.append(Path(found).resolve().parent)
    complete = [folder for folder in folders if (folder / "initdb").exists()]
    return max(complete, key=_version, default=None)


def _version(folder: Path) -> int:
    digits = "".join(letter for letter in folder.parent.name if letter.isdigit())
    return int(digits or 0)


class PostgresqlServer:
    """A server that can be stopped and started; it keeps its databases in between."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="adhash-pg-"))
        # PostgreSQL refuses to run as root; Debian makes this account for it.
        self._account = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        if self._account:
            os.chown(self._folder, self._account.pw_uid, self._account.pw_gid)
        self._run("initdb", "-D", "data", "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = f"-k {self._folder} -c listen_addresses='' -c fsync=off"
        self._run("pg_ctl", "-D", "data", "-l", "log", "-o", options, "-w", "start")

    def stop(self) -> None:
        """Stop the server as if it had crashed: it says goodbye to nobody."""
        self._run("pg_ctl", "-D", "data", "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        """Stop the server for good."""
        self.stop()
        shutil.rmtree(self._folder)

    def empty_database(self) -> str:
        """Return the URL of a database that nobody uses and nothing is in.

        It is the same each time: to make a new one copies thousands of files.
        """
        place = {"host": str(self._folder), "user": "tester"}
        with psycopg.connect(dbname="postgres", autocommit=True, **place) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'store'"
            )
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'store'").rowcount:
                connection.execute("CREATE DATABASE store")
        with psycopg.connect(dbname="store", autocommit=True, **place) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return f"postgresql+psycopg://tester:never-shown@/store?host={self._folder}"

    def _run(self, program: str, *arguments: str) -> None:
        account = self._account
        # Without a pipe: a server started by pg_ctl would hold it open.
        log = self._folder / f"{program}.log"
        with log.open("wb") as output:
            done = subprocess.run(
                [self._programs / program, *arguments],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
                check=False,
            )
        assert done.returncode == 0, log.read_text(errors="replace")
