"""Layout: places that do not overlap, a time limit, and a dot on PATH where pygraphviz is not."""

from __future__ import annotations

import sys

import pytest

from gradviz.draw import layout
from gradviz.draw.layout import Box, Link, lay_out
from gradviz.errors import DrawError

BOXES = [Box(60, 90, 20, 40), Box(20, 80, 20, 40), Box(20, 20, 30, 40)]
LINKS = [Link(0, 1), Link(0, 2), Link(1, 2, (70.0, 20.0)), Link(1, 2)]


@pytest.mark.parametrize("direction", ["down", "up", "left", "right"])
def test_boxes_do_not_overlap_and_links_have_routes(direction):
    found = lay_out(BOXES, LINKS, direction, 20, 40)
    rects = [
        (x - box.left, x + box.right, y - box.half_height, y + box.half_height)
        for (x, y), box in zip(found.anchors, BOXES, strict=True)
    ]
    for place, a in enumerate(rects):
        for b in rects[:place]:
            assert a[0] >= b[1] or b[0] >= a[1] or a[2] >= b[3] or b[2] >= a[3]
    assert all(len(route) % 3 == 1 for route in found.routes)
    assert set(found.labels) == {2}


def test_links_end_at_the_ports():
    found = lay_out(BOXES, LINKS, "down", 20, 40)
    for link, route in zip(LINKS, found.routes, strict=True):
        for index, end in ((link.parent, route[0]), (link.child, route[-1])):
            assert end[0] == pytest.approx(found.anchors[index][0], abs=1.5)


@pytest.mark.parametrize(("direction", "axis"), [("down", 0), ("up", 0), ("right", 1), ("left", 1)])
def test_boxes_without_parents_stand_in_order(direction, axis):
    boxes = [Box(20, 20, 20, 40)] * 6
    links = [Link(0, 3), Link(0, 5), Link(1, 3), Link(1, 4), Link(2, 3), Link(2, 4)]
    places = [anchor[axis] for anchor in lay_out(boxes, links, direction, 20, 40).anchors[:3]]
    assert places == sorted(places)


def test_a_layout_that_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr(layout, "MOST_IN_PROCESS", 1)
    monkeypatch.setattr(layout, "TIME_LIMIT", 0.001)
    with pytest.raises(DrawError, match="took longer"):
        lay_out(BOXES, LINKS, "down", 20, 40)


def test_the_child_process_gives_the_same(monkeypatch):
    here = lay_out(BOXES, LINKS, "down", 20, 40)
    monkeypatch.setattr(layout, "MOST_IN_PROCESS", 1)
    assert lay_out(BOXES, LINKS, "down", 20, 40) == here


@pytest.fixture
def no_pygraphviz(monkeypatch, tmp_path):
    monkeypatch.setattr(layout, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_a_dot_on_path_stands_in(no_pygraphviz):
    expected = "digraph"
    dot = no_pygraphviz / "dot"
    dot.write_text(
        f"#!{sys.executable}\nimport sys\nfrom gradviz.draw.layout import _in_process\n"
        "if sys.argv[1:] == ['-V']: sys.exit(print('dot - version 1', file=sys.stderr))\n"
        f"text = sys.stdin.read()\nassert text.startswith({expected!r}) and sys.argv[1:] == ['-Tdot']\n"
        "print(_in_process(text))\n"
    )
    dot.chmod(0o755)
    found = lay_out(BOXES, LINKS, "down", 20, 40)
    assert len(found.anchors) == 3
    assert "version 1 at" in layout.backend()
    dot.write_text("#!/bin/sh\necho it broke >&2\nexit 3\n")
    with pytest.raises(DrawError, match="Graphviz failed: it broke"):
        lay_out(BOXES, LINKS, "down", 20, 40)


def test_no_graphviz_at_all_is_said(no_pygraphviz):
    with pytest.raises(DrawError, match="no Graphviz"):
        lay_out(BOXES, LINKS, "down", 20, 40)
    with pytest.raises(DrawError, match="no Graphviz"):
        layout.backend()


def test_graphviz_is_given_numbers_alone():
    source = layout._source(BOXES, LINKS, "TB", 20, 40)
    words = set("".join(char if char.isalpha() else " " for char in source).split())
    assert words <= {
        "digraph", "graph", "rankdir", "TB", "ordering", "out", "nodesep", "ranksep", "splines", "true", "node",
        "shape", "plain", "margin", "edge", "arrowhead", "none", "label", "TABLE", "BORDER", "CELLBORDER",
        "CELLSPACING", "CELLPADDING", "TR", "TD", "PORT", "b", "FIXEDSIZE", "TRUE", "WIDTH", "HEIGHT", "s", "n",
        "comment",
    }  # fmt: skip
