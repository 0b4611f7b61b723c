"""Which arguments of a command of redis are keys, and what it does to each.

What only reads a value reads; what makes or changes one, also by taking a part away, writes; what
removes a key deletes. Commands that look at a key without its value look it up. Scripts are no
commands with keys here: MONITOR prints what they call, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from adhash.workloads.formats.events import DELETE, LOOKUP, READ, WRITE


class KeyUse(NamedTuple):
    """A key of a command.

    Parameters
    ----------
    kind : int
        READ, LOOKUP, WRITE or DELETE.
    at : int
        Its place among the arguments.
    database : str
        The number of its database, where that is not the one of the connection.
    """

    kind: int
    at: int
    database: str = ""


Arguments: TypeAlias = Sequence[str]
_Uses: TypeAlias = Callable[[Arguments], list[KeyUse]]

_READS = (
    "get getrange substr strlen getbit bitcount bitpos bitfield_ro hget hgetall hmget hkeys hvals "
    "hlen hexists hstrlen hrandfield hscan lrange lindex llen lpos smembers sismember smismember "
    "scard srandmember sscan zrange zrangebyscore zrangebylex zrevrange zrevrangebyscore "
    "zrevrangebylex zscore zmscore zrank zrevrank zcard zcount zlexcount zrandmember zscan geopos "
    "geodist geohash geosearch georadius_ro georadiusbymember_ro sort_ro getex xrange xrevrange "
    "xlen xpending dump"
)
_LOOKUPS = "ttl pttl type expire pexpire expireat pexpireat expiretime pexpiretime persist"
_WRITES = (
    "set setex psetex setnx getset append setrange setbit bitfield incr decr incrby decrby "
    "incrbyfloat hset hsetnx hmset hincrby hincrbyfloat hdel lpush rpush lpushx rpushx lpop rpop "
    "lset linsert lrem ltrim sadd srem spop zadd zrem zincrby zpopmin zpopmax zremrangebyrank "
    "zremrangebyscore zremrangebylex geoadd pfadd xadd xtrim xdel xack xclaim xautoclaim xsetid "
    "restore"
)

#: What a command does to the one key that it has, which comes first.
ONE_KEY = {
    **dict.fromkeys(_READS.split(), READ),
    **dict.fromkeys(_LOOKUPS.split(), LOOKUP),
    **dict.fromkeys(_WRITES.split(), WRITE),
    "getdel": DELETE,
}

_FIRST = {kind: (KeyUse(kind, 0),) for kind in (READ, LOOKUP, WRITE, DELETE)}


def key_uses(command: str, arguments: Arguments) -> Sequence[KeyUse]:
    """Return the keys of a command.

    Parameters
    ----------
    command : str
        Its name, in lower case.
    arguments : sequence of str
        What follows the name.

    Returns
    -------
    sequence of KeyUse
        In the order of the arguments; none where the command is unknown, or has no keys.
    """
    if command in ONE_KEY:
        return _FIRST[ONE_KEY[command]] if arguments else ()
    uses = _SEVERAL_KEYS.get(command)
    return [use for use in uses(arguments) if use.at < len(arguments)] if uses else ()


def _every(kind: int, *, step: int = 1, but: int = 0) -> _Uses:
    """All arguments but the last ones, or one in each `step` of them that is whole."""
    return lambda words: [KeyUse(kind, at) for at in range(0, len(words) - but - step + 1, step)]


def _two(first: int, second: int) -> _Uses:
    return lambda _words: [KeyUse(first, 0), KeyUse(second, 1)]


def _second(kind: int) -> _Uses:
    """The argument behind a subcommand."""
    return lambda _words: [KeyUse(kind, 1)]


def _into(at: int = 0) -> _Uses:
    """A key that is written, and keys behind it that are read."""
    return lambda words: [
        KeyUse(READ if place > at else WRITE, place) for place in range(at, len(words))
    ]


def _counted(kind: int, at: int = 0) -> _Uses:
    """As many keys as a number says that stands before them."""

    def uses(words: Arguments) -> list[KeyUse]:
        count = words[at] if len(words) > at and words[at].isdecimal() else "0"
        last = min(at + int(count), len(words) - 1) if len(count) < 8 else len(words) - 1
        return [KeyUse(kind, place) for place in range(at + 1, last + 1)]

    return uses


def _counted_into(words: Arguments) -> list[KeyUse]:
    return [KeyUse(WRITE, 0), *_counted(READ, 1)(words)]


def _streams(kind: int) -> _Uses:
    """The first half of what follows the word STREAMS; the other half are ids."""

    def uses(words: Arguments) -> list[KeyUse]:
        start = 1 + _place_of(("streams",), words)
        count = (len(words) - start) // 2 if start else 0
        return [KeyUse(kind, place) for place in range(start, start + count)]

    return uses


def _stored(words: Arguments) -> list[KeyUse]:
    """A key that is read, and one that takes the result, if there is one behind a word."""
    at = _place_of(("store", "storedist"), words[1:]) + 1
    return [KeyUse(READ, 0), *([KeyUse(WRITE, at + 1)] if at else [])]


def _copied(words: Arguments) -> list[KeyUse]:
    at = _place_of(("db",), words[2:])
    database = words[at + 3] if at >= 0 and len(words) > at + 3 else ""
    return [KeyUse(READ, 0), KeyUse(WRITE, 1, database)]


def _moved(words: Arguments) -> list[KeyUse]:
    return [KeyUse(DELETE, 0), KeyUse(WRITE, 0, words[1])] if len(words) > 1 else []


def _place_of(options: tuple[str, ...], words: Arguments) -> int:
    """Return where one of the words stands; -1 where none does."""
    return next((at for at, word in enumerate(words) if word.lower() in options), -1)


_SEVERAL_KEYS: dict[str, _Uses] = {
    **dict.fromkeys(("mget", "sinter", "sunion", "sdiff", "pfcount"), _every(READ)),
    **dict.fromkeys(("exists", "touch", "watch"), _every(LOOKUP)),
    **dict.fromkeys(("del", "unlink"), _every(DELETE)),
    **dict.fromkeys(("mset", "msetnx"), _every(WRITE, step=2)),
    **dict.fromkeys(("blpop", "brpop", "bzpopmin", "bzpopmax"), _every(WRITE, but=1)),
    **dict.fromkeys(("rename", "renamenx"), _two(DELETE, WRITE)),
    **dict.fromkeys(("rpoplpush", "brpoplpush", "lmove", "blmove", "smove"), _two(WRITE, WRITE)),
    **dict.fromkeys(("zrangestore", "geosearchstore"), _two(WRITE, READ)),
    "lcs": _two(READ, READ),
    **dict.fromkeys(("sinterstore", "sunionstore", "sdiffstore", "pfmerge"), _into()),
    "bitop": _into(1),
    **dict.fromkeys(("sintercard", "zinter", "zunion", "zdiff", "zintercard"), _counted(READ)),
    **dict.fromkeys(("lmpop", "zmpop"), _counted(WRITE)),
    **dict.fromkeys(("blmpop", "bzmpop"), _counted(WRITE, 1)),
    **dict.fromkeys(("zinterstore", "zunionstore", "zdiffstore"), _counted_into),
    "xread": _streams(READ),
    "xreadgroup": _streams(READ),
    **dict.fromkeys(("object", "memory"), _second(LOOKUP)),
    "xinfo": _second(READ),
    "xgroup": _second(WRITE),
    **dict.fromkeys(("sort", "georadius", "georadiusbymember"), _stored),
    "copy": _copied,
    "move": _moved,
}
