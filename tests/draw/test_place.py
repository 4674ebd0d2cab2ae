"""Labels and lines: each label is read at its own line, no two texts as one, and lines bend without a kink."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import atan2, dist, pi

import pytest
from faults import faults
from hypothesis import assume, given
from hypothesis import strategies as st

import gradviz as gv
from gradviz.draw.geometry import polylines_cross


def gaussian():
    mu, sigma, x = gv.param("mu", 0.1), gv.param("sigma", 1.2), gv.data("x", 0.9)
    return 0.5 * ((x - mu) / sigma) ** 2 + gv.log(sigma) + 0.92


def clipped():
    x, a = gv.param("x", 2.0), gv.data("a", -1.0)
    y = gv.where(x > a, x * x, gv.abs(x)).named("y")
    z = gv.minimum(gv.clip(y, -1.0, 1.0), a)
    return gv.sign(x) * gv.hypot(x, a) + z - gv.leaky_relu(x) + gv.elu(a * x) + gv.gelu(x)


def fan():
    return gv.logsumexp(gv.stack([gv.param(f"w{place}", place / 10) for place in range(12)]))


def shared():
    a, b = gv.param("a", 1.3), gv.param("b", -0.7)
    c = a * b
    d = c + a
    e = c * d
    f = gv.exp(-e) + c / d
    return gv.sin(f * f + e) / (1 + gv.cos(a * f))


def outputs():
    a, b = gv.param("a", 1.0), gv.param("b", 2.0)
    s, p = (a + b).named("s"), (a * b).named("p")
    return gv.graph(mean=s / 2, q=s * p, d=s - p)


def normalized():
    return gv.sum(gv.nn.layer_norm(gv.param("x", [1.0, 2.0, 4.0])) * gv.data("t", [1.0, 0.0, -1.0]))


CROWDED = [gaussian, clipped, fan, shared, outputs, normalized]


@pytest.mark.parametrize("direction", ["down", "right"])
@pytest.mark.parametrize("labels", ["symbolic", "both"])
@pytest.mark.parametrize("make", CROWDED)
def test_crowded_labels_are_read_at_their_own_lines(make, labels, direction):
    assert faults(gv.figure(make(), labels=labels, direction=direction).scene) == []


@pytest.mark.parametrize("make", CROWDED)
def test_lines_keep_away_from_names_and_values_that_they_pass(make):
    scene = gv.figure(make()).scene
    for text in scene.texts:
        for edge in scene.edges:
            if text.kind in ("name", "forward", "backward") and text.owner not in (edge.parent, edge.child):
                assert min(text.rect.distance(a, b) for a, b in pairwise(edge.line)) > 3.5, text.text


def test_a_label_at_another_line_or_text_is_a_problem():
    scene = gv.figure(outputs()).scene
    label = next(text for text in scene.texts if text.kind == "derivative")
    for kind, complaint in (("derivative", "nearer the line of"), ("forward", "reads as one with")):
        other = next(text for text in scene.texts if text.kind == kind and text.owner[:2] != label.owner[:2])
        beside = replace(label, x=other.rect.right + 4.0, y=other.y)
        moved = replace(scene, texts=tuple(beside if text is label else text for text in scene.texts))
        assert any(complaint in fault for fault in faults(moved))


def at_corner(box):
    return {"x": box.rect.left, "y": box.rect.bottom}


@pytest.mark.parametrize(
    ("kind", "change", "complaint"),
    [
        ("derivative", lambda scene, text: {"x": -text.rect.width / 2}, "lies outside the picture"),
        ("derivative", lambda scene, text: {"size": 8.0}, "is set at 6.0 pt"),
        ("derivative", lambda scene, text: {"x": scene.width * 3}, "stands far from its line"),
        ("derivative", lambda scene, text: at_corner(scene.boxes[0]), "stands close to the box"),
        ("name", lambda scene, text: at_corner(next(b for b in scene.boxes if b.key == text.owner)), "on its own box"),
        ("forward", lambda scene, text: at_corner(scene.boxes[1]), "lies on the box"),
        ("forward", lambda scene, text: dict(zip("xy", scene.edges[0].line[0], strict=True)), "crosses forward"),
        ("forward", lambda scene, text: {"x": scene.texts[0].x, "y": scene.texts[0].y}, "overlaps"),
    ],
)
def test_what_is_wrong_with_a_picture_is_found(kind, change, complaint):
    scene = gv.figure(outputs()).scene
    text = next(text for text in scene.texts if text.kind == kind)
    changed = replace(text, **change(scene, text))
    spoiled = replace(scene, texts=tuple(changed if one is text else one for one in scene.texts))
    assert any(complaint in fault for fault in faults(spoiled))
    assert faults(scene) == []


@pytest.mark.parametrize("direction", ["left", "right"])
def test_lines_past_wide_values_bend_once_each_way(direction):
    """All but the one that Graphviz leads around a box."""
    scene = gv.figure(normalized(), direction=direction, labels="numeric").scene
    assert sum(inflections(edge.line) > 1 for edge in scene.edges) == 1


def inflections(line):
    angles = [atan2(b[1] - a[1], b[0] - a[0]) for a, b in pairwise(line) if dist(a, b) > 0.1]
    turns = [(after - before + pi) % (2 * pi) - pi for before, after in pairwise(angles)]
    ways = [turn > 0 for turn in turns if abs(turn) > 0.02]
    return sum(before != after for before, after in pairwise(ways))


@pytest.mark.parametrize("name", ["multi_head-loss", "self_attention-loss"])
def test_no_line_of_a_vertical_picture_climbs_back(example_roots, name):
    """Graphviz alone leads some down past the values beside them and up again into their box."""
    for edge in gv.figure(example_roots[name]).scene.edges:
        assert all(after[1] > before[1] for before, after in pairwise(edge.line)), (edge.parent, edge.child)


@pytest.mark.parametrize(
    ("name", "labels"), [("rnn-loss", "numeric"), ("rnn-loss", "both"), ("feature_maps-monomials", "numeric")]
)
def test_wide_labels_of_leaves_drawn_once_are_read_at_their_own_lines(example_roots, name, labels):
    assert faults(gv.figure(example_roots[name], labels=labels, leaves="once").scene) == []


def test_either_all_lines_of_a_node_bend_or_none():
    """One that is straight would cross those that are not."""
    scene = gv.figure(fan(), direction="right").scene
    assert {len(edge.points) for edge in scene.edges} == {2, 10}
    assert [len(edge.points) for edge in scene.edges].count(10) == 12


def test_a_line_around_others_is_an_arch_that_never_climbs():
    x = gv.param("x_0", 1.0)
    for k in (1, 2):
        x = (x - (x**2 - 2) / (2 * x)).named(f"x_{k}")  # Newton's method: lines pass the leaves of a rank on the right
    scene = gv.figure(x).scene
    for edge in scene.edges:
        assert all(below[1] > above[1] for above, below in pairwise(edge.line)), (edge.parent, edge.child)
    assert max(len(edge.points) for edge in scene.edges) == 4  # Graphviz's routes are chains of several curves
    assert not list(faults(scene))


def between(a, b, c, d):
    """Whether the ends of the segment from c to d lie on both sides of the line through a and b."""
    first, second = ((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]) for p in (c, d))
    return min(first, second) < 0 < max(first, second)


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=4, max_size=12), st.integers(2, 10))
def test_polylines_cross_where_segments_do(points, length):
    line, other = tuple(points[:length]), tuple(points[length:])
    assume(len(line) > 1 < len(other))
    segments = [(*one, *two) for one in pairwise(line) for two in pairwise(other)]
    expected = any(between(a, b, c, d) and between(c, d, a, b) for a, b, c, d in segments)
    assert polylines_cross(line, other) is expected is polylines_cross(other, line)
