"""The chain rule on a graph: the paths from the output to a leaf, and the product of the labels along each.

A gradient is the sum of these products. There can be very many paths (each doubling x + x doubles
them); then the sum is kept factored, node by node, which is what backpropagation does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradviz.core.format import array_tex, is_printed
from gradviz.core.graph import Edge, Graph
from gradviz.core.names import name_to_tex
from gradviz.namespaces.brackets import held, summed
from gradviz.namespaces.record import Term, as_term, symbol
from gradviz.namespaces.tex import to_tex
from gradviz.passes.evaluate import contributions
from gradviz.passes.labels import Labeler
from gradviz.passes.values import Values

MOST_PATHS = 12
MOST_FACTORS = 40
"""More paths, or longer ones, are not written out."""


@dataclass(frozen=True)
class Path:
    """One path from the output to a leaf.

    Attributes:
        edges: (parent, slot) from the output down.
        nodes: what is passed on the way, the output and the leaf included, as LaTeX.
        factors: the green labels in order, as LaTeX.
        term: their product.
        numbers: the local derivatives' numbers, as LaTeX; empty without values, and where they make no product.
        value: the product's number; None without values.
        composed: whether the product is more than the labels side by side, because one of them says what
            to do with g: the adjoint of an array.
        in_numbers: whether the numbers side by side make the product: it is not composed, and no array in it
            is too large to be printed.
    """

    edges: tuple[Edge, ...]
    nodes: tuple[str, ...]
    factors: tuple[str, ...]
    term: Term
    numbers: tuple[str, ...]
    value: Any
    composed: bool
    in_numbers: bool

    @property
    def product(self) -> str:
        """The product as LaTeX: the labels side by side, or composed where one of them acts on an array."""
        return to_tex(self.term) if self.composed else _side_by_side(self.factors)

    @property
    def substituted(self) -> str:
        """The same with numbers."""
        return _side_by_side(self.numbers)


def acts_on_array(graph: Graph, parent: int, slot: int) -> bool:
    """Whether an edge does more to an adjoint than to multiply it: it sums it, or rearranges it."""
    row, child = graph.rows[parent], graph.rows[graph.args[parent][slot]]
    return row.shape != () and (not row.op.elementwise or row.shape != child.shape)


def _side_by_side(factors: Iterable[str]) -> str:
    """Multiply formulas, with parentheses around those that are sums; 1 for none."""
    return r" \cdot ".join(map(held, factors)) or "1"


def count_paths(graph: Graph, root: int, leaf: int) -> int:
    """Return how many paths lead from a node down to a leaf."""
    return _counts(graph, leaf)[root]


def _counts(graph: Graph, leaf: int) -> list[int]:
    counts = [0] * len(graph)
    counts[leaf] = 1
    for index, args in enumerate(graph.args):
        if args and index != leaf:
            counts[index] = sum(counts[arg] for arg in args)
    return counts


def find_paths(graph: Graph, root: int, leaf: int) -> Iterator[tuple[Edge, ...]]:
    """Yield every path from a node down to a leaf, arguments from left to right."""
    counts = _counts(graph, leaf)
    waiting: list[tuple[int, tuple[Edge, ...]]] = [(root, ())]
    while waiting:
        node, edges = waiting.pop()
        if node == leaf:
            yield edges
            continue
        for slot in reversed(range(len(graph.args[node]))):
            child = graph.args[node][slot]
            if counts[child]:
                waiting.append((child, (*edges, (node, slot))))


def longest_path(graph: Graph, root: int, leaf: int) -> int:
    """Return the number of edges of the longest path from a node to a leaf; 0 if there is none."""
    length = [-1] * len(graph)
    length[leaf] = 0
    for index, args in enumerate(graph.args):
        best = max((length[arg] for arg in args), default=-1)
        if best >= 0 and index != leaf:
            length[index] = best + 1
    return max(length[root], 0)


def write_paths(graph: Graph, root: int, leaf: int, labeler: Labeler, values: Values | None) -> tuple[Path, ...]:
    """Return the paths written out, or () where they are too many or too long."""
    if count_paths(graph, root, leaf) > MOST_PATHS or longest_path(graph, root, leaf) > MOST_FACTORS:
        return ()
    return tuple(_write(graph, edges, root, leaf, labeler, values) for edges in find_paths(graph, root, leaf))


def _write(
    graph: Graph, edges: tuple[Edge, ...], root: int, leaf: int, labeler: Labeler, values: Values | None
) -> Path:
    term = as_term(1)
    number: Any = None if values is None else np.ones(graph.rows[root].shape)
    for parent, slot in edges:
        term = labeler.passed_on(parent, slot, term)
        if values is not None:
            (number,) = contributions(graph, values.forward, number, parent, [slot])
    composed = any(acts_on_array(graph, *edge) for edge in edges)
    # where nothing is composed, each derivative has the child's shape
    in_numbers = not composed and all(is_printed(graph.rows[graph.args[parent][slot]].shape) for parent, slot in edges)
    return Path(
        edges=edges,
        nodes=tuple(node_tex(graph, labeler, index) for index in (*(parent for parent, _ in edges), leaf)),
        factors=tuple(labeler.derivative(parent, slot) for parent, slot in edges),
        term=term,
        numbers=tuple(array_tex(values.local[edge]) for edge in edges) if values is not None and in_numbers else (),
        value=number,
        composed=composed,
        in_numbers=in_numbers,
    )


def node_tex(graph: Graph, labeler: Labeler, index: int) -> str:
    """Return what a node is called: its name, its value if it is a constant, or f_i."""
    if graph.rows[index].op.leaf and index not in graph.names:
        return array_tex(graph.constants[index])
    return to_tex(labeler.name(index))


def output_tex(graph: Graph, output: str) -> str:
    """Return what an output is called, as LaTeX: by its node's own name, if that has one."""
    root = graph.outputs[output]
    return graph.names[root].tex if root in graph.names else name_to_tex(output)


def derivative_tex(output: str, wrt: str) -> str:
    """Return ∂output/∂wrt as LaTeX."""
    return rf"\frac{{\partial {output}}}{{\partial {wrt}}}"


@dataclass(frozen=True)
class FactoredNode:
    """One node's adjoint as a sum over the edges that lead to it.

    Attributes:
        node: the id.
        adjoint: what it is called, as LaTeX: g_i, or ∂output/∂name of a leaf.
        formula: the sum over the parents, as LaTeX.
        value: its number; None without values.
    """

    node: int
    adjoint: str
    formula: str
    value: Any


def factor(
    graph: Graph, root: int, leaf: int, labeler: Labeler, numbers: Mapping[int, int], values: Values | None
) -> Iterator[FactoredNode]:
    """Yield the adjoints of the nodes between an output and a leaf, from the output down."""
    counts = _counts(graph, leaf)
    above = bytearray(len(graph))
    above[root] = 1
    uses: dict[int, list[Edge]] = {}
    for index in range(root, -1, -1):
        if above[index]:
            for slot, child in enumerate(graph.args[index]):
                if counts[child]:
                    above[child] = 1
                    uses.setdefault(child, []).append((index, slot))

    def adjoint(index: int) -> str:
        return f"g_{{{numbers[index]}}}" if index in numbers else f"g_{{{node_tex(graph, labeler, index)}}}"

    for index in range(root, leaf - 1, -1):
        if not (above[index] and counts[index]):
            continue
        terms = [
            to_tex(labeler.passed_on(parent, slot, symbol(adjoint(parent), graph.rows[parent].shape)))
            for parent, slot in uses.get(index, ())
        ]
        value = None if values is None else values.backward.get(index)
        yield FactoredNode(index, adjoint(index), summed(terms) if terms else "1", value)
