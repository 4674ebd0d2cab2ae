"""The command line: one thin file a command. The only floor that prints or exits.

A command's module is imported when the command runs, so that `gradviz --help` answers at once. Every
error ends in `main`, which turns it into one line on stderr and an exit status: 0 done, 1 the check
or the user's script failed, 2 wrong usage, 130 interrupted, 141 the reader of a pipe has gone.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import click

from gradviz.cli import streams
from gradviz.cli.failure import report
from gradviz.errors import did_you_mean

COMMANDS = {
    "render": "Draw the graphs of a script, or of an expression.",
    "step": "Walk through backpropagation, step by step.",
    "serve": "Show the page of a script's graphs, and reload it when the script is saved.",
    "check": "Prove every derivative with SymPy, and compare every gradient with differences.",
    "explain": "Derive a gradient: the paths, the product along each, the sum.",
    "compile": "Write the graph of a script as NumPy source that stands alone.",
    "train": "Train the graph of a script on its data.",
    "worksheet": "Make a PDF of exercises in backpropagation, with their keys.",
    "examples": "List, show or copy the shipped examples.",
    "doctor": "Say what gradviz draws with here, and what is missing.",
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"gradviz.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            otherwise = "did you mean 'render'?" if "." in args[0] else f"there are {', '.join(COMMANDS)}"
            raise click.UsageError(f"no command {args[0]!r}; {did_you_mean(args[0], COMMANDS, otherwise)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"gradviz {importlib.import_module('gradviz').__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version.",
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Draw computation graphs as typeset figures, with every derivative on its edge.

    \b
      gradviz examples                          what there is to start from
      gradviz render script.py                  one SVG for every root in the script
      gradviz render -e "max(1 - w*x*y, 0)"     without a script
      gradviz step script.py                    walk through backpropagation
      gradviz serve script.py                   the same in a browser, while you write
      gradviz check script.py                   is every derivative right?
      gradviz explain script.py --wrt W         why has the gradient that value?
    """  # noqa: D301 - click keeps the lines apart that follow the character \\b, an escape
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    streams.harden()
    try:
        status = cli.main(args, prog_name="gradviz", standalone_mode=False)
        streams.finish()
    except BaseException as error:  # the boundary: nothing passes it as a traceback
        try:
            status = report(error)
        except OSError:  # stderr has gone as well
            status = 1
    streams.settle()
    return status if isinstance(status, int) else 0
