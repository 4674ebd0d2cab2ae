"""A screen of `gradviz step`: the graph as a tree with its values, the step's formula, and where one is.

A screen is a list of lines, each cut to the width, so that nothing wraps at any size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from gradviz.core.format import array_text
from gradviz.core.graph import Graph
from gradviz.core.plain import tex_to_text
from gradviz.core.primitive import PARAMETER
from gradviz.core.visible import visible
from gradviz.passes.labels import node_numbers
from gradviz.passes.walk import Walk

_KEYS = ("→ next", "← back", "space play", "tab phase", "? help", "q quit")
_LEFT_OUT = ("tab phase", "space play", "← back", "→ next")
"""What the last line says, and what it leaves out first where it is short."""
HELP = (
    ("→ n", "next step"),
    ("← p", "back"),
    ("space", "play, pause"),
    ("+ −", "faster, slower"),
    ("tab", "next phase"),
    ("home end", "first, last"),
    ("g", "go to a node by its name"),
    ("e", "explain the path to this node"),
    ("s", "save this view as SVG"),
    ("q", "quit"),
)
NOT_YET = "not yet"
_BRANCH = 3
_LONGEST_STEM = 240
NEVER = "–"
"""Instead of an adjoint, where no gradient is wanted."""
_STYLES = {"f": "blue", "g": "magenta", "current": "bold reverse", "edge": "bold green"}
_FORMULA_LINES = 5
_VALUE_WIDTH = 20
_LEAST_WIDTH = 34
"""Narrower screens show no values beside the tree."""
_ASCII = str.maketrans(
    {"├": "|", "└": "`", "─": "-", "│": "|", "→": ">", "←": "<", "−": "-", "·": "*", "⊙": "*", "∂": "d", "█": "#",
     "░": ".", "ᵀ": "'", "…": "~", "⇒": "=", "η": "eta", "ε": "eps", "σ": "sigma", "φ": "phi", "Σ": "sum", "↑": "^",
     "≥": ">=", "≤": "<=", "≠": "!=", "×": "x", "–": "-", "‖": "|", "∞": "inf", "∑": "sum", "∏": "prod"}
)  # fmt: skip


@dataclass(frozen=True)
class TreeLine:
    """One line of the tree: a node where an edge reaches it.

    Attributes:
        stem: the branches before it; of a deep node, the last of them.
        depth: how many branches there are.
        node: the node.
        edge: the edge (parent, slot) that leads to it; None of an output.
        shown: whether its arguments stand elsewhere above, as it is used more than once.
    """

    stem: str
    depth: int
    node: int
    edge: tuple[int, int] | None
    shown: bool


def tree_lines(graph: Graph) -> list[TreeLine]:
    """Return the graph as a tree from the outputs down; what is shared is spread out once."""
    found: list[TreeLine] = []
    seen: set[int] = set()
    waiting: list[tuple[int, tuple[int, int] | None, str, str, int]] = [
        (root, None, "", "", 0) for root in reversed(list(dict.fromkeys(graph.outputs.values())))
    ]
    while waiting:
        node, edge, stem, below, depth = waiting.pop()
        shown = node in seen and bool(graph.args[node])
        found.append(TreeLine(stem, depth, node, edge, shown))
        if node in seen:
            continue
        seen.add(node)
        children = list(enumerate(graph.args[node]))
        for slot, child in reversed(children):
            last = slot == children[-1][0]
            branch, rest = ("└─ ", "   ") if last else ("├─ ", "│  ")
            kept = below[-_LONGEST_STEM:]  # a deep graph would need quadratic memory
            waiting.append((child, (node, slot), kept + branch, kept + rest, depth + 1))
    return found


def _keys(width: int) -> str:
    kept = list(_KEYS)
    for key in _LEFT_OUT:
        if cell_len("  ".join(kept)) > width:
            kept.remove(key)
    return "  ".join(kept)


class Screen:
    """Draws the screens of one walk.

    Args:
        walk: the walk; its position is read at every drawing.
        title: what is walked through.
        ascii_only: whether the terminal knows no other characters.

    Attributes:
        numbers: the number i of f_i by node.
    """

    def __init__(self, walk: Walk, title: str, ascii_only: bool = False) -> None:
        self._walk = walk
        self._title = visible(title, 60)
        self._ascii = ascii_only
        self._lines = tree_lines(walk.graph)
        self.numbers = node_numbers(walk.graph)
        self._reached = {step.node for step in walk.steps if step.phase in ("seed", "backward")}

    def draw(self, width: int, height: int, status: str = "") -> list[Text]:
        """Return the lines of a screen of this size; never more than fit."""
        below = min(_FORMULA_LINES, max(height - 4, 2))
        tree = list(self._tree(width, max(height - below - 2, 1)))
        lines = [self._header(width), *tree]
        lines += [Text()] * (height - below - 1 - len(lines))
        lines += self._formula(width, below)
        lines.append(Text(status or _keys(width), style="dim"))
        return [self._cut(line, width) for line in lines[:height]]

    def draw_help(self, width: int, height: int) -> list[Text]:
        """Return the screen that says what the keys do."""
        lines = [Text("keys", style="bold"), *(Text(f"{key:9} {what}") for key, what in HELP), Text()]
        return self._until_a_key(lines, width, height)

    def draw_text(self, text: list[str], width: int, height: int) -> list[Text]:
        """Return a screen of text, wrapped, with a line that says how to go back."""
        lines = [part for line in text for part in _wrap(Text(visible(line, 2000)), width)]
        return self._until_a_key(lines, width, height)

    def _until_a_key(self, lines: list[Text], width: int, height: int) -> list[Text]:
        return [self._cut(line, width) for line in (*lines[: height - 1], Text("any key goes back", style="dim"))]

    def _cut(self, line: Text, width: int) -> Text:
        made = line.copy()
        if self._ascii:
            plain = made.plain.translate(_ASCII).encode("ascii", "replace").decode()
            made = Text(plain, style=made.style, spans=[] if len(plain) != len(made.plain) else made.spans)
        made.truncate(width, overflow="crop" if self._ascii else "ellipsis")
        return made

    def _header(self, width: int) -> Text:
        walk = self._walk
        step = walk.current
        rounds = walk.steps[-1].round if walk.steps else 1
        phase = step.phase if step else "start"
        turn = f" round {step.round if step else 1}/{rounds}" if rounds > 1 else ""
        place = f" {walk.position}/{len(walk.steps)} "
        head = Text.assemble((self._title, "bold"), turn, f"  {phase}", place)
        room = width - cell_len(head.plain)
        if room > 3 and walk.steps:
            full = round(room * walk.position / len(walk.steps))
            head.append("█" * full, style="green")
            head.append("░" * (room - full), style="dim")
        return head

    def _tree(self, width: int, height: int) -> Iterator[Text]:
        here = self._here()
        start = min(max(here - height // 2, 0), max(len(self._lines) - height, 0))
        value = min(_VALUE_WIDTH, max(width // 5, 6))
        columns = width >= _LEAST_WIDTH
        room = width - 2 * (value + 4) if columns else width
        shown = range(start, min(start + height, len(self._lines)))
        hidden = max(self._lines[here].depth * _BRANCH - room // 2, 0)
        texts = [self._node(self._lines[place], hidden, current=place == here) for place in shown]
        room = min(room, max((cell_len(text.plain) for text in texts), default=0) + 3)
        for place, text in zip(shown, texts, strict=True):
            node = self._lines[place].node
            text.truncate(room, overflow="ellipsis", pad=True)
            if columns:
                self._put(text, " f ", self._walk.forward.get(node), NOT_YET, value)
                self._put(
                    text, " g ", self._walk.backward.get(node), NOT_YET if node in self._reached else NEVER, value
                )
            yield text

    def _put(self, text: Text, what: str, value: object, otherwise: str, width: int) -> None:
        shown = otherwise if value is None else array_text(value)
        shown = shown if len(shown) <= width else shown[: width - 1] + "…"
        text.append(what + shown.ljust(width), style="dim" if value is None else _STYLES[what.strip()])

    def _here(self) -> int:
        """Return the line to look at: where the current edge ends, or the first of the current node."""
        step, edge = self._walk.current, self._walk.edge
        if step is None:
            return 0
        for place, line in enumerate(self._lines):
            if line.edge == edge if edge is not None else line.node == step.node:
                return place
        return 0

    def _node(self, line: TreeLine, hidden: int, current: bool) -> Text:
        """Write a node after its branches, of which so many characters lie left of the screen."""
        graph = self._walk.graph
        row = graph.rows[line.node]
        name = graph.names.get(line.node)
        if row.op.leaf:
            label = name.name if name else array_text(graph.constants[line.node])
            style = "red" if row.op is PARAMETER else ""
        else:
            shapes = tuple(graph.rows[arg].shape for arg in graph.args[line.node])
            sign = tex_to_text(row.op.symbol_for(row.attrs, shapes))
            label, style = f"{sign} f{self.numbers[line.node]}" + (f" {name.name}" if name else ""), ""
        lit = line.edge is not None and line.edge == self._walk.edge
        stem = line.stem[max(hidden - (line.depth * _BRANCH - len(line.stem)), 0) :]
        text = Text(stem, style=_STYLES["edge"] if lit else "dim")
        text.append(visible(label, 60), style=_STYLES["current"] if current else style)
        if line.shown:
            text.append(" ↑", style="dim")
        return text

    def _formula(self, width: int, height: int) -> list[Text]:
        step = self._walk.current
        said = [("Values rise from the leaves, errors fall from the output, weights move.", "")]
        if step is not None:
            numbers = f"= {tex_to_text(step.substituted)}"
            said = [(tex_to_text(step.formula), "bold green"), (numbers, ""), (step.sentence, "italic")]
        rule = Text("─" * width, style="dim")
        lines = [Text(visible(text, 600), style=style) for text, style in said]
        wrapped = [part for line in lines[2:] for part in _wrap(line, width)]
        return [rule, *lines[:2], *wrapped, *[Text()] * height][:height]


def _wrap(line: Text, width: int) -> list[Text]:
    """Wrap a sentence at spaces."""
    found: list[str] = [""]
    for word in line.plain.split():
        if cell_len(found[-1]) + cell_len(word) + 1 > width and found[-1]:
            found.append("")
        found[-1] = f"{found[-1]} {word}".strip()
    return [Text(text, style=line.style) for text in found]
