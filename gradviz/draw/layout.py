"""Layout by Graphviz: places for boxes of given sizes. The only file that touches Graphviz.

Graphviz is handed numbers alone: ids and sizes, never a user's text. Small graphs are laid out in this
process; larger ones in a child with a time limit, since C code cannot be interrupted.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

from gradviz.draw.geometry import Point
from gradviz.errors import DrawError

DIRECTIONS = {"down": "TB", "up": "BT", "right": "LR", "left": "RL"}
MOST_IN_PROCESS = 300
TIME_LIMIT = 60.0
"""Seconds that a layout in a child process may take."""


@dataclass(frozen=True, slots=True)
class Box:
    """How far a node reaches from its anchor, and the width around the anchor that edges attach to, in px."""

    left: float
    right: float
    half_height: float
    port_width: float


@dataclass(frozen=True, slots=True)
class Link:
    """An edge between boxes, with the room that its label needs (0, 0 for none to be reserved)."""

    parent: int
    child: int
    label: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Layout:
    """Anchors by box, and by link the control points of a cubic Bézier route and the label's center."""

    anchors: tuple[Point, ...]
    routes: tuple[tuple[Point, ...], ...]
    labels: Mapping[int, Point] = field(default_factory=dict)


def lay_out(boxes: Sequence[Box], links: Sequence[Link], direction: str, between: float, ranks: float) -> Layout:
    """Place boxes so that links run in a direction, arguments in order, no two boxes overlapping.

    Args:
        boxes, links: what is placed; a link's parent comes first in the direction.
        direction: "down", "up", "right" or "left".
        between: the least distance of neighbors on a rank, px.
        ranks: the least distance of ranks, px.

    Raises:
        DrawError: when there is no Graphviz, it fails, or it takes longer than `TIME_LIMIT`.
    """
    source = _source(boxes, links, DIRECTIONS[direction], between, ranks)
    return _read(_run(source, len(boxes)), boxes, links)


def backend() -> str:
    """Say which Graphviz is in use.

    Raises:
        DrawError: when there is none.
    """
    if find_spec("pygraphviz"):
        with _quiet_stderr():
            from pygraphviz import graphviz
        version = (graphviz.GRAPHVIZ_MAJOR_VERSION, graphviz.GRAPHVIZ_MINOR_VERSION, graphviz.GRAPHVIZ_PATCH_VERSION)
        return f"Graphviz {'.'.join(map(str, version))} inside pygraphviz"
    dot = _dot()
    answer = subprocess.run([dot, "-V"], capture_output=True, text=True, check=False)
    return f"{answer.stderr.strip()} at {dot}"


def _source(boxes: Sequence[Box], links: Sequence[Link], rankdir: str, between: float, ranks: float) -> str:
    lines = [
        "digraph{",
        f'graph[rankdir={rankdir},ordering=out,nodesep="{between / 72:.4f}",ranksep="{ranks / 72:.4f}",splines=true];',
        "node[shape=plain,margin=0];edge[arrowhead=none];",
    ]
    tail, head = {"TB": ("s", "n"), "BT": ("n", "s"), "LR": ("e", "w"), "RL": ("w", "e")}[rankdir]
    for index, box in enumerate(boxes):
        lines.append(f"{index}[label=<{_table(box)}>];")
    for place, link in enumerate(links):
        room = ""
        if link.label != (0.0, 0.0):
            width, height = round(link.label[0]), round(link.label[1])
            cell = f'<TD FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{height}"></TD>'
            room = f',label=<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR>{cell}</TR></TABLE>>'
        lines.append(f"{link.parent}:b:{tail}->{link.child}:b:{head}[comment={place}{room}];")
    lines.extend(f"above->{index}[style=invis,weight=0];" for index in _tops(boxes, links))
    return "\n".join([*lines, "}"])


def _tops(boxes: Sequence[Box], links: Sequence[Link]) -> list[int]:
    """Return the boxes without parents if there are several: an unseen parent keeps them in order."""
    children = {link.child for link in links}
    found = [index for index in range(len(boxes)) if index not in children]
    return found if len(found) > 1 else []


def _table(box: Box) -> str:
    """A row of three empty cells: what stands left of the port, the port, what stands right of it."""
    core = max(round(box.port_width), 2)
    widths = (round(box.left - core / 2), core, round(box.right - core / 2))
    height = round(2 * box.half_height)
    cells = "".join(
        f'<TD {"PORT=" + chr(34) + "b" + chr(34) if place == 1 else ""} FIXEDSIZE="TRUE" WIDTH="{width}" '
        f'HEIGHT="{height}"></TD>'
        for place, width in enumerate(widths)
        if width > 0
    )
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR>{cells}</TR></TABLE>'


def _run(source: str, size: int) -> str:
    if not find_spec("pygraphviz"):
        return _in_child([_dot(), "-Tdot"], source)
    if size > MOST_IN_PROCESS:
        return _in_child([sys.executable, "-c", _CHILD], source)
    with _quiet_stderr():
        return _in_process(source)


_CHILD = "import sys; from gradviz.draw.layout import _in_process; sys.stdout.write(_in_process(sys.stdin.read()))"


def _in_process(source: str) -> str:
    from pygraphviz import AGraph

    try:
        with contextlib.closing(AGraph(string=source)) as graph:
            return bytes(graph.draw(format="dot", prog="dot")).decode()
    except OSError as error:  # pygraphviz reads through a temporary file
        raise DrawError(f"Graphviz could not be run: {error}", hint="is the folder for temporary files full?") from None


def _in_child(command: list[str], source: str) -> str:
    try:
        answer = subprocess.run(command, input=source, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise DrawError(
            f"the layout took longer than {TIME_LIMIT:.0f} s", hint="draw a part of the graph, or repeat the leaves"
        ) from None
    if answer.returncode:
        last = (answer.stderr.strip().splitlines() or ["no message"])[-1]
        raise DrawError(f"Graphviz failed: {last}")
    return answer.stdout


def _dot() -> str:
    found = shutil.which("dot")
    if found is None:
        raise DrawError("there is no Graphviz to lay the picture out", hint="pip install pygraphviz, or install dot")
    return found


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Keep what C libraries print (fontconfig's warnings) from the user."""
    try:
        saved = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    try:
        sink = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(sink, 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(sink)
    finally:
        os.close(saved)


_STATEMENT = re.compile(r"^\s*(\d+)(?::b:\w\s*->\s*(\d+):b:\w)?\s*\[(.*?)\];", re.DOTALL | re.MULTILINE)
_FIELD = re.compile(r'\b(pos|lp|comment)="?([-\d.,e+ s]+)')


def _read(answer: str, boxes: Sequence[Box], links: Sequence[Link]) -> Layout:
    """Read positions from Graphviz's own format; its y grows upward from the bottom."""
    answer = answer.replace("\\\n", "")
    anchors: list[Point] = [(0.0, 0.0)] * len(boxes)
    routes: list[tuple[Point, ...]] = [()] * len(links)
    labels: dict[int, Point] = {}
    for tail, head, body in _STATEMENT.findall(answer):
        fields = dict(_FIELD.findall(body))
        if head:
            place = int(fields["comment"].strip(","))
            routes[place] = tuple(_point(pair) for pair in fields["pos"].split() if pair[0] not in "se")
            if "lp" in fields:
                labels[place] = _point(fields["lp"])
        else:
            x, y = _point(fields["pos"])
            box = boxes[int(tail)]
            anchors[int(tail)] = (x + (box.left - box.right) / 2, y)
    if any(not route for route in routes):
        raise DrawError("Graphviz did not route every edge")
    return Layout(tuple(anchors), tuple(routes), labels)


def _point(pair: str) -> Point:
    x, y = pair.split(",")[-2:]
    return float(x), -float(y)
