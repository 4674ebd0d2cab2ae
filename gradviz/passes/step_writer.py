"""What the steps of backpropagation say: their formulas, the numbers put in, and a sentence.

Where a number stands there is a hole, so that the same text serves every point: `gradviz.steps` fills it for
one, the page for whatever a reader sets the leaves to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradviz.core.format import is_printed
from gradviz.core.graph import Graph
from gradviz.core.holes import Numbers, apart, enclosed, fill_tex, fill_text, hole, times, without_holes
from gradviz.core.plain import tex_to_text
from gradviz.namespaces.brackets import POWER, PRODUCT, held, summed
from gradviz.namespaces.record import Term, as_term, symbol
from gradviz.namespaces.tex import to_tex
from gradviz.passes.labels import Labeler, node_numbers
from gradviz.passes.paths import acts_on_array, derivative_tex, node_tex, output_tex

if TYPE_CHECKING:
    from gradviz.passes.steps import Step

_ELEMENTWISE = r"\odot"


@dataclass(frozen=True)
class StepText:
    """What a step says, with holes for its numbers.

    Attributes:
        formula: the step in symbols, as LaTeX.
        chains: the same with numbers: chains of equal things, one following from the other.
        sentence: plain text.
    """

    formula: str
    chains: tuple[tuple[str, ...], ...]
    sentence: str

    def substituted(self, numbers: Numbers) -> str:
        """Return the chains with their numbers; what repeats its neighbor is left out."""
        filled = [[fill_tex(part, numbers) for part in chain] for chain in self.chains]
        return r" \Rightarrow ".join(" = ".join(dict.fromkeys(chain)) for chain in filled)

    def spoken(self, numbers: Numbers) -> str:
        """Return the sentence with its numbers."""
        return fill_text(self.sentence, numbers)


class StepWriter:
    """Writes the formulas of the steps of a graph.

    Args:
        graph: the graph.
        wanted: the nodes that get an adjoint.
        output: the name of the output that is differentiated.
    """

    def __init__(self, graph: Graph, wanted: Sequence[int], output: str) -> None:
        self._graph = graph
        self._wanted = wanted
        self._output = output_tex(graph, output)
        self._numbers = node_numbers(graph)
        self._labeler = Labeler(graph, self._numbers)
        self._uses: dict[int, list[tuple[int, int]]] = {}

    def write(self, step: Step) -> StepText:
        """Return what a step says."""
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

    def slope(self, leaf: int) -> str:
        """Return the derivative of the output by a leaf, as LaTeX."""
        return derivative_tex(self._output, self._tex(leaf))

    def _tex(self, index: int) -> str:
        return without_holes(node_tex(self._graph, self._labeler, index))

    def text(self, index: int) -> str:
        """Return what a node is called in a sentence."""
        return tex_to_text(self._tex(index))

    def _forward(self, step: Step) -> StepText:
        row, args = self._graph.rows[step.node], self._graph.args[step.node]
        attrs = tuple(row.attrs.values())
        named = [symbol(self._tex(arg), self._graph.rows[arg].shape) for arg in args]
        formula = to_tex(Term(row.op.name, tuple(named), attrs, row.shape))
        numbers = enclosed(_products_shown(Term(row.op.name, tuple(map(self._number, args)), attrs, row.shape)))
        chain = self._chain(numbers, f"f{step.node}", *args)
        children = _listed([self.text(arg) for arg in args])
        sentence = f"{self.text(step.node)} gets its value from {children}."
        return StepText(f"{self.value_name(step.node)} = {formula}", (chain,), sentence)

    def _chain(self, numbers: str, result: str, *operands: int) -> tuple[str, ...]:
        """A formula with numbers and what it gives; that alone where an operand is too large to be written out."""
        shown = all(is_printed(self._graph.rows[operand].shape) for operand in operands)
        return (numbers, hole(result)) if shown else (hole(result),)

    def _number(self, index: int) -> Term:
        """A node's number, as something that is printed as it is."""
        shape = self._graph.rows[index].shape
        return symbol((hole if shape else apart)(f"f{index}"), shape)

    def _seed(self, step: Step) -> StepText:
        sentence = (
            f"Backpropagation starts at {self.text(step.node)}: a change there is a change of the output, one to one."
        )
        return StepText(f"{self.adjoint_name(step.node)} = 1", ((hole(f"g{step.node}"),),), sentence)

    def _backward(self, step: Step) -> StepText:
        assert step.parent is not None
        assert step.slot is not None
        parent, slot = step.parent, step.slot
        edge = f"{parent}/{slot}"
        adjoint = self.adjoint_name(parent)
        composed = acts_on_array(self._graph, parent, slot)
        chain: tuple[str, ...] = (hole(f"c{edge}"),)
        if composed:
            passed = symbol(adjoint, self._graph.rows[parent].shape)
            right = to_tex(self._labeler.passed_on(parent, slot, passed))
        else:
            label = self._labeler.derivative(parent, slot)
            right = rf"{held(label, POWER if _ELEMENTWISE in label else PRODUCT)} \cdot {adjoint}"
            chain = self._chain(rf"{apart(f'd{edge}')} \cdot {apart(f'g{parent}')}", f"c{edge}", step.node)
        chains = [chain]
        if step.before is not None:
            chains.append(self._chain(f"{hole(f'b{edge}')} + {apart(f'c{edge}')}", f"a{edge}", step.node))
        sign = "=" if step.before is None else r"\mathrel{+}="
        who, whom = self.text(step.node), self.text(parent)
        if composed or not is_printed(self._graph.rows[step.node].shape):
            sentence = f"The rule on the edge takes the adjoint of {whom} back to {who}."
        else:
            entries = "entry by entry " if self._graph.rows[parent].shape else ""
            how = f"{entries}{times(f'd{edge}')}"
            sentence = f"A change at {who} moves {whom} {how}; {who} takes that share of the adjoint of {whom}."
        return StepText(f"{self.adjoint_name(step.node)} {sign} {right}", tuple(chains), sentence)

    def _sum(self, step: Step) -> StepText:
        if not self._uses:
            for index in self._wanted:
                for slot, child in enumerate(self._graph.args[index]):
                    self._uses.setdefault(child, []).append((index, slot))
        uses = sorted(self._uses[step.node], reverse=True)
        parts = [
            to_tex(
                self._labeler.passed_on(parent, slot, symbol(self.adjoint_name(parent), self._graph.rows[parent].shape))
            )
            for parent, slot in uses
        ]
        numbers = " + ".join(apart(f"c{parent}/{slot}") for parent, slot in uses)
        sentence = f"{self.text(step.node)} is used at {len(uses)} places: what comes back from each adds up."
        formula = f"{self.adjoint_name(step.node)} = {summed(parts)}"
        return StepText(formula, (self._chain(numbers, f"g{step.node}", step.node),), sentence)

    def _gradient(self, step: Step) -> StepText:
        sentence = (
            f"The gradient of {self.text(step.node)} is complete: how much {tex_to_text(self._output)} changes with it."
        )
        formula = f"{self.slope(step.node)} = {self.adjoint_name(step.node)}"
        return StepText(formula, ((hole(f"g{step.node}"),),), sentence)

    def _update(self, step: Step) -> StepText:
        name, leaf = self._tex(step.node), step.node
        numbers = rf"{hole(f'f{leaf}')} - {apart('r')} \cdot {apart(f'g{leaf}')}"
        sentence = f"{self.text(leaf)} moves against its gradient, by the step size {hole('r')}."
        chain = self._chain(numbers, f"u{leaf}", leaf)
        return StepText(rf"{name} \leftarrow {name} - \eta\,{self.slope(leaf)}", (chain,), sentence)


def _products_shown(term: Term) -> str:
    """Write a term of numbers: side by side, two of them would read as one."""
    if term.fn in ("multiply", "matmul") and len(term.args) == 2:
        return rf"{to_tex(as_term(term.args[0]))} \cdot {to_tex(as_term(term.args[1]))}"
    return to_tex(term)


def _listed(names: Sequence[str]) -> str:
    names = list(dict.fromkeys(names))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
