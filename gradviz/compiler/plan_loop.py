"""Planning a loop: where sequences, states and results stand, so that a step moves nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz.compiler.instructions import Instruction, Place, Repeat
from gradviz.core.loop import Loop
from gradviz.core.visible import visible

if TYPE_CHECKING:
    from gradviz.compiler.plan import Planner
    from gradviz.compiler.plan_body import Body


class LoopPlan:
    """The places of one run of a loop.

    A state has one place for each step and one before the first: what a step computes is put where the
    next one looks for it. Where nobody asks for all of them, two places take turns.

    Attributes:
        start: the instructions before the loop.
        results: where its results are.
    """

    def __init__(self, planner: Planner, loop: Loop, args: list[Place]) -> None:
        self._planner = planner
        self._loop = loop
        self._items: list[Place] = []
        self._given: dict[int, Place] = {}
        self._targets: dict[int, Place] = {}
        self._copies: list[tuple[int, Place]] = []
        self._sequences: set[Place] = set()
        """The items of the sequences."""
        self._wholes: dict[Place, Place] = {}
        """By an item that is another one at each step, the place of all of them."""
        self._stacks: dict[int, Place] = {}
        """By the id of a node of the cell, the place of its values at all steps."""
        self.start: list[Instruction | Repeat] = []
        sequences, states, shared = loop.split(args)
        for index, place in zip(loop.inputs, sequences, strict=False):
            item = self._given[index] = self._item(place, self._label(index))
            self._wholes[item] = self._stacks[index] = place
            self._sequences.add(item)
        self._given |= zip(loop.inputs[loop.sequences + loop.states :], shared, strict=True)
        finals = [self._state(number, place) for number, place in enumerate(states)]
        for index in loop.emitted:
            self._emit(index)
        self.results = [*(self._stacks[index] for index in loop.emitted), *finals]

    def repeat(self, make_body: type[Body], says: str) -> Repeat:
        """Return the loop with its body planned."""
        loop = self._loop
        body = make_body(self._planner, loop.cell, self._given, self._targets)
        instructions = [one for one in body.run() if not self._before(one)]
        instructions += [Instruction("copy", (body.at(index),), (), place) for index, place in self._copies]
        return Repeat(loop.length, loop.reverse, (*self._items, *body.looped), tuple(instructions), says)

    def _before(self, one: Instruction | Repeat) -> bool:
        """Copy for all steps at once, before the loop, what a step copies into a result; return whether it can be."""
        if isinstance(one, Repeat) or one.fn != "copy" or not isinstance(one.args[0], Place) or one.out.base is None:
            return False
        source, part = one.args[0], one.out
        whole = self._wholes.get(one.out.base)
        known = self._wholes.get(source) if source in self._sequences else None if source.looped else source
        if whole is None or known is None or part.fn != "getitem":
            return False
        target = self._part(whole, (slice(None), *part.attrs[0]), whole.label)
        if not source.looped:
            known = self._view(known, "broadcast_to", (target.shape,), known.label)
        self.start += self._planner.copy(known, target, one.says)
        return True

    def _label(self, index: int) -> str:
        found = self._loop.cell.names.get(index)
        return "" if found is None else visible(found.name)

    def _state(self, number: int, begin: Place) -> Place:
        """Make the places of a state, and return that of the last."""
        loop = self._loop
        before, after = loop.inputs[loop.sequences + number], loop.following[number]
        kept = before in loop.emitted or after in loop.emitted
        entries = loop.length + 1 if kept else min(loop.length + 1, 2)
        period = 0 if kept else entries
        shift_before, shift_after = (1, 0) if loop.reverse else (0, 1)
        first, last = (loop.length, 0) if loop.reverse else (0, loop.length)
        label = self._label(after) or self._label(before)
        whole = self._planner.buffer(_about(label, "all"), (entries, *begin.shape), begin.dtype)
        start = self._part(whole, (first % entries, ...), _about(label, "start"))
        self.start.append(Instruction("copy", (begin,), (), start))
        self._given[before] = self._item(whole, _about(label, "before"), shift_before, period)
        place = self._item(whole, label, shift_after, period)
        if after in self._targets or after in self._given:
            self._copies.append((after, place))
        else:
            self._targets[after] = place
        if kept:
            for index, shift, wanted in ((after, shift_after, "steps"), (before, shift_before, "before_steps")):
                if index in loop.emitted and index not in self._stacks:
                    self._stacks[index] = self._part(whole, (slice(shift, shift + loop.length),), _about(label, wanted))
        return self._part(whole, (last % entries, ...), _about(label, "end"))

    def _emit(self, index: int) -> None:
        """Make the place of a value that is kept at all steps."""
        if index in self._stacks:
            return
        row = self._loop.cell.rows[index]
        whole = self._planner.buffer(_about(self._label(index), "all"), (self._loop.length, *row.shape), row.dtype)
        self._stacks[index] = whole
        place = self._item(whole, self._label(index))
        self._wholes[place] = whole
        if index in self._given or index in self._targets or row.op.leaf:
            self._copies.append((index, place))
        else:
            self._targets[index] = place

    def _item(self, whole: Place, wanted: str, shift: int = 0, period: int = 0) -> Place:
        made = self._planner.place(wanted, whole.shape[1:], whole.dtype, "item", base=whole, shift=shift, period=period)
        assert whole.sample is not None
        made.sample = whole.sample[0, ...] if len(whole.sample) else np.empty(made.shape, made.dtype)
        self._items.append(made)
        return made

    def _part(self, whole: Place, key: tuple[Any, ...], wanted: str) -> Place:
        return self._view(whole, "getitem", (key,), wanted)

    def _view(self, base: Place, fn: str, attrs: tuple[Any, ...], wanted: str) -> Place:
        made = self._planner.view(base, fn, attrs, wanted)
        self._planner.made.append(made)
        return made


def _about(label: str, what: str) -> str:
    """Return the name of something about a node, "" where the node has none."""
    return f"{label}_{what}" if label else ""
