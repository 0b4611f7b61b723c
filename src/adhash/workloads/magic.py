"""What a file is, told by its first bytes rather than by its name."""

from __future__ import annotations

from typing import Literal

from adhash.errors import StorageError, TraceError

Format = Literal["csv", "parquet", "arrow-file", "arrow-stream"]
Compression = Literal["", "gzip", "zstd", "xz"]

#: Enough bytes to tell every format below from every other.
MAGIC_BYTES = 8

_COMPRESSIONS: dict[bytes, Compression] = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ\x00": "xz",
}
# A skippable frame of zstd starts with any of 16 magic numbers and carries no content of its own.
_ZSTD_SKIPPABLE = {bytes([0x50 + low]) + b"\x2a\x4d\x18" for low in range(16)}

_COLUMN_FORMATS: dict[bytes, Format] = {
    b"PAR1": "parquet",
    b"ARROW1": "arrow-file",
    b"\xff\xff\xff\xff": "arrow-stream",
}

_REFUSED = {
    b"BZh": "bzip2 data",
    b"PK\x03\x04": "a zip archive",
    b"\x04\x22\x4d\x18": "lz4 data",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"\x89PNG": "a PNG image",
    b"\x7fELF": "a program",
    b"SQLite f": "an SQLite database",
}

_SUFFIXES = {
    ".gz": "gzip",
    ".zst": "zstd",
    ".xz": "xz",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}


def compression_of(start: bytes) -> Compression:
    """Return the compression that `start`, the first bytes of a file, announces; "" for none."""
    if start[:4] in _ZSTD_SKIPPABLE:
        return "zstd"
    for magic, compression in _COMPRESSIONS.items():
        if start.startswith(magic):
            return compression
    return ""


def format_of(start: bytes) -> Format:
    """Return the format that `start`, the first bytes of uncompressed content, announces."""
    for magic, column_format in _COLUMN_FORMATS.items():
        if start.startswith(magic):
            return column_format
    return "csv"


def is_cut_magic(start: bytes, compression: Compression) -> bool:
    """Return whether `start` is a frame's magic number that ends too early."""
    magics = [magic for magic, name in _COMPRESSIONS.items() if name == compression]
    return any(len(start) < len(magic) and magic.startswith(start) for magic in magics)


def refuse_foreign(start: bytes, name: str) -> None:
    """Refuse content that is recognisably something else than a trace.

    Parameters
    ----------
    start : bytes
        The first bytes of the content.
    name : str
        The trace as the user named it.

    Raises
    ------
    TraceError
        Where `start` belongs to an archive, a picture, UTF-16 text or the like.
    """
    for magic, what in _REFUSED.items():
        if start.startswith(magic):
            raise TraceError(
                f"{name} is {what}, not a trace",
                hint="give CSV in UTF-8, Parquet or Arrow IPC; compressed as gz, zst or xz, or not",
                file=name,
                value=repr(start),
            )


def check_suffix(name: str, start: bytes) -> None:
    """Refuse a file whose name promises a format that its content, plain text, does not have.

    Parameters
    ----------
    name : str
        The trace as the user named it.
    start : bytes
        The first bytes of the file; compressed or column formats have been ruled out.

    Raises
    ------
    StorageError
        Where a compressed file was cut inside its first magic number.
    TraceError
        Where the name says one thing and the content another.
    """
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    promised = _SUFFIXES.get(suffix)
    if promised is None:
        return
    if promised in ("gzip", "zstd", "xz") and is_cut_magic(start, promised):  # type: ignore[arg-type]
        raise StorageError(
            f"{name} is cut short: it ends inside the {promised} header, at byte {len(start)}",
            hint="copy or compress the trace again",
        )
    raise TraceError(
        f"{name} is named {suffix} but does not contain {promised}: it starts with {start!r}",
        hint=f"rename it to .csv if it is CSV, or write it as {promised} again",
        file=name,
        value=repr(start),
    )
