"""`gradviz compile`: a script's graph as source that stands alone: of NumPy, or of NumPy and Numba."""

from __future__ import annotations

from pathlib import Path

import click

import gradviz as gv
from gradviz.cli import COMMANDS, streams
from gradviz.cli.failure import without_place
from gradviz.cli.load import dtype_of, load_one, parse_target
from gradviz.cli.options import EPILOG, ScriptCommand, output_option, script_args, target_options
from gradviz.cli.outputs import STDOUT, Naming, write
from gradviz.cli.points import parse_at
from gradviz.compiler.printers import BACKENDS

DTYPES = ("float64", "float32")


@click.command("compile", cls=ScriptCommand, help=COMMANDS["compile"], epilog=EPILOG)
@target_options
@click.option("--batch", type=click.IntRange(min=1), help="For so many samples at once; by default for one, as drawn.")
@click.option("--dtype", type=click.Choice(DTYPES), help="Of all numbers; by default that of the graph.")
@click.option("--backend", type=click.Choice(BACKENDS), default="numpy", help="Calls of NumPy, or compiled loops.")
@output_option("Write the source to a file, or into a folder, not to stdout.", default=STDOUT)
def command(
    *,
    target: str | None,
    expression: str | None,
    points: tuple[str, ...],
    batch: int | None,
    dtype: str | None,
    backend: str,
    output: str,
) -> None:
    """Compile, and write the source."""
    wanted = parse_target(target, expression, script_args())
    naming = Naming.choose(f"{wanted.stem}_layer", output, ("py",), ("py",), Path.cwd())
    answer = streams.take_stdout()
    one = load_one(wanted, parse_at(points), "compiled")
    with without_place():
        source = gv.compile(one.graph, batch=batch, dtype=dtype or dtype_of(one.graph), backend=backend).source
    if naming.stdout:
        print(source.rstrip("\n"), file=answer)
        return
    naming.prepare()
    (file,) = naming.outputs("", only=True, several=False)
    write([(file, source.encode())])
    print(file.shown, file=answer)
