"""What a step of a loop knows when: what is the same at all steps, what comes from the sequences, what needs the state.

Sums and products are grouped by that, so that as much as possible is computed for all steps at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

from gradviz.core.expr import Expr
from gradviz.core.graph import Node
from gradviz.core.loop import Loop
from gradviz.core.primitive import REGISTRY
from gradviz.passes.rewrite import Rewriter, Rule, made_by

MOST_LEVELS = 16
"""Sums within sums within sums: deeper ones stay as they are."""

FIXED, TIMED, STATE = range(3)


class CellRewriter:
    """Builds the nodes of a loop's cell anew, sums and products grouped by what they depend on.

    Args:
        loop: whose cell it is.
        rules: further rules by the name of an operation.
    """

    def __init__(self, loop: Loop, rules: Mapping[str, Rule]) -> None:
        sequences, states, _ = loop.split(loop.inputs)
        self._inputs = dict.fromkeys(sequences, TIMED) | dict.fromkeys(states, STATE)
        self._kinds: dict[int, int] = {}
        grouped = {name: self._grouping(name, rules.get(name)) for name in ("add", "multiply")}
        self._rewriter = Rewriter(rules={**rules, **grouped}, scopes=False)

    def build(self, node: Node, args: list[Expr]) -> Expr:
        """Return a node of the same value."""
        made = self._rewriter.build(node, args)
        if node.op.leaf:
            self._kinds[made.id] = self._inputs.get(node.id, FIXED)
        return made

    def kind(self, handle: Expr) -> int:
        """Return what a node depends on."""
        tape, kinds = handle.tape, self._kinds
        waiting = [handle.id]
        while waiting:
            args = tape.args[waiting[-1]]
            unknown = [arg for arg in args if arg not in kinds]
            waiting.extend(unknown)
            if not unknown:
                index = waiting.pop()
                kinds.setdefault(index, max((kinds[arg] for arg in args), default=FIXED))
        return kinds[handle.id]

    def _grouping(self, name: str, otherwise: Rule | None) -> Rule:
        """Return the rule that groups the terms of a sum or the factors of a product."""

        def rule(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
            grouped = self._grouped(name, args)
            if grouped is not None and grouped.shape == node.shape:
                return grouped
            return None if otherwise is None else otherwise(node, args, values)

        return rule

    def _grouped(self, name: str, args: list[Expr]) -> Expr | None:
        parts = [part for arg in args for part in self._parts(name, arg)]
        if name == "add" and len(terms := self._factored(parts)) < len(parts):
            return reduce(REGISTRY[name], terms)
        kinds = [self.kind(part) for part in parts]
        before = sum(kind != STATE for kind in kinds)
        if before < 2 or before == len(parts) or len(parts) == 2:
            return None
        groups = [[part for part, found in zip(parts, kinds, strict=True) if found == kind] for kind in range(3)]
        op = REGISTRY[name]
        sums = [reduce(op, group) for group in groups if group]
        rest = reduce(op, sums[:-1])
        return op(sums[-1], rest)

    def _factored(self, terms: list[Expr]) -> list[Expr]:
        """Return the terms with factors taken out: of g a + g b, where g alone needs the state, it is g (a + b)."""
        add, multiply = REGISTRY["add"], REGISTRY["multiply"]
        alike: dict[Any, list[tuple[Expr, list[Expr], list[Expr]]]] = {}
        for place, term in enumerate(terms):
            groups: tuple[list[Expr], list[Expr]] = [], []
            for factor in self._parts("multiply", term):
                groups[self.kind(factor) != STATE].append(factor)
            key = sorted(factor.id for factor in groups[0]) if all(groups) else ["alone", place]
            alike.setdefault(tuple(key), []).append((term, *groups))
        made = []
        for found in alike.values():
            term, state, _ = found[0]
            if len(found) > 1:
                known = reduce(add, [reduce(multiply, rest) for _, _, rest in found])
                term = multiply(reduce(multiply, state), known)
            made.append(term)
        return made

    def _parts(self, name: str, handle: Expr, depth: int = 0) -> list[Expr]:
        """Return the terms of a sum that needs the state; anything else is one term."""
        inner = made_by(handle, name) if self.kind(handle) == STATE else None
        if inner is None or depth > MOST_LEVELS:
            return [handle]
        return [part for arg in inner for part in self._parts(name, arg, depth + 1)]
