"""The types of a figure: what is to be drawn, without a color, a position or a font.

A figure is pure data. The views in this package make one out of a graph; the floor above typesets,
places and colors it. Labels carry LaTeX (for the typeset picture) and plain text (for a reader that
cannot see it, and as a fall-back).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["operation", "parameter", "data", "constant"]


@dataclass(frozen=True, slots=True)
class Label:
    """A piece of mathematics: its LaTeX (no dollar signs) and the same as plain text.

    ``shows`` names the number in it, if there is one: "f3" the value of node 3, "g3" its adjoint, "d5/0" the
    derivative on slot 0 of node 5.
    """

    tex: str
    text: str
    shows: str = ""


@dataclass(frozen=True, slots=True)
class FigureNode:
    """One box or one bare leaf.

    Attributes:
        key: unique in the figure ("n3"; "n1.3.0" for a leaf's use in slot 0 of node 3, if it is drawn at several).
        kind: an operation is a rounded box; the leaves are bare text, a parameter bold.
        body: the text inside the box, or the leaf itself.
        name: the user's name for an operation, beside the box.
        forward: the value line ("f_0 = 0.6"; of a leaf the value alone).
        backward: the gradient line ("g_0 = 1").
        node: the id of the node in the graph.
        live: whether a gradient flows through it.
    """

    key: str
    kind: Kind
    body: Label
    node: int
    name: Label | None = None
    forward: Label | None = None
    backward: Label | None = None
    live: bool = True


@dataclass(frozen=True, slots=True)
class FigureEdge:
    """An edge from an operation to its argument in a slot.

    Attributes:
        parent, child: keys of figure nodes; the parent is drawn nearer the root.
        slot: the position of the child among the parent's arguments.
        labels: the lines of the local derivative ∂parent/∂child, at most two (symbols, numbers).
        live: False for paths that carry no gradient; they are drawn thin and gray.
        lit: on a selected path; drawn heavy.
    """

    parent: str
    child: str
    slot: int
    labels: tuple[Label, ...] = ()
    live: bool = True
    lit: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A whole picture. The nodes stand in a stable order, roots first.

    Attributes:
        title: a short plain-text name, the SVG's title.
        description: plain text that says what is seen, the SVG's description.
        captions: lines written below the picture.
    """

    nodes: tuple[FigureNode, ...]
    edges: tuple[FigureEdge, ...]
    title: str = ""
    description: str = ""
    captions: tuple[Label, ...] = ()
