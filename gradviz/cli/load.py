"""What a target means: a script, one variable of a script, or an expression; and its graphs, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradviz as gv
from gradviz.cli.failure import without_place
from gradviz.cli.script import Script
from gradviz.cli.variables import Drawable, drawables, pick
from gradviz.core.build import Expr
from gradviz.core.graph import Graph
from gradviz.core.primitive import CONSTANT
from gradviz.draw.picture import Picture
from gradviz.errors import GraphError, ScriptError, UsageError
from gradviz.passes.given import with_values


@dataclass(frozen=True)
class Target:
    """What is to be drawn, before anything has run."""

    stem: str
    script: Script | None = None
    name: str | None = None
    expression: str = ""

    def load(self, at: Mapping[str, object]) -> list[Drawable]:
        """Run the script, or read the expression, and return what there is to draw.

        The values in ``at`` give the names of an expression their shapes.

        Raises:
            GradvizError: for a script that fails or holds no graph, or a text that is no expression.
        """
        return self.load_with_variables(at)[0]

    def load_with_variables(self, at: Mapping[str, object]) -> tuple[list[Drawable], Mapping[str, Any]]:
        """Return what there is to draw, and all variables of the script; none for an expression.

        Raises:
            GradvizError: as `load`.
        """
        if self.script is None:
            with without_place():
                made = gv.from_expression(self.expression, at=at)
                return [Drawable("expression", self.expression.strip(), made, only=True)], {}
        everything = self.script.run()
        variables = {
            name: value
            for name, value in everything.items()
            if isinstance(value, (Expr, Graph, Picture)) or name == self.name
        }
        if self.name is not None:
            return [pick(variables, self.name, str(self.script.given))], everything
        return drawables(variables, str(self.script.given)), everything


def parse_target(text: str | None, expression: str | None, args: Sequence[str] = ()) -> Target:
    """Read TARGET and -e, of which exactly one must be given.

    Raises:
        UsageError: for none, both, or a name that cannot be a variable's.
    """
    if (text is None) == (expression is None):
        raise UsageError("give a script, or an expression with -e", hint="gradviz render script.py")
    if expression is not None:
        if args:
            raise UsageError("arguments after -- are for a script, and there is none")
        return Target(stem="expression", expression=expression)
    assert text is not None
    path, colon, name = text.rpartition(":")
    if not colon or Path(text).exists() or "/" in name or "\\" in name:
        return Target(stem=Path(text).stem, script=Script(Path(text), args))
    if not name.isidentifier():
        raise UsageError(f"{name!r} cannot be the name of a variable", hint="gradviz render script.py:loss")
    return Target(stem=Path(path).stem, script=Script(Path(path), args), name=name)


def load_graphs(target: Target, at: Mapping[str, Any]) -> list[tuple[str, Graph, dict[str, Any]]]:
    """Return every graph of a target with its name and those values that it has leaves for.

    Raises:
        GradvizError: as `Target.load`; also for a value that no graph takes, or a target of pictures only.
    """
    graphs = _graphs_among(target.load(at))
    check_taken(at, list(graphs.values()))
    found = [(name, graph, taken_by(graph, at)) for name, graph in graphs.items()]
    with without_place():
        for _, graph, taken in found:
            with_values(graph, taken)  # what does not fit is told here, where no line of a script has to do with it
    return found


def _graphs_among(found: Sequence[Drawable]) -> dict[str, Graph]:
    graphs = {one.name: one.thing for one in found if isinstance(one.thing, Graph)}
    if not graphs:
        raise ScriptError("there are pictures here, but no graph", hint="a variable that holds a node is one")
    return graphs


def check_single(target: Target, names: Iterable[str], done: str) -> None:
    """Refuse several graphs of a target where only one will do.

    Args:
        target: what was loaded.
        names: of its graphs.
        done: what is done to one graph only: "trained".

    Raises:
        UsageError: listing them.
    """
    first, *others = names
    if others and target.script is not None:
        what = f"there are {1 + len(others)} graphs: {', '.join((first, *others))}; one can be {done}"
        raise UsageError(what, hint=f"name it: {target.script.given}:{first}")


@dataclass(frozen=True)
class Loaded:
    """The one graph of a target.

    Attributes:
        name: the variable that holds it.
        graph: the graph, its leaves with the values that were given.
        at: these values.
        variables: of the script.
    """

    name: str
    graph: Graph
    at: Mapping[str, Any]
    variables: Mapping[str, Any]


def load_one(target: Target, at: Mapping[str, Any], done: str) -> Loaded:
    """Return the one graph of a target.

    Args:
        target: what is to be loaded.
        at: values for its leaves.
        done: as `check_single` takes it.

    Raises:
        GradvizError: as `load_graphs`; also where there are several.
    """
    found, variables = target.load_with_variables(at)
    graphs = _graphs_among(found)
    check_single(target, graphs, done)
    name, graph = graphs.popitem()
    check_taken(at, [graph])
    with without_place():
        return Loaded(name, with_values(graph, at), at, variables)


def check_taken(at: Mapping[str, Any], graphs: Sequence[Graph]) -> None:
    """Refuse a value for a leaf that is in none of the graphs.

    Raises:
        UsageError: naming it.
    """
    if at and not graphs:
        raise UsageError(f"--at {next(iter(at))}: a picture that the script has made takes no values")
    for name in at:
        check_known(name, graphs, "--at")


def check_known(name: str, graphs: Sequence[Graph], option: str) -> None:
    """Refuse a name that no node of any graph has.

    Raises:
        UsageError: naming it and the option that it was given with.
    """
    reasons = [reason for graph in graphs if (reason := _missing(graph, name))]
    if reasons and len(reasons) == len(graphs):
        raise UsageError(f"{option} {name}: {reasons[0].what}", hint=reasons[0].hint)


def taken_by(graph: Graph, at: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the values that a graph has nodes for."""
    return {name: value for name, value in at.items() if has(graph, name)}


def has(graph: Graph, name: str) -> bool:
    """Whether a graph has a node of this name."""
    return _missing(graph, name) is None


def dtype_of(graph: Graph) -> str:
    """Return the dtype that a graph's layer computes with: float32 if no leaf has more digits."""
    floats = [leaf.dtype for leaf in graph.leaves if leaf.op is not CONSTANT and leaf.dtype.kind == "f"]
    return "float32" if floats and all(dtype.itemsize <= 4 for dtype in floats) else "float64"


def _missing(graph: Graph, name: str) -> GraphError | None:
    try:
        graph.find(name)
    except GraphError as error:
        return error
    return None
