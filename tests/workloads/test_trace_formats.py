"""Each foreign format is read as what it stands for, recognised where it can be, or refused."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from format_samples import SAMPLES, Access
from hypothesis import given, settings
from hypothesis import strategies as st

from adhash.errors import BadInputError, InterruptedRunError, TraceError
from adhash.workloads.formats.content import Content
from adhash.workloads.formats.events import DELETE, LOOKUP, READ, WRITE, Events
from adhash.workloads.formats.registry import (
    described_formats,
    detected,
    trace_format,
    trace_formats,
)

BUILT_IN = list(SAMPLES)
TEXTS = [name for name in BUILT_IN if trace_format(name).is_text]


def read(name: str, content: bytes, *, cut: int = 1 << 16) -> Iterator[Events]:
    """Read a content that comes in pieces of `cut` bytes."""
    pieces = (memoryview(content[at : at + cut]) for at in range(0, len(content), cut))
    return trace_format(name).read(Content(pieces, name="t", should_stop=lambda: False))


def accesses(name: str, content: bytes, *, cut: int = 1 << 16) -> list[Access]:
    found: list[Access] = []
    for events in read(name, content, cut=cut):
        keys: list[Any] = events.keys.tolist()
        if not isinstance(events.keys, np.ndarray):
            keys = [key.decode() for key in keys]
        found += zip(events.kinds.tolist(), keys, events.sizes.tolist(), strict=True)
    return found


def test_every_format_has_a_sample() -> None:
    assert set(SAMPLES) <= set(trace_formats())
    assert len(described_formats()) >= len(SAMPLES)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_trace_is_read_as_the_accesses_it_stands_for(name: str) -> None:
    assert accesses(name, SAMPLES[name].content) == SAMPLES[name].accesses


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("cut", [1, 7])
def test_where_blocks_are_cut_does_not_matter(name: str, cut: int) -> None:
    assert accesses(name, SAMPLES[name].content, cut=cut) == SAMPLES[name].accesses


@pytest.mark.parametrize("name", TEXTS)
def test_line_ends_of_windows_do_not_matter(name: str) -> None:
    content = SAMPLES[name].content
    if b"\r\n" not in content:
        assert accesses(name, content.replace(b"\n", b"\r\n")) == SAMPLES[name].accesses


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_format_is_recognised_as_itself_or_not_at_all(name: str) -> None:
    found = detected(SAMPLES[name].content, "trace")
    assert (found and found.name) == (name if SAMPLES[name].is_recognised else None)


@pytest.mark.parametrize("name", BUILT_IN)
def test_no_two_formats_claim_the_same_content(name: str) -> None:
    claims = [each.name for each in trace_formats().values() if each.detects(SAMPLES[name].content)]
    assert claims == ([name] if SAMPLES[name].is_recognised else [])


@pytest.mark.parametrize(
    "content",
    [b"op,key,value\nget,1,\n", b"get,17,\nput,3,4\n", b"hello\n", b"\x00\x01\x02", b"{}\n", b"a"],
)
def test_what_is_no_foreign_trace_is_not_recognised(content: bytes) -> None:
    assert detected(content, "trace") is None


def test_a_suffix_names_a_format() -> None:
    found = detected(struct.pack(">II", 1, 2), "/data/orm.i32be")
    assert found is not None
    assert found.name == "cache2k"


MALFORMED = [
    ("arc", b"1 2 3 4\n1 x 3 4\n", 2, "'x'"),
    ("arc", b"1 2 3 4\n\n1 2 3\n", 3, "3 columns, not 4"),
    ("arc", b"1 99999999999 0 0\n", 1, "more than"),
    ("arc", b"9223372036854775807 1 0 0\n", 1, "2**63"),
    ("arc", b"1 -2 3 4\n", 1, "'-2'"),
    ("lirs", b"1\n\n2x\n", 3, "'2x'"),
    ("lirs", b"99999999999999999999\n", 1, "no int64"),
    ("libcachesim-csv", b"when,what\n", 1, "no column of object ids"),
    ("libcachesim-csv", b"time,obj_id,size\n1,7,x\n", 2, "'x'"),
    ("libcachesim-csv", b"time,obj_id\n1,7\n2,\n", 3, "obj_id is empty"),
    ("twitter", b"0,a,1,1,1,get,0\n0,a,1,1,1,got,0\n", 2, "'got'"),
    ("twitter", b"0,a,1,1,1,get\n", 1, "6 columns, not 7"),
    ("twitter", b'0,"a,1,1,1,get,0\n', 1, "unexpected end"),
    ("cachelib-kv", b"key,op,size\n", 1, "no single column op_count"),
    ("cachelib-kv", b"key,op,size,op_count\na,GET,1,1\nb,PEEK,1,1\n", 3, "'PEEK'"),
    ("cachelib-kv", b"key,op,size,op_count\na,GET,1,99999999999\n", 2, "op_count"),
    ("ycsb", b"READ usertable\n", 1, "cut"),
    ("redis-monitor", b'OK\n1.5 [0 a:1] "get" "k\n', 2, "MONITOR"),
    ("memcached-vv", b"<3 get a\n<3 set b 0 0\n", 2, "size"),
    ("memcached-vv", b"<3 get\n", 1, "key is missing"),
    ("memcached-vv", b"<3 get\n>4 ERROR\n", 1, "key is missing"),
    ("memcached-vv", b"<3 set b 0 0\n>3 STORED\n<3 get b\n", 1, "size"),
    ("malloc-log", b"m 10 5\nf 10 5\n", 2, "'f 10 5'"),
    ("malloc-log", b"m 10 5\nx 10\n", 2, "'x 10'"),
    ("malloc-log", b"m 11112222333344445 5\n", 1, "allocator"),
    ("ltrace", b"malloc(1) = 0x10\nmalloc(zz) = 0x10\n", 2, "'zz'"),
    ("ltrace", b"free(0x1\n", 1, "cut"),
    ("ltrace", b"calloc(8) = 0x10\n", 1, "more arguments"),
    ("mtrace", b"= Start\n@ a + 0x10\n", 2, "size"),
    ("mtrace", b"= Start\nwhat\n", 2, "'what'"),
    ("mtrace", b"= Start\n@ a - (nil) 0\n", 2, "(nil)"),
    ("strace", b'stat("/", 0) = 0\nwhat is this\n', 2, "'what is this'"),
    ("strace", b'rename("/a", NULL) = 0\n', 1, "two paths"),
    ("path-lookups", b"g\t/a\ng /b\n", 2, "'g /b'"),
    ("path-lookups", b"g\t/a\nr\t/b\n", 2, "path"),
    ("package-index", b"P a\nV 1\nX b\n", 3, "'X b'"),
    ("package-index", b"V 1\n", 1, "package index"),
    ("lines", b"fine\nb\xffd\n", 2, "UTF-8"),
    ("lines", b"fine\nfine\na\0b\n", 3, "NUL"),
]


@pytest.mark.parametrize(("name", "content", "line", "words"), MALFORMED)
def test_a_wrong_line_is_refused_with_its_number_its_text_and_a_remedy(
    name: str, content: bytes, line: int, words: str
) -> None:
    with pytest.raises(TraceError) as caught:
        accesses(name, content)
    assert caught.value.line == line
    assert f"t: line {line}: " in caught.value.detail
    assert words in caught.value.detail
    assert caught.value.hint


@pytest.mark.parametrize("name", [name for name in TEXTS if name not in ("words", "tokens")])
def test_the_line_of_a_fault_is_counted_over_all_blocks(name: str) -> None:
    content = SAMPLES[name].content.removesuffix(b"\n") + b"\n"
    many = content if name in ("libcachesim-csv", "cachelib-kv", "cachelib-block") else content * 9
    with pytest.raises(TraceError) as caught:
        accesses(name, many + b"\xff\n", cut=5)
    assert caught.value.line == many.count(b"\n") + 1


@pytest.mark.parametrize(
    ("name", "content", "offset"),
    [
        ("cache2k", b"\0\0\0\1\0\0", 4),
        ("u64le", b"\0" * 15, 8),
        ("oracle-general", SAMPLES["oracle-general"].content[:-1], 48),
        ("git-object-walk", SAMPLES["git-object-walk"].content[:-1], 67),
        ("git-object-walk", b"OIDWALK2" + b"\0" * 8, 0),
        ("git-object-walk", b"OIDWALK1" + b"\xff" * 8, 16),
        ("git-object-walk", b"OIDWALK1" + struct.pack("<III", 0, 1, 5), 16),
    ],
)
def test_cut_or_damaged_records_are_refused_with_their_place(
    name: str, content: bytes, offset: int
) -> None:
    with pytest.raises(TraceError, match=f"t: at byte {offset}: ") as caught:
        accesses(name, content)
    assert caught.value.hint


def test_a_line_without_end_is_refused_before_it_is_held() -> None:
    pieces = itertools.repeat(memoryview(b"x" * 65_536), 1_000)
    content = Content(pieces, name="t", should_stop=lambda: False, max_line_bytes=100_000)
    with pytest.raises(TraceError, match="max_line_bytes = 100000"):
        list(content.lines())


def test_a_large_count_is_worked_off_in_pieces() -> None:
    first = next(read("arc", b"1 16777216 0 0\n"))
    assert len(first) == 65_536
    assert first.keys[-1] == 65_536


def test_reading_ends_when_it_is_told_to() -> None:
    content = Content(iter([memoryview(b"")]), name="t", should_stop=lambda: True)
    with pytest.raises(InterruptedRunError):
        list(trace_format("lines").read(content))


def test_an_unknown_format_is_refused_with_a_near_name() -> None:
    with pytest.raises(BadInputError, match="twiter") as caught:
        trace_format("twiter")
    assert "twitter" in caught.value.hint


_SPICE = st.sampled_from(
    [
        b"\0",
        b"\xff",
        b"\n",
        b"\r",
        b'"',
        b",",
        b" ",
        b"\t",
        b"-",
        b"9" * 25,
        b"\xc3\xbc",
        b"0x",
        b"\\",
    ]
)


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Return a content with some pieces cut out and some put in."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(content)))
        cut = draw(st.integers(0, 8))
        content = content[:at] + draw(_SPICE | st.binary(max_size=6)) + content[at + cut :]
    return content


def rows_or_fault(name: str, content: bytes, *, cut: int = 1 << 16) -> TraceError | None:
    """Read some of a content; return why it could not be read."""
    detected(content, "trace")
    try:
        for events in itertools.islice(read(name, content, cut=cut), 20):
            assert len(events.kinds) == len(events.keys) == len(events.sizes)
            assert int(events.kinds.max(initial=0)) <= 3
            assert int(events.sizes.min(initial=0)) >= 0
    except TraceError as error:
        return error
    return None


@pytest.mark.parametrize("name", BUILT_IN)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_damage_gives_rows_or_an_error_of_the_trace(name: str, data: st.DataObject) -> None:
    fault = rows_or_fault(name, data.draw(damaged(SAMPLES[name].content)), cut=13)
    assert fault is None or (fault.file == "t" and fault.hint)


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=200), name=st.sampled_from(BUILT_IN))
def test_any_bytes_give_rows_or_an_error_of_the_trace(content: bytes, name: str) -> None:
    fault = rows_or_fault(name, content)
    assert fault is None or (fault.file == "t" and fault.hint)


STRACE = [
    ('stat("/a", 0x7ffd) = 0', [(READ, "/a", 144)]),
    (
        '7 12:00:01.5 access("/a", R_OK) = -1 ENOENT (No such file or directory)',
        [(LOOKUP, "/a", 0)],
    ),
    ('access("/a/b", R_OK) = -1 ENOTDIR (Not a directory)', [(LOOKUP, "/a/b", 0)]),
    ('open("/a", O_RDWR) = -1 EACCES (Permission denied)', [(READ, "/a", 144)]),
    ('open("/a", O_RDWR|O_CREAT, 0600) = 4', [(WRITE, "/a", 144)]),
    ('open("/a", O_RDWR|O_CREAT, 0600) = -1 EEXIST (File exists)', [(READ, "/a", 144)]),
    ('[pid   3] unlink("/a") = 0', [(DELETE, "/a", 0)]),
    ('unlink("/\\"a") = 0', [(DELETE, '/"a', 0)]),
    (r'unlink("/\303\274\n\\n\377\33") = 0', [(DELETE, "/\u00fc\n\\n\\xff\x1b", 0)]),
    ('rename("/a", "/b") = 0', [(DELETE, "/a", 0), (WRITE, "/b", 144)]),
    ('rename("/a", "/b") = -1 ENOENT (No such file or directory)', [(LOOKUP, "/a", 0)]),
    ('rename("/a", "/b") = -1 ENOTEMPTY (Directory not empty)', [(READ, "/b", 144)]),
    ('symlink("a", "/x/b") = -1 ENOENT (No such file or directory)', [(LOOKUP, "/x/b", 0)]),
    ('     0.000144 stat("/a", 0x7ffd) = 0', [(READ, "/a", 144)]),
    ('3 [  59] [00007feeb0274ad7] stat("/a", 0x7ffd) = 0', [(READ, "/a", 144)]),
    (" > /usr/lib/libc.so.6(open64+0x26f0) [0x1ab70]", []),
    ('write(1, "/a", 2) = 2', []),
    ('openat(3</usr>, "x", O_RDONLY) = 4', [(READ, "/usr/x", 144)]),
    (r'openat(3</\303\274>, "x", O_RDONLY) = 4', [(READ, "/\u00fc/x", 144)]),
]
REDIS = [
    ('1.5 [0 1.2.3.4:5] "GET" "k"', [(READ, "k", 8)]),
    ('1.5 [1 1.2.3.4:5] "get" "k"', [(READ, "1:k", 8)]),
    ('1.5 [0 1.2.3.4:5] "set" "k" "12345"', [(WRITE, "k", 5)]),
    ('1.5 [0 1.2.3.4:5] "set" "k" ""', [(WRITE, "k", 0)]),
    ('1.5 [0 1.2.3.4:5] "set" "k" "123" "EX" "5"', [(WRITE, "k", 3)]),
    ('1.5 [0 1.2.3.4:5] "setex" "k" "60" "1234567"', [(WRITE, "k", 7)]),
    ('1.5 [0 1.2.3.4:5] "incr" "k"', [(WRITE, "k", 8)]),
    ('1.5 [0 1.2.3.4:5] "ttl" "k"', [(LOOKUP, "k", 8)]),
    ('1.5 [0 1.2.3.4:5] "mget" "k" "l"', [(READ, "k", 8), (READ, "l", 8)]),
    ('1.5 [0 1.2.3.4:5] "del" "k\\\\"', [(DELETE, "k\\", 8)]),
    ('1.5 [0 1.2.3.4:5] "get" ""', []),
    ('1.5 [0 1.2.3.4:5] "info" "all"', []),
    ('1.5 [0 unix:/tmp/a b] "get" "k"', [(READ, "k", 8)]),
    (r'1.5 [0 lua] "set" "\xc3\xbc\x00\xff\r" "\xc3\xbc\x00"', [(WRITE, "\u00fc\\x00\\xff\r", 3)]),
    ('1.5 [0 1.2.3.4:5] "zpopmin" "k"', [(WRITE, "k", 8)]),
    ('1.5 [0 1.2.3.4:5] "getdel" "k"', [(DELETE, "k", 8)]),
    ('1.5 [0 1.2.3.4:5] "restore" "k" "0" "12345" "REPLACE"', [(WRITE, "k", 5)]),
    ('1.5 [0 1.2.3.4:5] "object" "encoding" "k"', [(LOOKUP, "k", 8)]),
    ('1.5 [0 1.2.3.4:5] "object" "help"', []),
    ('1.5 [0 1.2.3.4:5] "mset" "k" "1" "l" "22"', [(WRITE, "k", 1), (WRITE, "l", 2)]),
    ('1.5 [0 1.2.3.4:5] "rename" "k" "l"', [(DELETE, "k", 8), (WRITE, "l", 8)]),
    ('1.5 [0 1.2.3.4:5] "rpoplpush" "k" "l"', [(WRITE, "k", 8), (WRITE, "l", 8)]),
    ('1.5 [0 1.2.3.4:5] "blpop" "k" "l" "0"', [(WRITE, "k", 8), (WRITE, "l", 8)]),
    ('1.5 [0 1.2.3.4:5] "sunionstore" "k" "l"', [(WRITE, "k", 8), (READ, "l", 8)]),
    ('1.5 [0 1.2.3.4:5] "bitop" "not" "k" "l"', [(WRITE, "k", 8), (READ, "l", 8)]),
    ('1.5 [0 1.2.3.4:5] "zunion" "1" "k" "WITHSCORES"', [(READ, "k", 8)]),
    ('1.5 [0 1.2.3.4:5] "zunion" "99999999999" "k"', [(READ, "k", 8)]),
    ('1.5 [0 1.2.3.4:5] "zunion" "x" "k"', []),
    ('1.5 [0 1.2.3.4:5] "zunionstore" "k" "1" "l"', [(WRITE, "k", 8), (READ, "l", 8)]),
    ('1.5 [0 1.2.3.4:5] "bzmpop" "0" "1" "k" "MIN"', [(WRITE, "k", 8)]),
    (
        '1.5 [0 1.2.3.4:5] "xread" "COUNT" "1" "STREAMS" "k" "l" "0" "0"',
        [(READ, "k", 8), (READ, "l", 8)],
    ),
    ('1.5 [0 1.2.3.4:5] "xread" "COUNT" "1"', []),
    ('1.5 [0 1.2.3.4:5] "sort" "k" "ALPHA"', [(READ, "k", 8)]),
    ('1.5 [0 1.2.3.4:5] "sort" "k" "STORE" "l"', [(READ, "k", 8), (WRITE, "l", 8)]),
    ('1.5 [3 1.2.3.4:5] "copy" "k" "l" "DB" "0"', [(READ, "3:k", 8), (WRITE, "l", 8)]),
    ('1.5 [0 1.2.3.4:5] "move" "k" "3"', [(DELETE, "k", 8), (WRITE, "3:k", 8)]),
    ('1.5 [0 1.2.3.4:5] "eval" "return 1" "1" "k"', []),
]


@settings(max_examples=60, deadline=None)
@given(data=st.data(), name=st.sampled_from(["strace", "redis-monitor"]))
def test_simple_and_other_lines_keep_their_order(data: st.DataObject, name: str) -> None:
    known: list[tuple[str, list[Access]]] = STRACE if name == "strace" else REDIS  # type: ignore[assignment]
    chosen = data.draw(st.lists(st.sampled_from(known), max_size=12))
    content = "".join(f"{line}\n" for line, _ in chosen).encode()
    assert accesses(name, content) == [access for _, each in chosen for access in each]


@pytest.mark.parametrize(("name", "known"), [("strace", STRACE), ("redis-monitor", REDIS)])
def test_each_line_is_read_as_what_it_stands_for(
    name: str, known: list[tuple[str, list[Access]]]
) -> None:
    for line, expected in known:
        assert accesses(name, line.encode()) == expected, line


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        # What memcached refused was no access, whatever came in between on other connections.
        ("memcached-vv", b"<3 get\n<4 get a\n>4 END\n>3 ERROR\n<3 get b\n", "ab"),
        ("memcached-vv", b"<3 set c 0 0 x\n>3 CLIENT_ERROR bad\n<3 x\n>3 ERROR\n", ""),
        ("memcached-vv", b"<3 gat 5\n>3 END\n<3 get b\n", "b"),
        # A command of the binary protocol is none where the protocol is another.
        ("memcached-vv", b"<3 GET a\n>3 ERROR\nDeleting b\n", ""),
        ("memcached-vv", b"3: Client using the binary protocol\n<3 GET a\n", "a"),
        ("memcached-vv", b"<3 Read binary protocol data:\n<3 TOUCH a\n<4 GET b\n", "a"),
        (
            "memcached-vv",
            b"3: Client using the binary protocol\n3: Client using the ascii protocol\n<3 GET a\n",
            "",
        ),
    ],
)
def test_only_what_memcached_took_is_an_access(name: str, content: bytes, expected: str) -> None:
    for cut in (1, 1 << 16):
        found = accesses(name, content, cut=cut)
        assert [key for _, key, _ in found] == list(expected)


def test_a_line_of_the_binary_protocol_tells_key_and_size() -> None:
    content = (
        b"<3 Read binary protocol data:\n<3    0x80 0x01 0x00 0x07\n<3 SET a b Value len is 12\n"
        b"<3 ADD c Value len is 0\nincr d 1, 5, 0\nDeleting a b\nValue len is 3\n"
    )
    assert accesses("memcached-vv", content) == [
        (WRITE, "a b", 12),
        (WRITE, "c", 0),
        (WRITE, "d", 8),
        (DELETE, "a b", 8),
    ]


LTRACE = [
    # Cut by another thread: stored when it ends, but freed when it begins.
    (
        "1 a->malloc(8 <unfinished ...>\n2 free(0x20)  = <void>\n1 <... malloc resumed> ) = 0x10",
        "-20 +10",
    ),
    (
        "1 free(0x10 <unfinished ...>\n2 malloc(8) = 0x10\n1 <... free resumed> ) = <void>",
        "-10 +10",
    ),
    (
        "[pid 1] 12.5 [0x40] a->realloc(0x10, 8 <unfinished ...>\n"
        "[pid 1] 12.6 [0x40] <... realloc resumed> ) = 0x10",
        "?10 +10",
    ),
    # Cut by a call that it makes itself.
    ("malloc(8 <unfinished ...>\nmalloc@libc.so.6(8) = 0x10\n<... malloc resumed> ) = 0x10", "+10"),
    (
        "realloc(0x10, 0 <unfinished ...>\nfree@libc(0x10) = <void>\n<... realloc resumed> ) = 0",
        "-10",
    ),
    # Cut for good.
    ("a->free(0x10 <no return ...>\n+++ killed by SIGABRT +++", "-10"),
    ("a->malloc(8 <no return ...>\n+++ killed by SIGABRT +++", ""),
    ("<... malloc resumed> ) = 0x10", ""),
    # Nothing is freed where there is no memory, but where none is wanted.
    ("realloc(0x10, 0) = 0", "-10"),
    ("realloc(0x10, 18446744073709551615) = 0", ""),
    ("realloc(0, 8) = 0x10", "+10"),
    # Registers behind the arguments of functions that ltrace does not know.
    ("aligned_alloc(64, 128, 0x55, 1) = 0x10", "+10"),
    ("reallocarray(0x10, 8, 25, 0x55) = 0x20", "-10 +20"),
    ("pvalloc(10, 0, 0, 74) = 0x10", "+10"),
    ("posix_memalign(0x7ffd, 64, 256, 1) = 0", ""),
]
_SIGNS = {WRITE: "+", DELETE: "-", LOOKUP: "?"}


@pytest.mark.parametrize(("text", "expected"), LTRACE)
def test_a_call_that_is_cut_is_read_once(text: str, expected: str) -> None:
    for cut in (1, 1 << 16):
        found = accesses("ltrace", text.encode(), cut=cut)
        assert " ".join(f"{_SIGNS[kind]}{key:x}" for kind, key, _ in found) == expected


def test_the_size_of_a_block_is_that_of_its_own_argument() -> None:
    text = b"aligned_alloc(64, 128, 0x55, 1) = 0x10\nreallocarray(0, 4, 25, 7) = 0x20\n"
    assert [size for _, _, size in accesses("ltrace", text)] == [128, 100]


def test_an_empty_block_is_one_and_a_failed_one_is_none() -> None:
    text = b"= Start\n@ a:[0x1] + 0x10 0\n@ a:[0x2] + (nil) 0x4000000000000000\n= End\n"
    assert accesses("mtrace", text) == [(WRITE, 0x10, 0)]


@pytest.mark.parametrize(
    "text",
    [
        'stat("/a",  <unfinished ...>\n[pid 7] stat("/b", 0) = 0\n[pid 6] <... stat resumed>0) = 0',
        '[pid 6] stat("/a" <unfinished ...>\n[pid 7] stat("/b", 0) = 0\n<... stat resumed>, 0) = 0',
    ],
)
def test_strace_names_no_process_while_there_is_one(text: str) -> None:
    assert accesses("strace", text.encode()) == [(READ, "/b", 144), (READ, "/a", 144)]
