"""What ``redis-cli MONITOR`` prints: a command a line, its arguments in quotes.

::

    1339518083.107412 [0 127.0.0.1:60866] "set" "user:1" "some text"
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow.compute as pc

from adhash.workloads.arrow_buffers import numbers_of
from adhash.workloads.formats.accesses import Accesses
from adhash.workloads.formats.content import Content, Fault, Lines
from adhash.workloads.formats.events import DELETE, LOOKUP, READ, WRITE, Events, taken
from adhash.workloads.formats.first_lines import some_match
from adhash.workloads.formats.matching import match
from adhash.workloads.formats.mixed_lines import SimpleLines, codes_of, read_mixed
from adhash.workloads.formats.trace_format import TraceFormat

_LINE = re.compile(r'\d+\.\d+ \[(\d+) \S+\]((?: "(?:[^"\\]|\\.)*")+)\s*')
_ARGUMENT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r'\\(x[0-9a-fA-F]{2}|[nrtab"\\])')
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", '"': '"', "\\": "\\"}
_DEFAULT_BYTES = 8

_READS = (
    "get getrange substr strlen getbit bitcount hget hgetall hmget hkeys hvals hlen hexists hscan "
    "lrange lindex llen smembers sismember smismember scard srandmember sscan zrange zrangebyscore "
    "zrevrange zscore zrank zrevrank zcard zcount zscan geopos geodist getex xrange xlen xread dump"
)
_LOOKUPS = "ttl pttl type expire pexpire expireat pexpireat persist object"
_WRITES = (
    "set setex psetex setnx getset append setrange setbit incr decr incrby decrby incrbyfloat hset "
    "hsetnx hmset hincrby hincrbyfloat hdel lpush rpush lpushx rpushx lpop rpop lset linsert lrem "
    "ltrim sadd srem spop zadd zrem zincrby zremrangebyrank zremrangebyscore geoadd pfadd xadd "
    "xtrim xdel restore"
)
# Which commands take several keys, and how many arguments there are a key.
_MANY = {"mget": (READ, 1), "exists": (LOOKUP, 1), "touch": (LOOKUP, 1), "del": (DELETE, 1)}
_MANY |= {"unlink": (DELETE, 1), "mset": (WRITE, 2), "msetnx": (WRITE, 2), "getdel": (DELETE, 1)}
_MANY |= {"sinter": (READ, 1), "sunion": (READ, 1), "sdiff": (READ, 1), "pfcount": (READ, 1)}
_RENAMES = ("rename", "renamenx")
_ONE = {
    **dict.fromkeys(_READS.split(), READ),
    **dict.fromkeys(_LOOKUPS.split(), LOOKUP),
    **dict.fromkeys(_WRITES.split(), WRITE),
}
_PLAIN_SETS = dict.fromkeys(("set", "setnx", "getset", "append"), WRITE)
# Where the value stands among the arguments, if not last.
_VALUE_AT = {"set": 1, "setnx": 1, "getset": 1, "append": 1, "setex": 2, "psetex": 2}


# Most lines: a command on database 0, a key and at most one more argument, nothing escaped.
_SIMPLE = (
    r'[0-9]+\.[0-9]+ \[0 \S+\] "(?P<command>[A-Za-z]+)" "(?P<key>[^"\\]+)"'
    r'(?: "(?P<value>[^"\\]*)")?'
)


def _read(content: Content) -> Iterator[Events]:
    for lines in content.lines():

        def read_line(accesses: Accesses, place: int, text: str, lines: Lines = lines) -> None:
            found = _LINE.fullmatch(text)
            if found:
                _take(accesses, found[1], _ARGUMENT.findall(found[2]))
            elif text.strip() not in ("", "OK"):
                lines.refuse(place, _fault(text))

        events = read_mixed(lines, _simple(lines), read_line)
        if events:
            yield events


def _simple(lines: Lines) -> SimpleLines:
    matched = match(lines, _SIMPLE)
    kinds = codes_of(matched, "command", _ONE)
    lengths = numbers_of(pc.binary_length(matched.strings("value"))).astype(np.int64)
    # A write whose only other argument is its value; where that is empty, a closer look is needed.
    is_set = (codes_of(matched, "command", _PLAIN_SETS) == WRITE) & (lengths > 0)
    is_read = (kinds == READ) | (kinds == LOOKUP)
    kept = np.flatnonzero(is_set | is_read)
    is_done = np.zeros(len(lines), dtype=bool)
    is_done[matched.places[kept]] = True
    events = Events.of(
        kinds[kept],
        taken(matched.keys("key"), kept),
        np.where(is_read, _DEFAULT_BYTES, lengths)[kept],
    )
    return SimpleLines(events=events, places=matched.places[kept], is_done=is_done)


def _take(accesses: Accesses, database: str, words: Sequence[str]) -> None:
    command, *arguments = words
    command = command.lower()
    if not arguments:
        return
    if command in _ONE:
        kind = _ONE[command]
        size = _size(command, arguments) if kind == WRITE else _DEFAULT_BYTES
        _add(accesses, database, kind, arguments[0], size)
    elif command in _MANY:
        kind, step = _MANY[command]
        for at in range(0, len(arguments) - step + 1, step):
            size = len(_plain(arguments[at + step - 1])) if kind == WRITE else _DEFAULT_BYTES
            _add(accesses, database, kind, arguments[at], size)
    elif command in _RENAMES and len(arguments) > 1:
        _add(accesses, database, DELETE, arguments[0], 0)
        _add(accesses, database, WRITE, arguments[1], _DEFAULT_BYTES)


def _add(accesses: Accesses, database: str, kind: int, argument: str, size: int) -> None:
    key = _plain(argument)
    if key:  # the empty key is one of redis, but none of a trace
        accesses.add(kind, key if database == "0" else f"{database}:{key}", size)


def _size(command: str, arguments: Sequence[str]) -> int:
    at = _VALUE_AT.get(command, -1)
    has_value = len(arguments) > max(at, 1)
    return len(_plain(arguments[at])) if has_value else _DEFAULT_BYTES


def _plain(argument: str) -> str:
    """Return what was escaped; a NUL, which no trace has, and bytes beyond ASCII stay escaped."""
    return _ESCAPE.sub(_unescaped, argument) if "\\" in argument else argument


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    if code[0] != "x":
        return _ESCAPES[code]
    number = int(code[1:], 16)
    return chr(number) if 0 < number < 128 else found[0]


def _fault(text: str) -> Fault:
    return Fault(
        what="it is no line of MONITOR",
        value=text,
        remedy='lines are such as: 1339518083.107412 [0 127.0.0.1:60866] "get" "key"',
    )


def _detects(start: bytes) -> bool:
    return some_match(_LINE, start, most=3)


FORMAT = TraceFormat(
    name="redis-monitor",
    summary="what redis-cli MONITOR prints",
    key_type="str",
    read=_read,
    detects=_detects,
)
