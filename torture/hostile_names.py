"""Names and paths that somebody with bad intentions would try, made from a few ideas."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from urllib.parse import quote

_UPS = ("..", "../..", "../../..", "../" * 12 + "..")
_SPELLINGS = (
    "{}",
    "./{}",
    "a/../{}",
    "sub/../../{}",
    "{}/.",
    "{}/",
    ".//{}",
    "{}\0",
    "\0{}",
    "{}\0.csv",
    " {}",
    "{} ",
    "{}\n",
    "\r\n{}",
    "\t{}",
    "file://{}",
    "input://{}",
    "input://" + "0" * 64 + "/{}",
    "input://" + "f" * 64 + "/../{}",
    "~/{}",
    "$HOME/{}",
    "`cat {}`",
    "|cat {}",
    "-{}",
    "\\\\?\\{}",
)
# Slashes and dots by other names: what a decoder or a normaliser might turn into the real ones.
_OTHER_SPELLINGS = (
    ("/", "\\"),
    ("/", "%2f"),
    ("/", "%252f"),
    ("/", "%5c"),
    ("/", "\u2215"),
    ("/", "\u2044"),
    ("/", "\uff0f"),
    ("/", "//"),
    ("/", "/./"),
    ("/", "\0/"),
    ("..", "%2e%2e"),
    ("..", "%252e%252e"),
    ("..", "\u2025"),
    ("..", "\uff0e\uff0e"),
    ("..", "%c0%ae%c0%ae"),
    ("..", ". ."),
    ("..", "...."),
)
_SPECIAL = (
    "/etc/passwd",
    "/etc/shadow",
    "/proc/self/environ",
    "/proc/self/cmdline",
    "/proc/self/root/etc/passwd",
    "/proc/self/cwd",
    "/proc/self/fd/0",
    "/proc/self/mem",
    "/proc/1/environ",
    "/dev/zero",
    "/dev/stdin",
    "/dev/fd/0",
    "/sys/kernel/notes",
    "/",
    ".",
    "..",
    "",
    "-",
    "--help",
    "con",
    "nul.csv\0",
    "x" * 5000,
    "a/" * 2100 + "b",
    "\u202e../gpj.csv",
    "\ufeff../up",
    "e\u0301/../..",
    "%00",
    "%",
    "%zz",
    "{{7*7}}",
    "'; DROP TABLE jobs; --",
    "<script>alert(1)</script>",
)


def hostile_texts(canary: Path, root: Path) -> list[str]:
    """Return hostile texts, those that aim at the canary among them, in a steady order.

    Parameters
    ----------
    canary : Path
        The file that must not be reached.
    root : Path
        The folder that requests may name files in; the canary lies beside it.
    """
    found = dict.fromkeys([*_aimed(canary, root), *_SPECIAL])
    return list(found)


def _aimed(canary: Path, root: Path) -> Iterator[str]:
    ways = [f"{up}/{canary.name}" for up in _UPS]
    ways += [str(canary), f"{root}/../{canary.name}", f"/proc/self/root{canary}"]
    # Links within the root that lead out of it, made by `set_traps`.
    ways += ["link.csv", "link-to-folder/" + canary.name, "chain.csv", "up/" + canary.name]
    ways += [f"{root}/link.csv", "magic/" + str(canary).lstrip("/")]
    yield from ways
    for spelling, way in product(_SPELLINGS, ways):
        yield spelling.format(way)
    for (plain, other), way in product(_OTHER_SPELLINGS, ways):
        yield way.replace(plain, other)
    chance = random.Random(11)
    for _ in range(100):
        yield "".join(
            chance.choice(("..", "/", "\\", "\0", "%2e", ".", canary.name)) for _ in range(8)
        )


def set_traps(root: Path, canary: Path) -> None:
    """Lay links in a folder that lead out of it, to a canary beside it."""
    root.mkdir(parents=True)
    (root / "sub").mkdir()
    (root / "link.csv").symlink_to(canary)
    (root / "link-to-folder").symlink_to(canary.parent)
    (root / "chain.csv").symlink_to(root / "link.csv")
    (root / "up").symlink_to("..")
    (root / "magic").symlink_to("/proc/self/root")
    (root / "sub" / "relative.csv").symlink_to(f"../../{canary.name}")


def in_target(text: str, *, is_encoded: bool) -> bytes:
    """Return a text as a part of a target: percent-encoded, or as raw as a request can hold it."""
    if is_encoded:
        return quote(text, safe="").encode()
    # A space or a line feed would end the target or the request itself.
    return b"".join(
        quote(bytes([byte])).encode() if byte <= 0x20 or byte == 0x23 else bytes([byte])
        for byte in text.encode()
    )
