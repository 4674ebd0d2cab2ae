"""`gradviz train`: a script's graph learns from the script's data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TextIO

import click
import numpy as np

import gradviz as gv
from gradviz.cli import COMMANDS, streams
from gradviz.cli.failure import INTERRUPTED, without_place
from gradviz.cli.load import Loaded, dtype_of, load_one, parse_target
from gradviz.cli.options import EPILOG, ScriptCommand, output_option, script_args, target_options
from gradviz.cli.outputs import Output, as_shown, check_apart, said_format, spare_sources
from gradviz.cli.points import parse_at
from gradviz.cli.script import Script
from gradviz.cli.tables import print_table
from gradviz.compiler.optimizers import OPTIMIZERS
from gradviz.compiler.printers import BACKENDS
from gradviz.compiler.schedules import NAMES as SCHEDULES
from gradviz.compiler.weights import check_suffix
from gradviz.core.files import check_room
from gradviz.core.format import array_text
from gradviz.core.graph import Graph
from gradviz.core.primitive import DATA
from gradviz.draw.plot import FORMATS, need_matplotlib
from gradviz.errors import ScriptError, UsageError, did_you_mean

DATASET = "dataset"
VALIDATION = "validation"
TRAINING = "training"
BATCH = 32
EPOCHS = 100
OPTIONS = ("epochs", "batch_size", "learning_rate", "optimizer", "schedule", "patience", "seed")
"""What a script may choose for its training, by the names that `Layer.fit` has for them."""

_EPILOG = (
    f"The script's variable `{DATASET}` holds the samples: a dict of arrays by the names of the data leaves, the first "
    f"axis of which counts the samples; or a function that returns it. `{VALIDATION}`, if there is one, is alike. "
    f"Without a dataset the leaves' own values are the one sample. `{TRAINING}` may hold what `fit` shall be called "
    f"with; the options here overrule it. "
) + EPILOG


@click.command("train", cls=ScriptCommand, help=COMMANDS["train"], epilog=_EPILOG)
@target_options
@click.option("--epochs", type=click.IntRange(min=1), help=f"How often every sample is used; {EPOCHS}.")
@click.option("--batch", "batch_size", type=click.IntRange(min=1), help=f"Samples in a step: {BATCH}; 1 is online.")
@click.option(
    "--rate",
    "learning_rate",
    type=click.FloatRange(min=0, min_open=True),
    help="The learning rate: 0.01, for Adam 0.001.",
)
@click.option("--optimizer", type=click.Choice(list(OPTIMIZERS)), help="sgd, which is gradient descent, or another.")
@click.option("--schedule", type=click.Choice(list(SCHEDULES)), help="How the rate changes over the run.")
@click.option("--patience", type=click.IntRange(min=1), help="Stop after so many epochs that were no better.")
@click.option("--seed", type=click.IntRange(min=0), help="Of the order of the samples; 0.")
@click.option("--backend", type=click.Choice(BACKENDS), default="numpy", help="Calls of NumPy, or compiled loops.")
@click.option("--checkpoint", metavar="FILE", help="Save the training there, and go on from it.")
@output_option("Write the parameters: FILE.safetensors.")
@click.option("--plot", metavar="FILE", help="Draw the loss: .svg, .png or .pdf.")
@click.option("--json", "as_json", is_flag=True, help="Answer with JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    target: str | None,
    expression: str | None,
    points: tuple[str, ...],
    backend: str,
    checkpoint: str | None,
    output: str | None,
    plot: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Train, say how the loss went and what was learned, and write what was asked for."""
    wanted = parse_target(target, expression, script_args())
    named = [Output.here(one) if one else None for one in (output, plot, checkpoint)]
    weights, curve, saved = (file.path if file else None for file in named)
    files = [file for file in named if file]
    check_apart(files)
    if plot is not None:
        said_format(plot, {one: one for one in FORMATS}, option="--plot")
        need_matplotlib()
    with without_place():
        for parameters in (output, checkpoint):
            if parameters is not None:
                check_suffix(parameters)
    answer = streams.take_stdout()
    one = load_one(wanted, parse_at(points), "trained")
    spare_sources(files)
    layer, data, chosen = _prepare(one, wanted.script, options, backend)
    interrupted = False
    with without_place(), as_shown(files):
        for path in (weights, curve):  # else it would be found out after the training
            if path is not None:
                check_room(path, sum(one.nbytes for one in layer.parameters.values()))
        try:
            history = layer.fit(data, checkpoint=saved, **chosen)
        except gv.TrainingInterrupted as error:
            interrupted, history = True, error.history
        written = [path for path in (output, plot) if path]
        if weights is not None:
            layer.save(weights)
        if curve is not None:
            history.plot(curve)
    if interrupted:
        kept = f"; written: {', '.join(map(str, written))}" if written else ""
        streams.say(f"interrupted in epoch {history.epochs + 1} of {chosen['epochs']}{kept}")
        ctx.exit(INTERRUPTED)
    if as_json:
        print(json.dumps({"graph": one.name} | json.loads(history.to_json())), file=answer)
    else:
        _print(one.name, history, layer.parameters, written, answer)


def _prepare(
    one: Loaded, script: Script | None, options: Mapping[str, Any], backend: str
) -> tuple[gv.Layer, Any, dict[str, Any]]:
    """Return the layer, its samples, and what else `Layer.fit` is called with."""
    data, validation = (_samples(one.variables.get(name), script) for name in (DATASET, VALIDATION))
    chosen = _chosen(one.variables.get(TRAINING, {}), options)
    with without_place():
        _check_points(one.graph, one.at, data)
        if data is None:
            data, validation = _own_values(one.graph), None
            chosen = {"batch_size": 1} | chosen
        size = chosen.get("batch_size", BATCH)
        layer = gv.compile(one.graph, batch=size, dtype=dtype_of(one.graph), backend=backend)
    return layer, data, {"validation": validation} | chosen


def _samples(given: Any, script: Script | None) -> Any:
    """Return the samples that a script has, or has a function for: what takes long to load is loaded here only."""
    return script.call(given) if script is not None and callable(given) else given


def _chosen(training: object, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to train with: the script's choice, overruled by the options that were given.

    Raises:
        ScriptError: for a choice that is none of `OPTIONS`.
    """
    if not isinstance(training, Mapping):
        raise ScriptError(f"{TRAINING} is no dict, but of type {type(training).__name__}")
    for name in training:
        if name not in OPTIONS:
            raise ScriptError(f"{TRAINING} has {name!r}, which is no option", hint=did_you_mean(name, OPTIONS))
    return {"epochs": EPOCHS} | dict(training) | {name: value for name, value in options.items() if value is not None}


def _check_points(graph: Graph, at: Mapping[str, Any], data: object) -> None:
    """Refuse a value for a leaf that gets its values from the script's samples."""
    for name in at:
        if data is not None and graph.node(graph.find(name)).op is DATA:
            raise UsageError(f"--at {name}: its values come from the script's {DATASET}")


def _own_values(graph: Graph) -> dict[str, Any]:
    """Return the values that the data leaves have as one sample."""
    sample = {}
    for leaf in graph.leaves:
        if leaf.op is DATA:
            if leaf.value is None:
                raise ScriptError(
                    f"{leaf.path!r} has no value to train with",
                    hint=f"give it one, or the script a variable {DATASET} = {{{leaf.path!r}: …}}",
                )
            sample[leaf.path] = np.asarray(leaf.value)[np.newaxis]
    return sample


def _print(name: str, history: gv.History, parameters: Mapping[str, Any], written: list[str], answer: TextIO) -> None:
    print(f"{name}: {repr(history).removeprefix('<history: ').removesuffix('>')}", file=answer)
    rows = [[path, array_text(value)] for path, value in parameters.items()]
    print_table(["parameter", "value"], rows, file=answer)
    for path in written:
        print(path, file=answer)
