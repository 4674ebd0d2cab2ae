"""The sections of the page as HTML: steps, paths, the fields of the leaves, the table of all numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from html import escape

from gradviz.core.format import is_printed
from gradviz.core.graph import Graph
from gradviz.core.holes import HOLE, MODES, apart, hole, without_holes
from gradviz.draw.mathml import to_mathml
from gradviz.draw.program import Walkthrough
from gradviz.passes.paths import Path
from gradviz.passes.step_writer import StepText, StepWriter

MOST_EDITED = 64
"""Leaves of more elements than this keep their values in the page."""


class PageParts:
    """Writes the sections of one graph's page."""

    def __init__(self, walk: Walkthrough) -> None:
        self._walk = walk
        self._graph: Graph = walk.graph
        self._writer = StepWriter(walk.graph, (), next(iter(walk.graph.outputs)))

    def name(self, index: int) -> str:
        """Return what a node is called, as plain text: its name, else f_i and its operation."""
        if index in self._graph.names:
            return _shown(self._graph.node(index).path)
        if self._graph.rows[index].op.leaf:
            return self._writer.text(index)
        return f"{self._writer.text(index)}, {self._graph.rows[index].op.name}"

    def steps(self) -> Iterator[str]:
        """Yield a list item for every step."""
        for place, step in enumerate(self._walk.steps, 1):
            yield f'<li data-step="{place}">{"".join(_said(step.text))}</li>'

    def paths(self) -> tuple[list[str], dict[str, list[str]]]:
        """Return an item for each path to a leaf, and the edges of the paths by number."""
        items: list[str] = []
        edges: dict[str, list[str]] = {}
        for leaf, count, paths in self._walk.paths():
            slope = self._writer.slope(leaf)
            if not paths:
                items.append(f'<li data-leaf="{leaf}">{to_mathml(slope)} is the sum over {count:,} paths.</li>')
            for number, path in enumerate(paths):
                key = f"{leaf}/{number}"
                edges[key] = [f"{parent}/{slot}" for parent, slot in path.edges]
                left = slope if count == 1 else rf"\text{{path {number + 1}:}}\ "
                items.append(f'<li data-leaf="{leaf}">{_product(left, count == 1, path, key)}</li>')
            if len(paths) > 1:
                summands = " + ".join(apart(f"p{leaf}/{number}") for number in range(len(paths)))
                shown = [summands] if is_printed(self._graph.rows[leaf].shape) else []
                items.append(f'<li data-leaf="{leaf}">{_math_chain([slope, *shown, hole(f"g{leaf}")])}</li>')
        return items, edges

    def fields(self) -> Iterator[str]:
        """Yield a group of fields for every leaf that can be edited."""
        for leaf in self._graph.leaves:
            if not leaf.name:
                continue
            name, size = escape(self.name(leaf.id)), math.prod(leaf.shape)
            legend = f"<legend>{to_mathml(leaf.tex)}</legend>"
            if not 0 < size <= MOST_EDITED:
                shape = "×".join(map(str, leaf.shape))
                yield f'<fieldset class="{leaf.op.name}">{legend}<p>{shape}, not edited here</p></fieldset>'
                continue
            width = leaf.shape[-1] if leaf.shape else 1
            cells = [_field(name, place, size) for place in range(size)]
            rows = ["".join(cells[start : start + width]) for start in range(0, size, width)]
            inside = "".join(f'<div class="cells">{row}</div>' for row in rows)
            yield f'<fieldset class="{leaf.op.name}" data-leaf="{leaf.id}">{legend}{inside}</fieldset>'

    def rows(self) -> Iterator[str]:
        """Yield a row of the table for every node that has a name or computes something, the output first."""
        for index in range(len(self._graph) - 1, -1, -1):
            leaf = self._graph.rows[index].op.leaf
            if leaf and index not in self._graph.names:
                continue
            number = "" if leaf else to_mathml(self._writer.value_name(index))
            never = index not in self._walk.values.backward
            adjoint = "<td>none</td>" if never else f'<td data-known="g{index}"></td>'
            yield (
                f'<tr><th scope="row">{escape(self.name(index))}</th><td>{number}</td>'
                f'<td data-known="f{index}"></td>{adjoint}</tr>'
            )

    def titled(self) -> Iterator[str]:
        """Yield the name of every node."""
        return map(self.name, range(len(self._graph)))


def _field(name: str, place: int, size: int) -> str:
    label = name if size == 1 else f"{name}, element {place + 1} of {size}"
    return f'<input inputmode="decimal" autocomplete="off" data-at="{place}" aria-label="{label}">'


def _said(text: StepText) -> Iterator[str]:
    yield f'<p class="sentence">{_spoken(text.sentence)}</p>'
    yield f'<p class="formula">{to_mathml(text.formula)}</p>'
    chains = "".join(_math_chain(chain, "=" if place == 0 else "⇒") for place, chain in enumerate(text.chains))
    yield f'<p class="numbers">{chains}</p>'


def _math_chain(parts: tuple[str, ...] | list[str], first: str = "") -> str:
    signs = [first] + ["="] * (len(parts) - 1)
    return " ".join(_part(part, sign) for part, sign in zip(parts, signs, strict=True))


def _part(tex: str, sign: str = "=") -> str:
    return f'<span class="part">{sign}{" " if sign else ""}{to_mathml(tex)}</span>'


def _product(left: str, alone: bool, path: Path, key: str) -> str:
    parts = [left, path.product] if alone else [f"{left}{path.product}"]
    if path.in_numbers:
        parts.append(r" \cdot ".join(apart(f"d{parent}/{slot}") for parent, slot in path.edges))
    return _math_chain([*parts, hole(f"p{key}")])


def _spoken(sentence: str) -> str:
    """Write a sentence: each hole an element that the page fills, all else text."""

    def put(match: re.Match[str]) -> str:
        times = " data-times" if MODES[match[1]] == "times" else ""
        return f'<span data-say="{match[2]}"{times}></span>'

    numbered = re.sub(r"\b([fg])_(\d+)\b", r"\1<sub>\2</sub>", escape(sentence, quote=False))
    return HOLE.sub(put, numbered)


def _shown(text: str) -> str:
    return " ".join(without_holes(text).split())
