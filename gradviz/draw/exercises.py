"""Exercises: worksheets of graphs with numbers that are easy by hand, and their keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradviz.core.expr import Expr
from gradviz.core.graph import Graph
from gradviz.core.unroll import as_graph
from gradviz.draw.picture import Picture
from gradviz.draw.worksheet import worksheet
from gradviz.passes.easy import easy_points


def exercises(
    graph: Graph | Expr | None, count: int, *, seed: int = 0, blank: Sequence[str] = ("f", "g"), **look: Any
) -> list[tuple[Picture, Picture]]:
    """Draw exercises in backpropagation, each with its key.

    The leaves get small whole numbers that make the numbers of the whole graph short.

    Args:
        graph: a graph or a node, of which the output is a single number; None for small random graphs of
            sums, products, squares and maxima.
        count: how many.
        seed: of the values and the graphs.
        blank: what is left out, as `worksheet` takes it.
        look: as `worksheet` takes it.

    Raises:
        UsageError: for no exercises, or more than there are.
        GraphError: for an output that is no single number.

    Example:
        >>> pairs = exercises(None, 2, seed=1)
        >>> [len(sheet.scene.blanks) > 0 for sheet, key in pairs]
        [True, True]
    """
    points = easy_points(None if graph is None else as_graph(graph), count, seed)
    return [worksheet(made, at, blank=blank, **look) for made, at in points]
