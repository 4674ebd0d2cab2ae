"""`gradviz.explain`: a gradient as the slides derive it: a product along each path, a sum over the paths."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from gradviz.core.expr import Expr
from gradviz.core.format import array_tex, is_printed
from gradviz.core.graph import Graph
from gradviz.core.handle import as_name
from gradviz.core.plain import tex_to_text
from gradviz.core.unroll import as_graph
from gradviz.namespaces.brackets import summed
from gradviz.namespaces.record import Term, as_term
from gradviz.namespaces.tex import to_tex
from gradviz.passes.algebra import Algebra
from gradviz.passes.evaluate import backprop
from gradviz.passes.given import output_name, scalar_root_of, without_value
from gradviz.passes.labels import Labeler, node_numbers
from gradviz.passes.paths import FactoredNode, Path, count_paths, derivative_tex, factor, output_tex, write_paths

_MOST_NODES = 40
_SHOWN_ENDS = 12


@dataclass(frozen=True)
class Explanation:
    r"""Where a gradient comes from.

    Attributes:
        graph: the graph.
        output, wrt: the names of the output and the leaf, as LaTeX.
        count: how many paths lead from the output to the leaf.
        paths: the paths with their products; () where they are too many or too long to be written out.
        factored: then, the sum node by node; a gap in the middle of many is an entry that is None.
        sum: the sum of the products, as LaTeX; "" where it is factored.
        simplified: the same in the shortest form that SymPy finds, as LaTeX.
        formula: the same as a SymPy expression in symbols named like the LaTeX of the nodes, or None.
        value: the gradient at the point; None where a leaf has no value.
    """

    graph: Graph
    output: str
    wrt: str
    count: int
    paths: tuple[Path, ...]
    factored: tuple[FactoredNode | None, ...]
    sum: str
    simplified: str
    formula: Any
    value: Any

    @property
    def derivative(self) -> str:
        """∂output/∂leaf as LaTeX."""
        return derivative_tex(self.output, self.wrt)

    @property
    def substituted(self) -> str:
        """The sum with numbers, and what it gives, as LaTeX; "" without values."""
        if self.value is None or not self.paths:
            return ""
        found = array_tex(self.value)
        if not all(path.in_numbers for path in self.paths):
            return found
        whole = summed([path.substituted for path in self.paths])
        return found if whole == found else f"{whole} = {found}"

    @property
    def sensitivity(self) -> tuple[str, str]:
        """What a small change ε at the leaf does to the output: a sentence, and its LaTeX."""
        if self.value is None:
            return "", ""
        effect = self._effect()
        return self._moved("ε", *map(tex_to_text, (self.wrt, self.output, effect))), effect

    def _moved(self, change: str, leaf: str, output: str, effect: str) -> str:
        bound = "" if is_printed(np.shape(self.value)) else " at most"
        return f"A small change {change} at {leaf} moves {output} by{bound} about {effect}."

    def _effect(self) -> str:
        if np.ndim(self.value) == 0:
            number = array_tex(self.value)
            return {"0": "0", "1": r"\varepsilon", "-1": r"-\varepsilon"}.get(number, rf"{number}\,\varepsilon")
        if not is_printed(np.shape(self.value)):
            return rf"{array_tex(np.linalg.norm(self.value))}\,\|\varepsilon\|"
        return rf"{array_tex(self.value)} \cdot \varepsilon"

    def steps(self) -> list[tuple[str, str]]:
        """Return the derivation line by line: what a line is, and its LaTeX."""
        found: list[tuple[str, str]] = []
        for place, path in enumerate(self.paths, 1):
            found.append((f"path {place}", r" \to ".join(path.nodes)))
            found.append(("its product", path.product))
        if self.count == 0:
            return [("no path leads there, so that", f"{self.derivative} = 0")]
        if not self.paths:
            found += [
                ("…", r"\vdots") if node is None else ("node by node", _factored_line(node)) for node in self.factored
            ]
        else:
            found.append(
                ("the sum over the paths" if len(self.paths) > 1 else "so that", f"{self.derivative} = {self.sum}")
            )
            if self.simplified != self.sum:
                found.append(("simplified", self.simplified))
        if self.substituted:
            found.append(("with numbers", self.substituted))
        return found

    @property
    def summary(self) -> str:
        """How many paths there are, and whether they are written out."""
        if self.count == 1:
            return "1 path" if self.paths else "1 path, too long to write out: node by node instead"
        count = str(self.count) if self.count < 10**6 else f"about {self.count:.1e}"
        return f"{count} paths" + ("" if self.paths or not self.count else ", too many to list: the sum node by node")

    def to_latex(self) -> str:
        """Return the derivation as an aligned environment."""
        if not self.paths:
            lines = [r"&\;\;\vdots" if node is None else _factored_line(node, " &= ") for node in self.factored]
            return _aligned(lines or [f"{self.derivative} &= 0"])
        products = summed(path.product for path in self.paths)
        lines = [line for line, _ in groupby((products, self.sum, self.simplified, self.substituted)) if line]
        return _aligned([f"{self.derivative} &= {lines[0]}", *(f"&= {line}" for line in lines[1:])])

    def to_markdown(self) -> str:
        """Return the derivation as Markdown with mathematics between dollar signs."""
        lines = [f"### ${self.derivative}$: {self.summary}", ""]
        lines += [f"- {what}: ${tex}$" for what, tex in self.steps()]
        if self.value is not None:
            names = (r"\varepsilon", self.wrt, self.output, self._effect())
            lines += ["", self._moved(*(f"${name}$" for name in names))]
        return "\n".join(lines) + "\n"

    def to_json(self) -> str:
        """Return everything as JSON."""
        value = None if self.value is None else np.asarray(self.value).tolist()
        facts = {
            "output": self.output,
            "wrt": self.wrt,
            "count": self.count,
            "paths": [
                {"nodes": path.nodes, "factors": path.factors, "product": path.product, "numbers": path.numbers}
                for path in self.paths
            ],
            "factored": [node and {"adjoint": node.adjoint, "formula": node.formula} for node in self.factored],
            "sum": self.sum,
            "simplified": self.simplified,
            "value": value,
            "sensitivity": self.sensitivity[0],
        }
        return json.dumps(facts, indent=2, ensure_ascii=False)

    def _repr_latex_(self) -> str:
        return f"${self.to_latex()}$"

    def __repr__(self) -> str:
        return f"<Explanation: {tex_to_text(self.derivative)} = {tex_to_text(self.simplified) or self.summary}>"


def _aligned(lines: list[str]) -> str:
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def _factored_line(node: FactoredNode, equals: str = " = ") -> str:
    value = "" if node.value is None else f" = {array_tex(node.value)}"
    return f"{node.adjoint}{equals}{node.formula}{'' if value == f' = {node.formula}' else value}"


def explain(
    graph: Graph | Expr, wrt: str | Expr, at: Mapping[str, Any] | None = None, *, output: str | None = None
) -> Explanation:
    r"""Explain a gradient as the sum over the paths of the products of the labels on each.

    Args:
        graph: a graph or a node.
        wrt: the leaf (or any node) to differentiate by, or its name.
        at: values for leaves by name, instead of their own; without all values there are no numbers.
        output: the name of the output, if there are several.

    Raises:
        GraphError: for a name that no node has, or an output that is no single number.

    Example:
        >>> import gradviz as gv
        >>> w, x, y = gv.param("w", 0.5), gv.data("x", 1.0), gv.data("y", 1.0)
        >>> margin = (w * x * y).named("margin")
        >>> print(gv.explain(gv.maximum(1 - margin, 0).named("loss"), wrt="w").simplified)
        -\mathbf{1}[\mathrm{margin} < 1]\,x\,y
    """
    frozen = as_graph(graph)
    wrt = as_name(wrt)
    root, leaf = scalar_root_of(frozen, output), frozen.find(wrt)
    values = None if without_value(frozen, at or {}) else backprop(frozen, at, wrt=[wrt], output=output)
    numbers = node_numbers(frozen)
    labeler = Labeler(frozen, numbers)
    paths = write_paths(frozen, root, leaf, labeler, values)
    factored = () if paths else _with_a_gap(list(factor(frozen, root, leaf, labeler, numbers, values)))
    total, simplified, formula = _sum(frozen, paths) if paths else ("", "", None)
    return Explanation(
        graph=frozen,
        output=output_tex(frozen, output_name(frozen, output)),
        wrt=to_tex(labeler.name(leaf)),
        count=count_paths(frozen, root, leaf),
        paths=paths,
        factored=factored,
        sum=total,
        simplified=simplified,
        formula=formula,
        value=None if values is None else values.backward.get(leaf, np.zeros(frozen.rows[leaf].shape)[()]),
    )


def _sum(graph: Graph, paths: tuple[Path, ...]) -> tuple[str, str, Any]:
    """Return the sum over the paths, the same simplified, and the expression of that."""
    total: Term = paths[0].term
    for path in paths[1:]:
        total = Term("add", (total, path.term))
    algebra = Algebra([name.tex for index, name in graph.names.items() if graph.rows[index].op.leaf])
    expression = algebra.simplified(algebra.expression(total))
    if expression is None:
        return to_tex(total), to_tex(total), None
    return to_tex(total), to_tex(as_term(algebra.term(expression))), algebra.formula(expression)


def _with_a_gap(nodes: list[FactoredNode]) -> tuple[FactoredNode | None, ...]:
    if len(nodes) <= _MOST_NODES:
        return tuple(nodes)
    return (*nodes[:_SHOWN_ENDS], None, *nodes[-_SHOWN_ENDS:])
