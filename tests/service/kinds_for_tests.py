"""Kinds of jobs that behave in the ways that a service must survive; none is in the product."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adhash.errors import BadInputError, InterruptedRunError, InvariantError, StorageError
from adhash.options.base import CommandOptions
from adhash.progress import WorkProgress
from adhash.service.work_context import WorkContext
from torture.strays import fork_a_stray, ignore_sigterm, nap_until

ERRORS: dict[str, Callable[[], BaseException]] = {
    "bad_input": lambda: BadInputError("the trace is bad", hint="use another"),
    "invariant": lambda: InvariantError("one and one is three"),
    "io": lambda: StorageError("no disk"),
    "memory": MemoryError,
    "system": lambda: PermissionError(13, "Permission denied", "/somewhere"),
    "bug": lambda: ZeroDivisionError("division by zero"),
}


class TellOptions(CommandOptions):
    text: str = "hello"
    artifacts: tuple[str, ...] = ()


class EndOptions(CommandOptions):
    how: str


class WaitOptions(CommandOptions):
    is_deaf: bool = False
    children: int = 0
    then: str = "wait"


class TouchOptions(CommandOptions):
    path: str
    is_held_in: bool = True


@dataclass(frozen=True)
class KindForTests:
    options: type[CommandOptions]
    run: Callable[[Any, WorkContext], dict[str, Any]]

    def load_run(self) -> Callable[[Any, WorkContext], dict[str, Any]]:
        return self.run


def tell(options: TellOptions, context: WorkContext) -> dict[str, Any]:
    print(options.text)
    print(f"{options.text}, on the other side", file=sys.stderr)
    context.progress(WorkProgress(done=1, total=1, unit="words"))
    for name in options.artifacts:
        path = context.artifacts / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(options.text, encoding="utf-8")
    return {"said": options.text}


def show_environment(options: TellOptions, context: WorkContext) -> dict[str, Any]:
    """Return the environment, as this process and one that it starts see it."""
    program = "import json, os; print(json.dumps(dict(os.environ)))"
    command = [sys.executable, "-c", program]
    seen = subprocess.run(command, check=True, capture_output=True).stdout
    return {"own": dict(os.environ), "child": json.loads(seen), "folder": str(Path.cwd())}


def fail(options: EndOptions, context: WorkContext) -> dict[str, Any]:
    context.kept_result = {"so_far": "half"}
    raise ERRORS[options.how]()


def end(options: EndOptions, context: WorkContext) -> dict[str, Any]:
    """End this process in a way that no ``finally`` sees, with output just written."""
    print("the last line")
    sys.stdout.write("and a part of one")
    if options.how == "exit":
        os._exit(7)
    if options.how == "segfault":
        ctypes.string_at(0)
    os.kill(os.getpid(), signal.Signals[options.how])
    time.sleep(60)
    return {}


def wait(options: WaitOptions, context: WorkContext) -> dict[str, Any]:
    """Wait for the end; deaf work, and its children, ignore SIGTERM."""
    if options.is_deaf:
        ignore_sigterm()
    for _ in range(options.children):
        fork_a_stray()
    # The event tells the test that all of the family is there.
    context.progress(WorkProgress(done=0, total=None, unit="naps", note="waiting"))
    if options.then == "return":
        return {"left": options.children}
    nap_until(context.cancel, is_deaf=options.is_deaf)
    raise InterruptedRunError("stopped napping")


def grab(options: TellOptions, context: WorkContext) -> dict[str, Any]:
    """Take memory until there is none."""
    held = []
    while len(held) < 4096:
        held.append(bytearray(1 << 20))
    return {"held": len(held)}


def fill(options: TouchOptions, context: WorkContext) -> dict[str, Any]:
    """Write a file of 8 MiB."""
    with Path(options.path).open("wb") as file:
        for _ in range(8):
            file.write(bytes(1 << 20))
    return {}


def escape(options: TouchOptions, context: WorkContext) -> dict[str, Any]:
    """Try to reach what lies outside, and say what came of each attempt."""
    secret = Path(options.path)
    attempts: dict[str, Callable[[], object]] = {
        "read a file": secret.read_bytes,
        "list a folder": lambda: list(secret.parent.iterdir()),
        "read a system file": Path("/etc/passwd").read_bytes,
        "write a file": lambda: (secret.parent / "new").write_bytes(b"x"),
        "change a file": lambda: secret.open("r+b").close(),
        "cut a file": lambda: os.truncate(secret, 0),
        "remove a file": secret.unlink,
        "change a mode": lambda: secret.chmod(0o600),
        "change an owner": lambda: os.chown(secret, 0, 0),
        "change a time": lambda: os.utime(secret),
        "link a file": lambda: os.link(secret, context.artifacts / "link"),
        "make a symbolic link": lambda: (context.artifacts / "soft").symlink_to(secret),
        "connect": lambda: socket.create_connection(("127.0.0.1", 9), timeout=1),
        "make a UDP socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "make a UNIX socket": lambda: socket.socket(socket.AF_UNIX),
        "listen": _listen,
        "fork": _fork,
        "execute": lambda: subprocess.run(["/bin/true"], check=True),
        "read the server's environment": Path(f"/proc/{os.getppid()}/environ").read_bytes,
        "signal the runner": lambda: os.kill(os.getppid(), 0),
        "signal everybody": lambda: os.kill(-1, 0),
    }
    if options.is_held_in:
        # These would do harm where they can be done.
        attempts |= {
            "change the fence": lambda: (context.artifacts.parents[2] / "fence").write_bytes(b"9"),
            "change the outcome": lambda: (context.artifacts.parent / "outcome.json").touch(),
            "trace": lambda: _call("ptrace", 16, os.getppid(), 0, 0),
            "mount": lambda: _call("mount", b"none", bytes(context.artifacts), b"tmpfs", 0, 0),
            "unshare": lambda: _call("unshare", 0x10000000),
        }
    return {name: _outcome_of(attempt) for name, attempt in attempts.items()}


def _outcome_of(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return f"{type(error).__name__}"
    return "done"


def _listen() -> None:
    with socket.create_server(("127.0.0.1", 0)):
        pass


def _fork() -> None:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)


def _call(name: str, *arguments: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


KINDS = {
    "tell": KindForTests(TellOptions, tell),
    "show-environment": KindForTests(TellOptions, show_environment),
    "fail": KindForTests(EndOptions, fail),
    "end": KindForTests(EndOptions, end),
    "wait": KindForTests(WaitOptions, wait),
    "grab": KindForTests(TellOptions, grab),
    "fill": KindForTests(TouchOptions, fill),
    "escape": KindForTests(TouchOptions, escape),
}
