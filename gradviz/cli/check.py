"""`gradviz check`: whether every derivative is right."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

import click

import gradviz as gv
from gradviz.cli import COMMANDS, streams
from gradviz.cli.failure import FAILED
from gradviz.cli.load import load_graphs, parse_target
from gradviz.cli.options import EPILOG, ScriptCommand, output_option, script_args, target_options
from gradviz.cli.outputs import Output, said_format, write
from gradviz.cli.points import parse_at
from gradviz.cli.tables import show
from gradviz.terminal.progress import progress_bar

_FORMATS = {"md": "markdown", "json": "json"}


@dataclass(frozen=True)
class Checked:
    """A graph's name and what was found."""

    name: str
    report: gv.Report


@click.command("check", cls=ScriptCommand, help=COMMANDS["check"], epilog=EPILOG)
@target_options
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the random directions.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    help="How long SymPy may take for each graph's proofs, and again for its whole formula; 10 by default.",
)
@click.option("--every", is_flag=True, help="A row for every edge, also in a big graph.")
@click.option("--json", "as_json", is_flag=True, help="Answer with JSON.")
@output_option("Write the answer to a file: .md or .json.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    target: str | None,
    expression: str | None,
    points: tuple[str, ...],
    seed: int,
    seconds: float,
    every: bool,
    as_json: bool,
    output: str | None,
) -> None:
    """Check, print a table for each graph, and fail if anything is wrong."""
    wanted = parse_target(target, expression, script_args())
    file = Output.here(output, said_format(output, _FORMATS)) if output else None
    answer = streams.take_stdout()
    at = parse_at(points)
    checked = [_check(name, graph, given, seed, seconds) for name, graph, given in load_graphs(wanted, at)]
    if file is not None:
        text = _json(checked, every) if file.format == "json" else _markdown(checked, every)
        write([(file, text.encode())])
    if as_json:
        print(_json(checked, every), file=answer)
    else:
        _print(checked, every, answer)
    if not all(one.report.ok for one in checked):
        ctx.exit(FAILED)


def _check(name: str, graph: gv.Graph, at: Mapping[str, Any], seed: int, seconds: float) -> Checked:
    with progress_bar() as tell:
        return Checked(name, gv.check(graph, at, seed=seed, seconds=seconds, progress=tell))


def _json(checked: Sequence[Checked], every: bool) -> str:
    facts = [{"graph": one.name} | json.loads(one.report.to_json(every)) for one in checked]
    return json.dumps(facts, indent=2, ensure_ascii=False)


def _markdown(checked: Sequence[Checked], every: bool) -> str:
    return "\n".join(f"## {one.name}\n\n{one.report.to_markdown(every)}" for one in checked)


def _print(checked: Sequence[Checked], every: bool, answer: TextIO) -> None:
    from gradviz.terminal.check import report_tables

    for place, one in enumerate(checked):
        show(report_tables(one.report, one.name, every), answer, gap=place > 0)
