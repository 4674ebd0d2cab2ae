"""From what a target holds to pictures: values where there can be any, and notes where there cannot."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import gradviz as gv
from gradviz.cli import streams
from gradviz.cli.failure import without_place
from gradviz.cli.load import check_known, check_taken, has, taken_by
from gradviz.cli.variables import Drawable
from gradviz.core.graph import Graph, Node
from gradviz.draw.picture import Picture
from gradviz.errors import GraphError, UsageError
from gradviz.figures.backprop import shown_gradients
from gradviz.passes.given import without_value
from gradviz.passes.values import Values

_MOST_NAMES = 5
_MOST_NUMBERS = 64


@dataclass(frozen=True)
class Look:
    """The options of a figure, as `gradviz.figure` takes them; None for what was not asked for."""

    view: str | None = None
    labels: str | None = None
    leaves: str | None = None
    theme: str | None = None
    direction: str | None = None
    path: str | None = None

    def given(self) -> dict[str, Any]:
        """Return the options that were asked for, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass
class Drawn:
    """A picture, and what there is to say about it."""

    name: str
    picture: Picture
    only: bool
    graph: Graph | None = None
    values: Values | None = None
    notes: list[str] = field(default_factory=list)

    def facts(self) -> dict[str, Any]:
        """Return what a program may want to know of the figure, for `--json`."""
        facts: dict[str, Any] = {"figure": self.name}
        if self.graph is not None:
            facts |= {"nodes": len(self.graph), "edges": sum(map(len, self.graph.args))}
        if self.values is not None:
            outputs = self.graph.outputs if self.graph is not None else {}
            facts["outputs"] = {name: plain(self.values.forward[index]) for name, index in outputs.items()}
            facts["gradients"] = {name: plain(value) for name, value in self.values.grad.items()}
        return facts | {"notes": self.notes}


def plain(value: Any) -> Any:
    """Return a value as JSON has it: NaN and infinities as text, a big array as its shape."""
    array = np.asarray(value)
    if array.size > _MOST_NUMBERS:
        return {"shape": list(array.shape)}
    return _finite(array.tolist())


def _finite(value: Any) -> Any:
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


def draw(drawables: Sequence[Drawable], at: Mapping[str, Any], with_values: bool, look: Look) -> list[Drawn]:
    """Make the picture of everything that was found.

    Raises:
        UsageError: for a value of a leaf that no graph has, or an option that a picture of the script does not take.
        GradvizError: for a value of the wrong shape, or a figure that cannot be drawn.
    """
    graphs = [drawable.thing for drawable in drawables if isinstance(drawable.thing, Graph)]
    check_taken(at, graphs)
    ignored = [f"--{name}" for name in look.given()] + ["--no-values"] * (not with_values)
    if ignored and not graphs:
        raise UsageError(f"{', '.join(ignored)}: a picture that the script has made stays as it is")
    if look.path:
        check_known(look.path, graphs, "--path")
    with without_place():
        return [_draw_one(drawable, at, with_values, look) for drawable in drawables]


def say_notes(drawn: Iterable[Drawn]) -> None:
    """Write the notes about figures to stderr."""
    for item in drawn:
        for note in item.notes:
            streams.say(f"{item.name}: {note}")


def _draw_one(drawable: Drawable, at: Mapping[str, Any], with_values: bool, look: Look) -> Drawn:
    if not isinstance(drawable.thing, Graph):
        return Drawn(drawable.name, drawable.thing, drawable.only)
    graph, values = drawable.thing, None
    path = look.path if look.path and has(graph, look.path) else ""
    options = look.given() | {"path": path}
    notes: list[str] = []
    if with_values:
        values, notes = _compute(graph, taken_by(graph, at), path)
    if values is None and look.labels in {"numeric", "both"}:
        options["labels"] = "symbolic"
        notes.append("without values the derivatives are written in symbols")
    picture = gv.figure(graph, values=values or False, title=drawable.title, **options)
    return Drawn(drawable.name, picture, drawable.only, graph, values, notes)


def _compute(graph: Graph, at: Mapping[str, Any], path: str) -> tuple[Values | None, list[str]]:
    """Return the values, as far as there can be any, and why there are not more."""
    missing = without_value(graph, at)
    if missing:
        return None, [_missing(missing)]
    notes = []
    try:
        values = gv.backprop(graph, at=at, wrt=shown_gradients(graph, path))
    except GraphError as error:
        values = gv.evaluate(graph, at=at)
        notes.append(f"drawn without gradients: {error.what}")
    if values.first_nonfinite:
        notes.append(values.first_nonfinite)
    return values, notes


def _missing(leaves: Sequence[Node]) -> str:
    """Say which leaves lack a value, and how to give them one."""
    names = [leaf.path for leaf in leaves[:_MOST_NAMES]]
    rest = f" and {len(leaves) - _MOST_NAMES} more" if len(leaves) > _MOST_NAMES else ""
    verb = "has" if len(leaves) == 1 else "have"
    return f"drawn without values: {', '.join(names)}{rest} {verb} none (give them: --at {names[0]}=0.5)"


def draw_frames(item: Drawn, at: Mapping[str, Any], look: Look, by: str) -> tuple[Picture, ...]:
    """Make the frames of what was drawn.

    Raises:
        UsageError: for a picture that the script has made, which has no steps.
        GradvizError: for a graph whose backpropagation cannot be done.
    """
    graph = _graph_of(item)
    return gv.frames(graph, taken_by(graph, at), by=by, **look.given())


def draw_worksheet(
    item: Drawn, at: Mapping[str, Any], look: Look, blank: Sequence[str], seed: int | None
) -> tuple[Picture, Picture]:
    """Make the worksheet of what was drawn, and its key.

    Raises:
        UsageError, GradvizError: as `draw_frames`.
    """
    graph = _graph_of(item)
    return gv.worksheet(graph, taken_by(graph, at), blank=blank, seed=seed, **look.given())


def _graph_of(item: Drawn) -> Graph:
    if item.graph is None:
        raise UsageError(f"{item.name} is a picture that the script has made; it has no steps")
    return item.graph
