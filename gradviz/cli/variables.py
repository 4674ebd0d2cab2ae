"""Which of a script's variables are to be drawn: graphs, nodes that feed no other, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gradviz.cli.failure import without_place
from gradviz.core.build import Expr, graph, roots
from gradviz.core.graph import Graph
from gradviz.core.replay import replay
from gradviz.draw.picture import Picture
from gradviz.errors import ScriptError, did_you_mean


@dataclass(frozen=True)
class Drawable:
    """Something to draw, and what it is called.

    Attributes:
        name: the variable or the output that it is; "expression" for an expression.
        title: the title of its picture, "" for the names of its outputs.
        thing: a graph to make a picture of, or a picture that the script has made.
        only: whether it is all that the target has, so that its file needs no name of its own.
    """

    name: str
    title: str
    thing: Graph | Picture
    only: bool


def pick(variables: Mapping[str, object], name: str, script: str) -> Drawable:
    """Return one variable by name, or one output of the graph that has an output of this name."""
    value = variables[name] if name in variables else _output(variables, name, script)
    if isinstance(value, Expr):
        with without_place():
            value = graph(value)
    if not isinstance(value, (Graph, Picture)):
        raise ScriptError(f"{name!r} in {script} is no node, graph or picture, but of type {type(value).__name__}")
    return Drawable(name, name, value, only=False)


def _output(variables: Mapping[str, object], name: str, script: str) -> Graph:
    graphs = {id(value): value for value in variables.values() if isinstance(value, Graph)}.values()
    having = [one for one in graphs if name in one.outputs]
    if not having:
        known = [*variables, *(output for one in graphs for output in one.outputs)]
        otherwise = f"there is {', '.join(known[:8])}" if known else "there is no graph in it at all"
        raise ScriptError(f"{script} has no variable {name!r}", hint=did_you_mean(name, known, otherwise))
    if len(having) > 1:
        raise ScriptError(f"{len(having)} graphs in {script} have an output {name!r}", hint="give it a variable")
    with without_place():
        return graph(**{name: replay(having[0])[having[0].outputs[name]]})


def drawables(variables: Mapping[str, object], script: str) -> list[Drawable]:
    """Return the graphs and the roots that are not in them already; else the pictures."""
    public = {name: value for name, value in variables.items() if name.isidentifier() and not name.startswith("_")}
    graphs: dict[str, Graph] = {}
    for name, value in public.items():
        if isinstance(value, Graph) and not any(value is other for other in graphs.values()):
            graphs[name] = value
    known: dict[object, int] = {}
    covered = {number for made in graphs.values() for number in _numbers(made, known)}
    beginnings = roots(public)
    leaves = [name for name, root in beginnings.items() if root.tape.rows[root.id].op.leaf]
    with without_place():
        for name, root in beginnings.items():
            made = graph(root)
            if not leaves and _numbers(made, known)[next(iter(made.outputs.values()))] not in covered:
                graphs[name] = made
    pictures = {name: value for name, value in public.items() if isinstance(value, Picture)}
    found: Mapping[str, Graph | Picture] = graphs or pictures
    if not found and leaves:
        raise ScriptError(
            f"there are only leaves in {script}: {', '.join(leaves)}",
            hint="what is computed from them must be in a variable of the module, not in a list or function: loss = …",
        )
    if not found:
        raise ScriptError(
            f"there is no graph in {script}",
            hint="a variable of the module that holds a node becomes a figure: loss = …",
        )
    order = [name for name in public if name in found]
    titles = {name: "" if isinstance(public[name], Graph) else name for name in order}  # a graph has its outputs' names
    return [Drawable(name, titles[name], found[name], only=len(order) == 1) for name in order]


def _numbers(made: Graph, known: dict[object, int]) -> list[int]:
    """Return a number for each node that is the same wherever graphs share it.

    Graphs are numbered anew when they are frozen, but share the rows of the tape they come from.
    """
    numbers: list[int] = []
    for index, (row, args) in enumerate(zip(made.rows, made.args, strict=True)):
        key = (id(row), id(made.given.get(index)), made.names.get(index), *(numbers[arg] for arg in args))
        numbers.append(known.setdefault(key, len(known)))
    return numbers
