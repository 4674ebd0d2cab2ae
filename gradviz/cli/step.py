"""`gradviz step`: a walk through backpropagation, by keys in a terminal, else printed step by step."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import click

import gradviz as gv
from gradviz.cli import COMMANDS, streams
from gradviz.cli.drawing import plain
from gradviz.cli.failure import without_place
from gradviz.cli.keys import can_take_over, taken_over
from gradviz.cli.load import check_single, load_graphs, parse_target
from gradviz.cli.options import EPILOG, ScriptCommand, script_args, target_options
from gradviz.cli.outputs import Output
from gradviz.cli.points import parse_at
from gradviz.core.plain import tex_to_text
from gradviz.core.visible import visible
from gradviz.errors import GraphError
from gradviz.passes.steps import forward_steps
from gradviz.passes.walk import Walk

_MOST_SHOWN = 1000


@click.command("step", cls=ScriptCommand, help=COMMANDS["step"], epilog=EPILOG)
@target_options
@click.option("--rate", type=float, default=0.1, show_default=True, help="The step size of the update.")
@click.option("--rounds", type=click.IntRange(min=1), default=1, help="How often to go forward, backward and update.")
@click.option("--all", "printed", is_flag=True, help="Print all steps instead of walking through them.")
@click.option("--json", "as_json", is_flag=True, help="Answer with JSON.")
def command(
    *,
    target: str | None,
    expression: str | None,
    points: tuple[str, ...],
    rate: float,
    rounds: int,
    printed: bool,
    as_json: bool,
) -> None:
    """Walk through one graph at a terminal, or print the steps of all."""
    wanted = parse_target(target, expression, script_args())
    views = Output.here(f"{wanted.stem}.svg")
    interactive = not (printed or as_json)
    answer = streams.take_stdout()
    interactive = interactive and can_take_over(answer)
    graphs = load_graphs(wanted, parse_at(points))
    if interactive:
        check_single(wanted, [name for name, _, _ in graphs], "walked through")
    with without_place():
        walks = [(name, graph, at, _steps(name, graph, at, rate, rounds)) for name, graph, at in graphs]
    if interactive:
        (name, graph, at, steps) = walks[0]
        _walk(Walk(graph, steps, at), name, views, answer)
    elif as_json:
        facts = [{"graph": name, "steps": [_facts(graph, step) for step in steps]} for name, graph, _, steps in walks]
        print(json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False), file=answer)
    else:
        for place, (name, _, _, steps) in enumerate(walks):
            _print(name, steps, answer, gap=place > 0)


def _steps(name: str, graph: gv.Graph, at: Mapping[str, Any], rate: float, rounds: int) -> tuple[gv.Step, ...]:
    """Return the steps of a graph: those forward, where no backpropagation can start."""
    try:
        return gv.steps(graph, at, learning_rate=rate, rounds=rounds)
    except GraphError as error:
        found = forward_steps(gv.evaluate(graph, at))
        if len(graph.outputs) > 1 or not found:
            raise
        streams.say(f"{name}: forward alone: {error.what}")
        return found


def _walk(walk: Walk, name: str, views: Output, answer: TextIO) -> None:
    from gradviz.cli.stepper import Stepper
    from gradviz.terminal.step import Screen

    encoding = (answer.encoding or "ascii").lower().replace("-", "")
    screen = Screen(walk, name, ascii_only=not encoding.startswith("utf"))
    with taken_over(answer) as terminal:
        Stepper(walk, screen, terminal, views).run()


def _print(name: str, steps: Sequence[gv.Step], answer: TextIO, gap: bool) -> None:
    if gap:
        print(file=answer)
    print(visible(name), file=answer)
    width = len(str(len(steps)))
    for place, step in enumerate(steps, 1):
        line = f"{place:{width}} {step.phase:8} {tex_to_text(step.line)}"
        print(visible(line, _MOST_SHOWN), file=answer)


def _facts(graph: gv.Graph, step: gv.Step) -> dict[str, Any]:
    return {
        "phase": step.phase,
        "round": step.round,
        "node": graph.describe(step.node),
        "formula": tex_to_text(step.formula),
        "substituted": tex_to_text(step.substituted),
        "sentence": step.sentence,
        "before": None if step.before is None else plain(step.before),
        "after": plain(step.after),
    }
