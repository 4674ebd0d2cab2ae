"""What the steps of backpropagation say: their formulas, the numbers put in, and a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz.core.format import array_tex, number_tex
from gradviz.core.graph import Graph
from gradviz.core.plain import tex_to_text
from gradviz.namespaces.record import Term, as_term, symbol
from gradviz.namespaces.tex import to_tex
from gradviz.passes.labels import Labeler, node_numbers
from gradviz.passes.paths import acts_on_array, derivative_tex
from gradviz.passes.values import Values

if TYPE_CHECKING:
    from gradviz.passes.steps import Step


class StepWriter:
    """Writes the formulas of one round's steps."""

    def __init__(self, graph: Graph, values: Values, root: int, output: str, learning_rate: float) -> None:
        self._graph = graph
        self._values = values
        self._root = root
        self._output = graph.names[root].tex if root in graph.names else rf"\mathrm{{{output}}}"
        self._rate = number_tex(learning_rate)
        self._numbers = node_numbers(graph)
        self._labeler = Labeler(graph, self._numbers)
        self._uses: dict[int, list[tuple[int, int]]] = {}

    def write(self, step: Step) -> tuple[str, str, str]:
        """Return the formula, the formula with numbers, and the sentence."""
        return {
            "forward": self._forward,
            "seed": self._seed,
            "backward": self._backward,
            "sum": self._sum,
            "gradient": self._gradient,
            "update": self._update,
        }[step.phase](step)

    def value_name(self, index: int) -> str:
        """Return f_i of an operation, the name of a leaf, as LaTeX."""
        return f"f_{{{self._numbers[index]}}}" if index in self._numbers else self._tex(index)

    def adjoint_name(self, index: int) -> str:
        """Return g_i, or g with the name of a leaf, as LaTeX."""
        return f"g_{{{self._numbers.get(index, self._tex(index))}}}"

    def _tex(self, index: int) -> str:
        if self._graph.rows[index].op.leaf and index not in self._graph.names:
            return array_tex(self._graph.constants[index])
        return to_tex(self._labeler.name(index))

    def text(self, index: int) -> str:
        """Return what a node is called in a sentence."""
        return tex_to_text(self._tex(index))

    def _forward(self, step: Step) -> tuple[str, str, str]:
        row, args = self._graph.rows[step.node], self._graph.args[step.node]
        attrs = tuple(row.attrs.values())
        named = [symbol(self._tex(arg), self._graph.rows[arg].shape) for arg in args]
        known = [_number(self._values.forward[arg]) for arg in args]
        formula = to_tex(Term(row.op.name, tuple(named), attrs, row.shape))
        numbers = _products_shown(Term(row.op.name, tuple(known), attrs, row.shape))
        result = array_tex(step.after)
        children = _listed([self.text(arg) for arg in args])
        sentence = f"{self.text(step.node)} gets its value from {children}."
        return f"{self.value_name(step.node)} = {formula}", _equals(numbers, result), sentence

    def _seed(self, step: Step) -> tuple[str, str, str]:
        sentence = (
            f"Backpropagation starts at {self.text(step.node)}: a change there is a change of the output, one to one."
        )
        return f"{self.adjoint_name(step.node)} = 1", array_tex(step.after), sentence

    def _backward(self, step: Step) -> tuple[str, str, str]:
        assert step.parent is not None
        assert step.slot is not None
        parent, slot = step.parent, step.slot
        adjoint = self.adjoint_name(parent)
        composed = acts_on_array(self._graph, parent, slot)
        result = array_tex(step.added)
        local = array_tex(self._values.local[parent, slot])
        if composed:
            passed = symbol(adjoint, self._graph.rows[parent].shape)
            right, numbers = to_tex(self._labeler.passed_on(parent, slot, passed)), result
        else:
            right = rf"{_parenthesized(self._labeler.derivative(parent, slot))} \cdot {adjoint}"
            received = array_tex(self._values.backward[parent])
            numbers = _equals(rf"{_negative_apart(local)} \cdot {_negative_apart(received)}", result)
        sign = "=" if step.before is None else r"\mathrel{+}="
        if step.before is not None:
            so_far = f"{array_tex(step.before)} + {_negative_apart(result)} = {array_tex(step.after)}"
            numbers = rf"{numbers} \Rightarrow {so_far}"
        who, whom = self.text(step.node), self.text(parent)
        if composed:
            sentence = f"The rule on the edge takes the adjoint of {whom} back to {who}."
        else:
            times = {"1": "just as much", "-1": "just as much, the other way"}
            entries = "entry by entry " if np.ndim(self._values.local[parent, slot]) else ""
            how = times.get(local, f"{entries}{tex_to_text(local)} times as much")
            sentence = f"A change at {who} moves {whom} {how}; {who} takes that share of the adjoint of {whom}."
        return f"{self.adjoint_name(step.node)} {sign} {right}", numbers, sentence

    def _sum(self, step: Step) -> tuple[str, str, str]:
        if not self._uses:
            for index, args in enumerate(self._graph.args):
                if index in self._values.backward:
                    for slot, child in enumerate(args):
                        self._uses.setdefault(child, []).append((index, slot))
        uses = sorted(self._uses[step.node], reverse=True)
        parts = [
            to_tex(
                self._labeler.passed_on(parent, slot, symbol(self.adjoint_name(parent), self._graph.rows[parent].shape))
            )
            for parent, slot in uses
        ]
        numbers = [array_tex(self._values.contribution[use]) for use in uses]
        sentence = f"{self.text(step.node)} is used at {len(uses)} places: what comes back from each adds up."
        formula = f"{self.adjoint_name(step.node)} = {' + '.join(map(_negative_apart, parts))}"
        return formula, _equals(" + ".join(map(_negative_apart, numbers)), array_tex(step.after)), sentence

    def _gradient(self, step: Step) -> tuple[str, str, str]:
        name = self._tex(step.node)
        sentence = (
            f"The gradient of {self.text(step.node)} is complete: how much {tex_to_text(self._output)} changes with it."
        )
        return f"{derivative_tex(self._output, name)} = {self.adjoint_name(step.node)}", array_tex(step.after), sentence

    def _update(self, step: Step) -> tuple[str, str, str]:
        name = self._tex(step.node)
        slope = derivative_tex(self._output, name)
        gradient = _negative_apart(array_tex(self._values.backward[step.node]))
        numbers = rf"{array_tex(step.before)} - {self._rate} \cdot {gradient}"
        sentence = f"{self.text(step.node)} moves against its gradient, by the step size {tex_to_text(self._rate)}."
        return rf"{name} \leftarrow {name} - \eta\,{slope}", _equals(numbers, array_tex(step.after)), sentence


def _equals(left: str, right: str) -> str:
    return right if left == right else f"{left} = {right}"


def _negative_apart(tex: str) -> str:
    return f"({tex})" if tex.startswith("-") else tex


def _parenthesized(tex: str) -> str:
    return f"({tex})" if tex.startswith("-") or " + " in tex or (" - " in tex and not tex.endswith("]")) else tex


def _number(value: Any) -> Term:
    """A number or array as something that is printed as it is."""
    shape = np.shape(value)
    if shape == ():
        plain = float(value)
        return symbol(_negative_apart(number_tex(plain))) if np.isfinite(plain) else symbol(number_tex(plain))
    return symbol(array_tex(value), shape)


def _products_shown(term: Term) -> str:
    """Write a term of numbers: side by side, two of them would read as one."""
    if term.fn in ("multiply", "matmul") and len(term.args) == 2:
        return rf"{to_tex(as_term(term.args[0]))} \cdot {to_tex(as_term(term.args[1]))}"
    return to_tex(term)


def _listed(names: Sequence[str]) -> str:
    names = list(dict.fromkeys(names))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
