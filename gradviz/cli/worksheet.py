"""`gradviz worksheet`: a PDF of exercises, and their keys."""

from __future__ import annotations

import click

from gradviz.cli import COMMANDS, streams
from gradviz.cli.failure import without_place
from gradviz.cli.load import load_one, parse_target
from gradviz.cli.options import EPILOG, ScriptCommand, output_option, script_args
from gradviz.cli.outputs import Output, said_format, write
from gradviz.draw.exercises import exercises
from gradviz.draw.handout import handout_pdf
from gradviz.draw.raster import pdf_library
from gradviz.draw.theme import THEMES
from gradviz.draw.worksheet import BLANKS


@click.command("worksheet", cls=ScriptCommand, help=COMMANDS["worksheet"], epilog=EPILOG)
@click.argument("target", required=False, metavar="[SCRIPT.py[:NAME]]")
@click.option("-n", "count", type=click.IntRange(1, 100), default=6, show_default=True, help="How many exercises.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the numbers and graphs.")
@click.option("--blank", multiple=True, type=click.Choice(list(BLANKS)), help="What is left out; f and g without it.")
@click.option("--theme", type=click.Choice(list(THEMES)), default="print", show_default=True, help="The colors.")
@output_option("The PDF.", default="worksheet.pdf")
def command(*, target: str | None, count: int, seed: int, blank: tuple[str, ...], theme: str, output: str) -> None:
    """Draw exercises over one graph with random values; over small random graphs without a script."""
    file = Output.here(output, said_format(output, {"pdf": "pdf"}))
    pdf_library()  # if there is none, the user is told before anything is drawn
    answer = streams.take_stdout()
    graph = None
    if target is not None:
        graph = load_one(parse_target(target, None, script_args()), {}, "made exercises of").graph
    with without_place():
        pairs = exercises(graph, count, seed=seed, blank=blank or ("f", "g"), theme=theme)
        data = handout_pdf(pairs)
    write([(file, data)])
    print(output, file=answer)
