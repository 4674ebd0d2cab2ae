"""The activation functions of packed gates: one tanh for all, since σ(z) = (1 + tanh(z/2))/2.

The halves go into the weights where these are the same at all steps. Of large gates each kind has a tanh of its own:
what is kept for the way back is then the values of the gates, and not the tanh of those that are σ, too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import groupby

import numpy as np

from gradviz.compiler.expand import recell
from gradviz.compiler.joins import span_of
from gradviz.compiler.kinds import FIXED, CellRewriter
from gradviz.compiler.loops import LARGE
from gradviz.core.apply import constant
from gradviz.core.expr import Expr
from gradviz.core.graph import Graph, Node
from gradviz.core.loop import Loop
from gradviz.core.primitive import FUNCTIONS
from gradviz.passes.rewrite import made_by

CALL, PASS = 0.9, 1 / 4000
"""What a call costs, and a number that goes through it, in µs: roughly, to choose where a factor goes."""


def with_joint_gates(loop: Loop) -> Loop:
    """Return a loop of the same results in which the activations of an array's items are one."""
    found = _gates(loop.cell)
    if not found:
        return loop
    rewriter = CellRewriter(loop, {})
    gates: dict[int, _Gates] = {}
    for base, lanes in found.items():
        gates |= dict.fromkeys(lanes, _Gates(loop, base, lanes, rewriter))

    def build(node: Node, args: list[Expr]) -> Expr:
        joint = gates.get(node.id)
        if joint is None:
            return rewriter.build(node, args)
        items = made_by(args[0], "getitem")
        return rewriter.build(node, args) if items is None else joint.lane(node.id, items[0])

    return recell(loop, build, rename=False)


def _gates(cell: Graph) -> dict[int, dict[int, int]]:
    """Return, for arrays, their items that go through an activation: node and number."""
    found: dict[int, dict[int, int]] = {}
    for index, row in enumerate(cell.rows):
        if row.op.name in ("sigmoid", "tanh"):
            item = cell.args[index][0]
            if cell.rows[item].op.name == "getitem":
                base = cell.args[item][0]
                span = span_of(cell.rows[item].attrs["key"], cell.rows[base].shape)
                if span is not None and span.axis == 0 and span.single:
                    found.setdefault(base, {})[index] = span.start
    return {base: lanes for base, lanes in found.items() if _is_run(lanes)}


def _is_run(lanes: Mapping[int, int]) -> bool:
    numbers = sorted(lanes.values())
    return len(numbers) > 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


class _Gates:
    """The activations of neighboring items of one array."""

    def __init__(self, loop: Loop, base: int, lanes: Mapping[int, int], rewriter: CellRewriter) -> None:
        cell = loop.cell
        self._lanes = lanes
        self._names = {lanes[index]: cell.rows[index].op.name for index in lanes}
        self._first = min(lanes.values())
        self._whole = len(lanes) == cell.rows[base].shape[0]
        self._loop = loop
        self._rewriter = rewriter
        self._made: dict[int, Expr] = {}

    def lane(self, index: int, base: Expr) -> Expr:
        """Return the value of one of the activations."""
        if not self._made:
            self._make(base)
        return self._made[self._lanes[index]]

    def _make(self, base: Expr) -> None:
        names = [self._names[self._first + place] for place in range(len(self._lanes))]
        factors = np.array([0.5 if name == "sigmoid" else 1.0 for name in names])
        part = base if self._whole else base[self._first : self._first + len(names)]
        inner = self._scaled(part, factors) if min(factors) < 1 else part
        together = math.prod(base.shape[1:]) < LARGE
        both = FUNCTIONS["tanh"](inner) if together else inner
        half = constant(0.5, base.dtype)
        for name, group in groupby(range(len(names)), names.__getitem__):
            run = list(group)
            values = both[run[0] : run[-1] + 1]
            values = values if together else FUNCTIONS["tanh"](values)
            values = values * half + half if name == "sigmoid" else values
            for place, number in enumerate(run):
                self._made[self._first + number] = values[place]

    def _scaled(self, handle: Expr, factors: np.ndarray) -> Expr:
        """Return an array with its items multiplied by numbers, in the operands that are the same at all steps."""
        terms = made_by(handle, "add")
        if terms is not None and all(term.ndim == handle.ndim for term in terms):
            return self._scaled(terms[0], factors) + self._scaled(terms[1], factors)
        shaped = made_by(handle, "reshape")
        product = None if shaped is None else made_by(shaped[0], "matmul")
        if product is not None and len(product[0].shape) == 2 and self._pays(product[0], handle):
            rows = np.repeat(factors, product[0].shape[0] // len(factors))
            left = product[0] * constant(rows[:, None], handle.dtype)
            return FUNCTIONS["reshape"](FUNCTIONS["matmul"](left, product[1]), handle.shape)
        return handle * constant(factors.reshape(-1, *(1,) * (handle.ndim - 1)), handle.dtype)

    def _pays(self, matrix: Expr, handle: Expr) -> bool:
        if self._rewriter.kind(matrix) != FIXED or matrix.shape[0] % len(self._lanes):
            return False
        often = self._loop.length * (CALL + math.prod(handle.shape) * PASS)
        return CALL + math.prod(matrix.shape) * PASS <= often
