"""Products in a loop that share an operand become one: the gates of an LSTM are one product of matrices.

It is done before gradients are taken, so that the way back has one product, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gradviz.compiler.affine import with_ones, with_parts
from gradviz.compiler.expand import with_cell
from gradviz.compiler.joins import stack
from gradviz.compiler.kinds import FIXED, STATE
from gradviz.core.expr import Expr
from gradviz.core.loop import Loop
from gradviz.core.primitive import FUNCTIONS
from gradviz.core.replay import rebuild


def merged(loop: Loop) -> Loop:
    """Return a loop of the same results in which products that share an operand are one."""
    return _Packs(with_ones(with_parts(loop))).loop


class _Packs:
    """Builds a cell anew, node by node but in another order: what is packed comes together.

    A pack is an array whose items along a first axis are the values of several nodes.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._cell = loop.cell
        self._nodes = list(loop.cell.nodes)
        sequences, states, _ = loop.split(loop.inputs)
        self._on_state = self._cell.depends_on(frozenset(states))
        self._on_time = self._cell.depends_on(frozenset(sequences))
        self._packs: dict[int, tuple[int, ...]] = {}
        """For a node, the nodes that it is packed with, in their order."""
        for lanes in self._products():
            self._pack(lanes)
        self._made: dict[int, Expr] = {}
        self.loop = self._built() if self._packs else loop

    def _kind(self, index: int) -> int:
        return STATE if self._on_state[index] else int(self._on_time[index])

    def _products(self) -> Iterable[list[int]]:
        """Return the products that share their right operand, the left ones being matrices of one shape."""
        found: dict[Any, list[int]] = {}
        for index, (row, args) in enumerate(zip(self._cell.rows, self._cell.args, strict=True)):
            shape = self._cell.rows[args[0]].shape if row.op.name == "matmul" and len(row.shape) <= 2 else ()
            if len(shape) == 2 and self._kind(args[0]) == FIXED and self._kind(args[1]) != FIXED:
                found.setdefault((args[1], shape), []).append(index)
        return [sorted(lanes, key=self._what_becomes) for lanes in found.values() if len(lanes) > 1]

    def _what_becomes(self, index: int) -> tuple[str, ...]:
        """Return what is computed of a value after terms were added: lanes of the same are neighbors."""
        while True:
            users = [user for user, _ in self._cell.parents[index]]
            if len(users) != 1 or self._cell.rows[users[0]].op.name != "add":
                return tuple(sorted(self._cell.rows[user].op.name for user in users))
            index = users[0]

    def _pack(self, lanes: list[int]) -> None:
        """Pack nodes, and what is added to several neighbors of them."""
        for lane in lanes:
            self._packs[lane] = tuple(lanes)
        run: list[int] = []
        for lane in lanes:
            following = self._sum_of(lane)
            if following is not None and (not run or self._alike(run[-1], following)):
                run.append(following)
                continue
            self._end(run)
            run = [] if following is None else [following]
        self._end(run)

    def _end(self, run: list[int]) -> None:
        if len(run) > 1:
            self._pack(run)

    def _sum_of(self, index: int) -> int | None:
        """Return the sum of a lane and something known before it, if the lane is used for nothing else."""
        edges = self._cell.parents[index]
        if len(edges) != 1 or index in self._cell.outputs.values():
            return None
        user, slot = edges[0]
        other = self._cell.args[user][1 - slot] if self._cell.rows[user].op.name == "add" else index
        if other == index or self._kind(other) >= self._kind(index):
            return None
        row, own = self._cell.rows[other], self._cell.rows[index]
        return user if len(row.shape) == len(own.shape) and self._cell.rows[user].shape == own.shape else None

    def _alike(self, one: int, other: int) -> bool:
        """Whether the terms added have the same shape."""
        return self._cell.rows[self._term(one)].shape == self._cell.rows[self._term(other)].shape

    def _term(self, index: int) -> int:
        """Return the argument of a packed sum that is not packed with it."""
        first, second = self._cell.args[index]
        return second if first in self._packs and self._sum_of(first) == index else first

    def _lane(self, index: int) -> int:
        """Return the argument of a packed sum that is a lane."""
        first, second = self._cell.args[index]
        return first if self._term(index) == second else second

    def _built(self) -> Loop:
        """Build the cell."""
        for index in self._loop.inputs:
            self._made[index] = rebuild(self._nodes[index], [])
        waiting = list(range(len(self._cell) - 1, -1, -1))
        while waiting:
            index = waiting[-1]
            missing = [arg for arg in self._needs(index) if arg not in self._made]
            waiting.extend(missing)
            if not missing:
                waiting.pop()
                if index not in self._made:
                    self._make(index)
        for index, name in self._cell.names.items():
            self._made[index].tape.offer_name(self._made[index].id, name)
        return with_cell(self._loop, self._made)

    def _needs(self, index: int) -> list[int]:
        lanes = self._packs.get(index, (index,))
        return [arg for lane in lanes for arg in self._cell.args[lane]]

    def _make(self, index: int) -> None:
        lanes = self._packs.get(index)
        if lanes is None:
            self._made[index] = rebuild(self._nodes[index], [self._made[arg] for arg in self._cell.args[index]])
            return
        whole = self._product(lanes) if self._cell.rows[index].op.name == "matmul" else self._sum(lanes)
        for place, lane in enumerate(lanes):
            self._made[lane] = whole[place]

    def _product(self, lanes: tuple[int, ...]) -> Expr:
        matrices = stack([self._made[self._cell.args[lane][0]] for lane in lanes])
        count, rows, columns = matrices.shape
        tall = FUNCTIONS["reshape"](matrices, (count * rows, columns))
        product = FUNCTIONS["matmul"](tall, self._made[self._cell.args[lanes[0]][1]])
        return FUNCTIONS["reshape"](product, (count, *self._cell.rows[lanes[0]].shape))

    def _sum(self, lanes: tuple[int, ...]) -> Expr:
        left = stack([self._made[self._lane(lane)] for lane in lanes])
        return left + stack([self._made[self._term(lane)] for lane in lanes])
