"""`gradviz.check`: every edge proved or measured, every leaf's gradient compared three ways."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradviz.core.arrays import FLOAT64
from gradviz.core.expr import Expr
from gradviz.core.graph import Array, Graph
from gradviz.core.primitive import CONSTANT
from gradviz.core.unroll import as_graph
from gradviz.errors import GradvizError
from gradviz.passes.differences import EPSILON, STEPS, TINY, Slope, measure_slope
from gradviz.passes.edges import TOLERANCE, Kind, find_kinds, measure
from gradviz.passes.evaluate import adjoints, forward_values
from gradviz.passes.given import leaf_values, without_value
from gradviz.passes.prove import prove
from gradviz.passes.report import LeafRow, Report
from gradviz.passes.values import Column
from gradviz.passes.whole import slopes_by_sympy

Progress = Callable[[str, int, int], None]

_TOGETHER = 3
"""So many random directions through all leaves at once, where there are too many for one each."""
_ROUNDED = 5
"""So often all leaves are rounded at random, where a gradient is not SymPy's."""


def check(
    graph: Graph | Expr,
    at: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    seconds: float = 10.0,
    progress: Progress | None = None,
) -> Report:
    """Check every derivative of a graph.

    Each edge's rule is compared with SymPy's derivative of the forward rule, on fresh symbols, so that
    the work grows with the graph and equal operations are proved once; and with central differences at
    the point. Each leaf's gradient is compared with central differences along a random direction, and,
    where the whole formula is small enough, with SymPy's derivative of it. All is computed in float64, also
    for a graph of float32: rules are checked, and not what rounding leaves of them.

    Args:
        graph: a graph or a node.
        at: values for leaves by name, instead of their own. A leaf without any gets random ones.
        seed: of the random directions and values.
        seconds: how long SymPy may take for the proofs, and again for the whole formula; what is
            undecided by then is measured only.
        progress: called with what is being done, how much of it is done, and how much there is.

    Returns:
        The report. It is true if nothing is wrong.

    Raises:
        ValueMissingError, GraphError: for a value that fits no leaf.

    Example:
        >>> import gradviz as gv
        >>> w, x = gv.param("w", 2.0), gv.data("x", 3.0)
        >>> report = gv.check(gv.square(w * x))
        >>> report.ok, dict(report.counts)
        (True, {'proved': 3})
    """
    frozen = as_graph(graph)
    return _Check(frozen, seed, seconds, progress or (lambda *_: None)).run(at or {})


@dataclass
class _Check:
    graph: Graph
    seed: int
    seconds: float
    progress: Progress

    def run(self, at: Mapping[str, Any]) -> Report:
        self.notes: list[str] = []
        self.failures: list[str] = []
        given = self._leaves(at)
        asked, self.graph = self.graph, self.graph.with_dtype(FLOAT64)
        leaves = {index: np.asarray(value, self.graph.rows[index].dtype)[()] for index, value in given.items()}
        values = self._values(leaves)
        kinds = find_kinds(self.graph, values)
        self._prove(kinds)
        if values is not None:
            for place, kind in enumerate(kinds):
                self.progress("measuring", place, len(kinds))
                measure(self.graph, kind, values, self.seed)
        kinked = any(any(kind.kink) for kind in kinds)
        rows = list(self._leaf_rows(leaves, values, kinked)) if values is not None else []
        return Report(asked, kinds, rows, self.seed, self.failures, self.notes)

    def _leaves(self, at: Mapping[str, Any]) -> Mapping[int, Any]:
        """Return the leaves' values: given, their own, or random."""
        missing = without_value(self.graph, at)
        drawn = {
            leaf.path: np.random.default_rng((self.seed, leaf.id)).normal(size=leaf.shape)
            if leaf.dtype.kind == "f"
            else np.zeros(leaf.shape, leaf.dtype)
            for leaf in missing
        }
        if missing:
            names = ", ".join(leaf.path for leaf in missing[:5]) + (", …" if len(missing) > 5 else "")
            self.notes.append(f"Checked at random values of {names} (seed {self.seed}), which had none")
        return leaf_values(self.graph, {**at, **drawn})

    def _values(self, leaves: Mapping[int, Any]) -> Column | None:
        try:
            values = forward_values(self.graph, leaves)
        except GradvizError as error:
            self.failures.append(str(error))
            return None
        if any(not np.all(np.isfinite(values[index])) for index in self.graph.outputs.values()):
            self.notes.append("The output is not finite at this point")
        return values

    def _prove(self, kinds: Sequence[Kind]) -> None:
        """Prove the kinds, the common ones first, as long as there is time."""
        end = time.monotonic() + self.seconds
        order = sorted(kinds, key=lambda kind: -len(kind.parents))
        for place, kind in enumerate(order):
            self.progress("proving", place, len(kinds))
            left = end - time.monotonic()
            kind.proof = prove(kind.op, kind.attrs, kind.shapes, fixed=kind.fixed, seconds=max(left / 2, 0.05))
        if time.monotonic() > end:
            self.notes.append(f"The proofs were stopped after {self.seconds:g} s")

    # the leaves

    def _leaf_rows(self, leaves: Mapping[int, Any], values: Column, kinked: bool) -> Iterator[LeafRow]:
        chosen = [
            i for i in self.graph.leaf_ids
            if self.graph.rows[i].op is not CONSTANT and self.graph.rows[i].dtype.kind == "f" and np.size(leaves[i])
        ]  # fmt: skip
        seeds = self._seeds()
        if not chosen or not seeds:
            return
        directions = {leaf: self._direction(leaf, 0) for leaf in chosen}
        try:
            found = adjoints(self.graph, values, seeds, self.graph.depends_on(frozenset(chosen)))
        except GradvizError as error:
            self.failures.append(str(error))
            return
        by_sympy, reason = slopes_by_sympy(self.graph, leaves, directions, seeds, self.seconds)
        if reason:
            self.notes.append(f"SymPy has not differentiated the whole formula: {reason}")
        comparison = _Comparison(self.graph, leaves, seeds, kinked, _rounding(values, found))
        if not math.isfinite(comparison.total({}, 0.0)):
            for leaf in chosen:
                name = self.graph.node(leaf).path
                yield LeafRow(name, "", None, None, None, "not measured", "the output is not finite at this point")
            return
        alone = self._affordable(comparison, len(chosen))
        for place, leaf in enumerate(chosen[:alone]):
            self.progress("comparing leaves", place, alone)
            row = {leaf: directions[leaf]}
            shape = self.graph.rows[leaf].shape
            along = "1" if shape == () else f"random, seed {self.seed}"
            yield comparison.row(self.graph.node(leaf).path, along, row, found, by_sympy.get(leaf))
        if alone < len(chosen):
            for turn in range(_TOGETHER):
                several = {leaf: self._direction(leaf, turn + 1) for leaf in chosen}
                name = f"all {len(chosen)} leaves together"
                yield comparison.row(name, f"random {turn + 1}, seed {self.seed}", several, found, None)

    def _affordable(self, comparison: _Comparison, count: int) -> int:
        """Return how many leaves can be measured alone within a third of the time; all, or none."""
        start = time.monotonic()
        comparison.total({}, 0.0)
        once = time.monotonic() - start
        return count if once * 2 * STEPS * count < self.seconds / 3 else 0

    def _seeds(self) -> dict[int, Array]:
        """Return what each output is multiplied with: 1 for a number, else random."""
        found = {}
        for index in self.graph.outputs.values():
            row = self.graph.rows[index]
            if row.dtype.kind == "f":
                source = np.random.default_rng((self.seed, index))
                found[index] = np.ones(()) if row.shape == () else source.normal(size=row.shape)
        return found

    def _direction(self, leaf: int, turn: int) -> Array:
        shape = self.graph.rows[leaf].shape
        if shape == () and turn == 0:
            return np.ones(())
        return np.asarray(np.random.default_rng((self.seed, leaf, turn)).normal(size=shape))


class _Comparison:
    """The gradients of the leaves, compared with central differences of the whole graph."""

    def __init__(
        self, graph: Graph, leaves: Mapping[int, Any], seeds: Mapping[int, Array], kinked: bool, rounding: float
    ) -> None:
        self._graph = graph
        self._leaves = leaves
        self._seeds = seeds
        self._kinked = kinked
        self._rounding = rounding

    def total(self, directions: Mapping[int, Array], h: float) -> float:
        """Return Σ seed · output with the leaves displaced."""
        moved = dict(self._leaves)
        for leaf, direction in directions.items():
            moved[leaf] = np.asarray(moved[leaf] + h * direction)[()]
        values = forward_values(self._graph, moved)
        return float(sum(np.sum(seed * values[node], dtype=np.float64) for node, seed in self._seeds.items()))

    def row(
        self,
        name: str,
        along: str,
        directions: Mapping[int, Array],
        gradients: Sequence[Any],
        by_sympy: float | None,
    ) -> LeafRow:
        """Compare the gradients along one direction."""
        claimed = _along(directions, gradients)
        sizes = [float(np.max(np.abs(self._leaves[leaf]))) for leaf in directions]
        size = min(filter(None, sizes), default=0.0)
        slope = measure_slope(lambda h: self.total(directions, h), size=size, rounding=self._rounding)
        measured = float(slope.value) if slope.trusted else None
        if by_sympy is not None and self._is_rounding(claimed, by_sympy, directions):
            by_sympy = None
        verdict, note = self._judge(claimed, slope, measured, by_sympy)
        return LeafRow(name, along, claimed, by_sympy, measured, verdict, note)

    def _differ(self, claimed: float, by_sympy: float) -> bool:
        epsilon = EPSILON * math.sqrt(len(self._graph))  # roundings of many nodes add up like a random walk
        tolerance = max(TOLERANCE, 1e3 * epsilon) * max(abs(claimed), abs(by_sympy)) + 1e3 * epsilon
        return abs(claimed - by_sympy) > tolerance

    def _is_rounding(self, claimed: float, by_sympy: float, directions: Mapping[int, Array]) -> bool:
        """Whether SymPy's exact number is as far off as the gradient moves when leaves and constants are rounded."""
        if not self._differ(claimed, by_sympy):
            return False
        source = np.random.default_rng(0)
        for _ in range(_ROUNDED):
            moved = {
                leaf: np.asarray(value * (1 + EPSILON * source.normal(size=np.shape(value))))[()]
                if self._graph.rows[leaf].dtype.kind == "f"
                else value
                for leaf, value in self._leaves.items()
            }
            values = forward_values(self._graph, moved)
            found = adjoints(self._graph, values, self._seeds, self._graph.depends_on(frozenset(directions)))
            if abs(_along(directions, found) - claimed) > abs(by_sympy - claimed) / 10:
                return True
        return False

    def _judge(self, claimed: float, slope: Slope, measured: float | None, by_sympy: float | None) -> tuple[str, str]:
        if not math.isfinite(claimed):
            return "not measured", "the gradient is not finite at this point"
        if by_sympy is not None and math.isfinite(by_sympy):
            if self._differ(claimed, by_sympy):
                return "WRONG", "SymPy's derivative of the whole formula is another"
            return "agree", ""
        if measured is not None and bool(slope.agrees(claimed, TOLERANCE)):
            return "agree", ""
        if self._kinked or bool(slope.kink and slope.trusted):
            return "kink", "the slopes on both sides differ; the convention of docs/conventions.md holds"
        if measured is None:
            return "not measured", "central differences settle on no number at this point"
        return "WRONG", f"differences give {measured:.6g} ± {float(slope.error):.0e}"


def _along(directions: Mapping[int, Array], gradients: Sequence[Any]) -> float:
    """Return the slope along directions of leaves; a leaf without a gradient adds nothing."""
    parts = ((gradients[leaf], way) for leaf, way in directions.items())
    return float(sum(np.sum(gradient * way, dtype=np.float64) for gradient, way in parts if gradient is not None))


def _rounding(values: Column, adjoints: Sequence[Any]) -> float:
    """Return what the rounding of every node's value does to the output, added up like a random walk."""
    with np.errstate(all="ignore"):
        moved = [
            np.linalg.norm((np.abs(value) + TINY) * g * EPSILON)
            for value, g in zip(values, adjoints, strict=True)
            if g is not None
        ]
        found = float(np.linalg.norm(moved))
    return found if math.isfinite(found) else 0.0
