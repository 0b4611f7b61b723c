"""A short trace in each foreign format, and what it stands for."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from adhash.workloads.formats.events import DELETE, LOOKUP, READ, WRITE

Access = tuple[int, "int | str", int]

_WALK = b"OIDWALK1" + struct.pack("<II", 2, 3) + b"\x01" * 20 + b"\xfe" * 20
_WALK += struct.pack("<III", 1, 0, 1)
_ORACLE = b"".join(
    struct.pack("<IQIq", *record)
    for record in [(5, 2**64 - 2, 64, 3), (5, 7, 8, -1), (9, 1, 4, -1)]
)


@dataclass(frozen=True)
class Sample:
    """A trace, and its accesses: kind, key and size."""

    content: bytes
    accesses: list[Access]
    # Whether no --format is needed for a file of any name.
    is_recognised: bool = True


SAMPLES: dict[str, Sample] = {
    "arc": Sample(
        b"10 2 0 0\n7 1 0 1\n\n8 0 0 2\n",
        [(READ, 10, 512), (READ, 11, 512), (READ, 7, 512)],
    ),
    "lirs": Sample(b"3\n-1\n*\n3\n", [(READ, 3, 8), (READ, -1, 8), (READ, 3, 8)]),
    "cache2k": Sample(
        struct.pack(">II", 5, 2**32 - 1), [(READ, 5, 100), (READ, 2**32 - 1, 100)], False
    ),
    "u32le": Sample(struct.pack("<II", 5, 6), [(READ, 5, 100), (READ, 6, 100)], False),
    "u64be": Sample(struct.pack(">Q", 2**64 - 1), [(READ, 2**64 - 1, 100)], False),
    "u64le": Sample(struct.pack("<Q", 2**63), [(READ, 2**63, 100)], False),
    "libcachesim-csv": Sample(
        b"version,time,op,size,lbn\n1,33898,2a,512,42932745\n1,33899,28,6656,4\n1,33899,12,0,0\n",
        [(WRITE, "42932745", 512), (READ, "4", 6656)],
    ),
    "oracle-general": Sample(_ORACLE, [(READ, 2**64 - 2, 64), (READ, 7, 8), (READ, 1, 4)]),
    "twitter": Sample(
        b"0,nz:u:eeW5,17,213,18,get,0\n0,q:q:1,8,27,5,set,60\n3,q:q:1,8,0,5,delete,0\n",
        [(READ, "nz:u:eeW5", 213), (WRITE, "q:q:1", 27), (DELETE, "q:q:1", 0)],
    ),
    "cachelib-kv": Sample(
        b"key,op,size,op_count,key_size\n82,SET,13,1,40\n82,GET_LEASE,13,2,40\n9,GET,0,1,4\n"
        b"82,DELETE,0,1,40\n",
        [
            (WRITE, "82", 13),
            (READ, "82", 13),
            (READ, "82", 13),
            (LOOKUP, "9", 0),
            (DELETE, "82", 0),
        ],
    ),
    "cachelib-block": Sample(
        b"op_time,block_id,io_size,op_name,op_count\n1,b7,40,getChunkData.NotInitialized,1\n"
        b"2,b7,80,putChunk.NotInitialized,1\n",
        [(READ, "b7", 40), (WRITE, "b7", 80)],
    ),
    "ycsb": Sample(
        b"YCSB Client 0.17.0\n\nINSERT usertable user1 [ field0=abc ]\nREAD usertable user1 "
        b"[ <all fields>]\nSCAN usertable user2 40 [ field0 ]\nDELETE usertable user1\n"
        b"[OVERALL], RunTime(ms), 5\n",
        [
            (WRITE, "user1", 14),
            (READ, "user1", 1000),
            (READ, "user2", 1000),
            (DELETE, "user1", 1000),
        ],
    ),
    "redis-monitor": Sample(
        b'OK\n1339518083.107412 [0 127.0.0.1:60866] "SET" "a \\"b\\"" "12345"\n'
        b'1339518083.1 [2 unix:/tmp/s] "mget" "x" "y\\xff"\n1339518084.1 [0 lua] "ping"\n'
        b'1339518084.1 [0 [::1]:5] "rename" "x" "z"\n1339518084.1 [0 1.1.1.1:5] "ttl" "z"\n',
        [
            (WRITE, 'a "b"', 5),
            (READ, "2:x", 8),
            (READ, "2:y\\xff", 8),
            (DELETE, "x", 8),
            (WRITE, "z", 8),
            (LOOKUP, "z", 8),
        ],
    ),
    "memcached-vv": Sample(
        b"slab class   1: chunk size        96 perslab   10922\n<31 new auto-negotiating client "
        b"connection\n<31 get a b\n>31 sending key a\n>31 END\n<31 set b 0 60 5\n>31 STORED\n"
        b"<31 delete a\n<31 mg c v\n<31 ms c S2 T0\n<31 touch c 5\n<31 version\n",
        [
            (READ, "a", 8),
            (READ, "b", 8),
            (WRITE, "b", 5),
            (DELETE, "a", 8),
            (READ, "c", 8),
            (WRITE, "c", 2),
            (LOOKUP, "c", 8),
        ],
    ),
    "malloc-log": Sample(
        b"m 5cce2a0 336\nr 5cce2a0 400\nf 0x5CCE2A0\n",
        [
            (WRITE, 0x5CCE2A0, 336),
            (LOOKUP, 0x5CCE2A0, 0),
            (WRITE, 0x5CCE2A0, 400),
            (DELETE, 0x5CCE2A0, 0),
        ],
    ),
    "ltrace": Sample(
        b"__libc_start_main(0x401136, 1 <unfinished ...>\nmalloc(24)            = 0x55a0\n"
        b"[pid 71] ls->realloc(0x55a0, 48) = 0x66b0\ncalloc(3, 5) = 0x77c0\n"
        b"free(0x66b0)   = <void>\n"
        b'free(0) = <void>\nputs("x") = 2\nrealloc(0x77c0, 20) = 0x77c0\n'
        b"+++ exited (status 0) +++\n",
        [
            (WRITE, 0x55A0, 24),
            (DELETE, 0x55A0, 0),
            (WRITE, 0x66B0, 48),
            (WRITE, 0x77C0, 15),
            (DELETE, 0x66B0, 0),
            (LOOKUP, 0x77C0, 0),
            (WRITE, 0x77C0, 20),
        ],
    ),
    "mtrace": Sample(
        b"= Start\n@ ./a.out:(main+0x1c)[0x400b6e] + 0x1b9e010 0x64\n@ ./a.out:[0x4] < 0x1b9e010\n"
        b"@ ./a.out:[0x4] > 0x1b9f000 0x80\n@ ./a.out:[0x4] - 0x1b9f000\n= End\n",
        [
            (WRITE, 0x1B9E010, 0x64),
            (DELETE, 0x1B9E010, 0),
            (WRITE, 0x1B9F000, 0x80),
            (DELETE, 0x1B9F000, 0),
        ],
    ),
    "strace": Sample(
        b'execve("/bin/ls", ["ls"], 0x7ffd /* 20 vars */) = 0\nread(3, "\\177ELF", 832) = 832\n'
        b'[pid 12] openat(AT_FDCWD, "/etc/ld.so.cache", O_RDONLY|O_CLOEXEC) = 3\n'
        b'12 14:03:01 stat("/lost", 0x7ffd) = -1 ENOENT (No such file or directory)\n'
        b'[pid 13] openat(4</usr>, "new", O_WRONLY|O_CREAT, 0666 <unfinished ...>\n'
        b"[pid 12] close(3) = 0\n[pid 13] <... openat resumed>) = 5</usr/new>\n"
        b'rename("/a", "/b") = 0\nunlinkat(AT_FDCWD, "/b", 0) = 0\n'
        b'newfstatat(3, "", {st_mode=S_IFREG|0644, st_size=1, ...}, AT_EMPTY_PATH) = 0\n'
        b"--- SIGCHLD {si_signo=SIGCHLD} ---\n+++ exited with 0 +++\n",
        [
            (READ, "/bin/ls", 144),
            (READ, "/etc/ld.so.cache", 144),
            (LOOKUP, "/lost", 0),
            (WRITE, "/usr/new", 144),
            (DELETE, "/a", 0),
            (WRITE, "/b", 144),
            (DELETE, "/b", 0),
        ],
    ),
    "path-lookups": Sample(
        b"n\t/etc/ld.so.preload\ng\t/etc/ld so\nc\t/srv/x\nr\t/srv/x\t/srv/y\nu\t/srv/y\n",
        [
            (LOOKUP, "/etc/ld.so.preload", 0),
            (READ, "/etc/ld so", 144),
            (WRITE, "/srv/x", 144),
            (DELETE, "/srv/x", 0),
            (WRITE, "/srv/y", 144),
            (DELETE, "/srv/y", 0),
        ],
    ),
    "git-object-walk": Sample(
        _WALK, [(READ, "fe" * 20, 8), (READ, "01" * 20, 8), (READ, "fe" * 20, 8)]
    ),
    "package-index": Sample(
        b"P 0ad\nV 0.0.26-3\nR libc6 libc6\nI game\n",
        [(WRITE, "0ad", 8), (LOOKUP, "libc6", 0), (LOOKUP, "libc6", 0), (WRITE, "game", 16)],
    ),
    "words": Sample(
        b"Well, Prince: it's\n\nwell.\n",
        [
            each
            for word in ("well", "prince", "it's", "well")
            for each in ((LOOKUP, word, 0), (WRITE, word, 8))
        ],
        False,
    ),
    "tokens": Sample(
        "\ufeffß été,\n".encode(),
        [each for word in ("ß", "été,") for each in ((LOOKUP, word, 0), (WRITE, word, 8))],
        False,
    ),
    "lines": Sample(
        '\ufeff http://a/ü,"b" \r\n\r\nhttp://c'.encode(),
        [(READ, 'http://a/ü,"b"', 8), (READ, "http://c", 8)],
        False,
    ),
}
