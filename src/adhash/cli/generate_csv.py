"""``adhash generate-csv``: write a trace of a chosen character."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from adhash.cli.output import JsonOption, print_json
from adhash.errors import BadInputError

if TYPE_CHECKING:
    from adhash.workloads.generators import TraceSpec
    from adhash.workloads.key_spaces import KeySpace

_DEFAULT_ROWS = 1_000_000
_DEFAULT_KEYS = 1_000_000
_DEFAULT_COLLIDING_KEYS = 10_000

Out = Annotated[
    str,
    typer.Option(
        "--out",
        "-o",
        help="The trace: .csv, .csv.gz, .csv.zst, .csv.xz, .parquet, .arrow; - is stdout.",
    ),
]
Rows = Annotated[
    int | None,
    typer.Option(help="Operations [1,000,000; with --adversarial, twice its keys].", min=1),
]
Keys = Annotated[int | None, typer.Option(help="Size of the key space [1,000,000].", min=1)]
Distribution = Annotated[str, typer.Option(help="uniform, zipf or sequential (a queue).")]
Exponent = Annotated[float, typer.Option(help="Exponent of the Zipf distribution, at least 0.")]
Get = Annotated[float, typer.Option("--get", help="Share of gets; proportions count.")]
Put = Annotated[float, typer.Option("--put", help="Share of puts.")]
Del = Annotated[float, typer.Option("--del", help="Share of deletes (of keys put before).")]
Preload = Annotated[
    int | None, typer.Option(help="Put so many keys first, as part of the rows [0].", min=0)
]
KeyType = Annotated[str, typer.Option(help="int64, uint64 or str.")]
KeyBits = Annotated[int, typer.Option(help="Integer keys are below 2**BITS; 0: all bits.")]
KeyLength = Annotated[int, typer.Option(help="Characters of a string key.")]
ValueLength = Annotated[int, typer.Option(help="Characters of a value; 0: integers.")]
Dense = Annotated[bool, typer.Option("--dense", help="Keys 0, 1, 2, ... instead of scattered.")]
Seed = Annotated[int, typer.Option(help="Same seed and options, same trace.")]
Adversarial = Annotated[
    str, typer.Option(metavar="ENGINE", help="Keys that collide in this engine.")
]
HashSeed = Annotated[int, typer.Option(help="The hash seed of the map that --adversarial aims at.")]
Count = Annotated[
    int | None, typer.Option(help="How many colliding keys [10,000]; with --adversarial.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing file.")]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("generate-csv")(generate_csv)


def generate_csv(
    *,
    out: Out,
    rows: Rows = None,
    keys: Keys = None,
    distribution: Distribution = "uniform",
    exponent: Exponent = 0.99,
    get_share: Get = 75.0,
    put_share: Put = 20.0,
    delete_share: Del = 5.0,
    preload: Preload = None,
    key_type: KeyType = "int64",
    key_bits: KeyBits = 0,
    key_length: KeyLength = 16,
    value_length: ValueLength = 0,
    dense: Dense = False,
    seed: Seed = 1,
    adversarial: Adversarial = "",
    hash_seed: HashSeed = 0,
    count: Count = None,
    force: Force = False,
    as_json: JsonOption = False,
) -> None:
    """Write a generated trace."""
    from adhash.workloads.generators import TraceSpec

    if as_json and out == "-":
        raise BadInputError("--json and --out - both want standard output", hint="name a file")
    keys, preload, default_rows = _sizes(adversarial, keys=keys, count=count, preload=preload)
    spec = TraceSpec(
        rows=rows or default_rows,
        keys=keys,
        distribution=distribution,
        exponent=exponent,
        get=get_share,
        put=put_share,
        delete=delete_share,
        preload=preload,
        key_type=key_type,
        key_bits=key_bits,
        key_length=key_length,
        value_length=value_length,
        dense=dense,
        seed=seed,
    )
    _write(spec, _key_space(spec, adversarial, hash_seed), out, force=force)
    _report(spec, out, as_json=as_json)


def _sizes(
    adversarial: str, *, keys: int | None, count: int | None, preload: int | None
) -> tuple[int, int, int]:
    """Return the number of keys, how many of them to preload, and the default number of rows."""
    if not adversarial:
        if count is not None:
            raise BadInputError("--count needs --adversarial", hint="use --keys or --rows")
        return keys or _DEFAULT_KEYS, preload or 0, _DEFAULT_ROWS
    if keys is not None:
        raise BadInputError("--adversarial chooses the keys itself", hint="use --count, not --keys")
    count = _DEFAULT_COLLIDING_KEYS if count is None else count
    return count, count if preload is None else preload, 2 * count


def _key_space(spec: TraceSpec, adversarial: str, hash_seed: int) -> KeySpace | None:
    if not adversarial:
        return None
    from adhash.workloads.adversarial import colliding_key_space

    return colliding_key_space(
        adversarial, hash_seed=hash_seed, count=spec.keys, key_type=spec.key_type
    )


def _write(spec: TraceSpec, key_space: KeySpace | None, out: str, *, force: bool) -> None:
    from adhash.workloads.batch_output import write_trace
    from adhash.workloads.generators import generate, trace_schema

    with _progress(spec.rows) as on_rows:
        write_trace(
            generate(spec, key_space),
            trace_schema(spec, key_space),
            out,
            force=force,
            on_rows=on_rows,
        )


@contextlib.contextmanager
def _progress(rows: int) -> Iterator[Callable[[int], None] | None]:
    """Show a bar on a terminal, and none in a pipe."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("generating", total=rows)
        yield lambda done: bar.update(task, completed=done)


def _report(spec: TraceSpec, out: str, *, as_json: bool) -> None:
    if as_json:
        print_json("generate-csv", {"out": out, "rows": spec.rows, "keys": spec.keys})
    elif out != "-":
        print(f"{out}: {spec.rows:,} operations on a key space of {spec.keys:,} keys")
