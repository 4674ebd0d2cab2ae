"""What several commands take: a target, an expression, values, and arguments for the script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from gradviz.cli.outputs import STDOUT
from gradviz.errors import UsageError

Function = TypeVar("Function", bound=Callable[..., Any])

EPILOG = (
    "What follows -- is given to the script. Every root among the script's variables is one graph; NAME is a variable, "
    "or an output of a graph."
)
_SCRIPT_ARGS = "gradviz.script_args"


class ScriptCommand(click.Command):
    """A command that keeps what follows `--` for the script."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Part the command's own arguments from the script's."""
        if "--" in args:
            place = args.index("--")
            ctx.meta[_SCRIPT_ARGS] = args[place + 1 :]
            args = args[:place]
        return super().parse_args(ctx, args)


def script_args() -> Sequence[str]:
    """Return what follows `--` in the command that runs."""
    return click.get_current_context().meta.get(_SCRIPT_ARGS, ())  # type: ignore[no-any-return]


def target_options(command: Function) -> Function:
    """Give a command its target: a script, one of its variables, or an expression; and values for leaves."""
    for option in (
        click.option(
            "--at",
            "points",
            multiple=True,
            metavar="NAME=VALUE",
            help="A leaf's value: W=0.2,0.3 or W=[[1,2],[3,4]].",
        ),
        click.option("-e", "--expression", metavar="TEXT", help='An expression: "max(1 - w*x*y, 0)".'),
        click.argument("target", required=False, metavar="[SCRIPT.py[:NAME]]"),
    ):
        command = option(command)
    return command


def output_option(text: str, default: str | None = None) -> Callable[[Function], Function]:
    """Return the option of a command's file; a second file is refused, which click would take in place of the first."""

    def single(_context: click.Context, _option: click.Parameter, files: tuple[str, ...]) -> str | None:
        if len(files) > 1:
            raise UsageError(f"-o is given {len(files)} times: {', '.join(files)}", hint="run it once for each file")
        return files[0] if files else default

    shown = f"{text}  [default: {default}]" if default and default != STDOUT else text
    return click.option("-o", "--output", metavar="FILE", multiple=True, callback=single, help=shown)


def look_options(command: Function) -> Function:
    """Give a command the options of a figure's look; they arrive as the fields of `drawing.Look`."""
    from gradviz.draw.figure import VIEWS
    from gradviz.draw.layout import DIRECTIONS
    from gradviz.draw.theme import THEMES
    from gradviz.figures.backprop import LABELS, LEAVES

    seen = "Where the leaves are, seen from the root."
    lit = "Light the paths to a leaf, and write their products below."
    for option in (
        click.option("--path", metavar="NAME", help=lit),
        click.option("--leaves", type=click.Choice(LEAVES), help="Draw a shared leaf once, or at every use."),
        click.option("--direction", type=click.Choice(list(DIRECTIONS)), help=seen),
        click.option("--theme", type=click.Choice(list(THEMES)), help="The colors."),
        click.option("--labels", type=click.Choice(LABELS), help="The derivatives on the edges."),
        click.option("--view", type=click.Choice(list(VIEWS)), help="What kind of figure."),
    ):
        command = option(command)
    return command
