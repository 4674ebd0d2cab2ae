"""Pictures by their properties: nothing overlaps, nothing is clipped, the same input gives the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest
from faults import faults
from gallery import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gradviz as gv
from gradviz.draw.theme import THEMES
from gradviz.errors import DrawError, FileError, UsageError
from gradviz.passes import evaluate

HINGE = ROOT / "examples" / "hinge_loss.py"


def hinge():
    W, phi, y = gv.param("W", [0.2, 0.3]), gv.data("phi", [-1.0, 1.0], tex=r"\phi(x)"), gv.data("y", 1.0)
    margin = ((W @ phi).named("score") * y).named("margin")
    return gv.maximum(1 - margin, 0).named("loss")


@pytest.mark.parametrize("labels", ["symbolic", "numeric", "both", "none"])
def test_every_example_is_clean(example_roots, labels):
    for name, node in example_roots.items():
        picture = gv.figure(node, labels=labels)
        assert faults(picture.scene) == [], name
        ElementTree.fromstring(picture.svg())


@pytest.mark.parametrize("theme", THEMES)
def test_every_example_in_every_theme(example_roots, theme):
    for name, node in example_roots.items():
        picture = gv.figure(node, theme=theme)
        assert faults(picture.scene) == [], name
        assert THEMES[theme].paper in picture.svg()


@pytest.mark.parametrize("direction", ["down", "up", "left", "right"])
@pytest.mark.parametrize("leaves", ["once", "repeat"])
def test_every_direction(example_roots, direction, leaves):
    for name in ("hinge_loss-loss", "squared_loss-loss", "two_cars-h", "baydin_example-y"):
        picture = gv.figure(example_roots[name], direction=direction, leaves=leaves)
        assert faults(picture.scene) == [], name


def test_inputs_lie_where_the_direction_says():
    for direction, axis, sign in (("down", 1, 1), ("up", 1, -1), ("right", 0, 1), ("left", 0, -1)):
        scene = gv.figure(hinge(), direction=direction).scene
        for edge in scene.edges:
            assert (edge.points[-1][axis] - edge.points[0][axis]) * sign > 0


def test_arguments_stand_in_order():
    scene = gv.figure(gv.data("a", 1.0) - gv.data("b", 2.0)).scene
    places = {text.text: text.x for text in scene.texts if text.kind == "data"}
    assert places["a"] < places["b"]


def luminance(color):
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_contrast(theme):
    kinds = ("operation", "data", "constant", "parameter", "name", "forward", "backward", "derivative", "caption")
    for kind in kinds:
        paper = theme.box if kind == "operation" else theme.paper
        assert contrast(theme.color(kind), paper) >= 4.5, kind


def contrast(color, paper):
    light, dark = sorted((luminance(color), luminance(paper)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_lines_are_seen_from_the_last_row(theme):
    """WCAG asks 3:1 of what is no text."""
    assert min(contrast(getattr(theme, line), theme.paper) for line in ("line", "faint_line", "border")) >= 3


DEFICIENCIES = {  # Machado, Oliveira, Fernandes (2009), severity 1: what is seen of linear red, green, blue
    "protanopia": [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.052]],
    "deuteranopia": [[0.3673, 0.8606, -0.2279], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]],
    "tritanopia": [[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def seen(color, deficiency):
    """A color in CIE L*a*b*, as it is seen."""
    parts = np.array([int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    x, y, z = np.cbrt(TO_XYZ @ np.clip(np.array(deficiency) @ linear, 0.001, 1) / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("deficiency", DEFICIENCIES.values(), ids=DEFICIENCIES)
def test_the_colors_of_the_colorblind_theme_differ_for_everybody(deficiency):
    kinds = ("parameter", "derivative", "forward", "backward", "ink")
    colors = [seen(getattr(THEMES["colorblind"], kind), deficiency) for kind in kinds]
    assert min(np.linalg.norm(a - b) for a, b in combinations(colors, 2)) > 25


def test_the_pictures_texts():
    scene = gv.figure(hinge()).scene
    texts = {(text.kind, text.text) for text in scene.texts}
    assert ("derivative", "1[1 − margin > 0]") in texts
    assert ("derivative", "y") in texts
    assert ("derivative", "φ(x)") in texts
    assert ("forward", "f0 = 0.9") in texts
    assert ("backward", "g2 = −1") in texts
    assert ("parameter", "W") in texts
    assert ("name", "margin") in texts
    dead = {(edge.parent, edge.slot) for edge in scene.edges if not edge.live}
    assert len(dead) == 4


def test_a_bare_exponent_stands_in_the_box():
    x, n, three = gv.param("x", 2.0), gv.constant(0.5).named("n"), gv.constant(3.0)
    powers = x**3, (-2) ** x, x**-1.5, 1e7**x, x**n, x**three + three, gv.power(2.0, 3.0), gv.power(x, [1.0, 2.0])[0]
    figures = [gv.figure(power).figure for power in powers]
    shown = [[node.body.text for node in figure.nodes] for figure in figures]
    assert shown == [
        ["(·)^3", "x"],
        ["(−2)^(·)", "x"],
        ["(·)^−1.5", "x"],
        ["(1×10^7)^(·)", "x"],
        ["pow", "x", "n"],
        ["+", "(·)^3", "3", "x"],
        ["pow", "2", "3"],
        ["[0]", "pow", "x", "[1, 2]"],
    ]
    assert all(len(figure.edges) == len(figure.nodes) - 1 for figure in figures)


def test_outputs_have_the_names_they_were_given():
    a, b = gv.param("a", 1.0), gv.param("b", 2.0)
    scene = gv.figure(gv.graph(mean=(a + b) / 2, q=(a * b).named("product"))).scene
    assert [text.text for text in scene.texts if text.kind == "name"] == ["mean", "product"]
    assert faults(scene) == []
    for graph in (gv.graph(a * b), gv.graph(a * b, a + b)):
        assert "name" not in {text.kind for text in gv.figure(graph).scene.texts}


def test_what_is_not_computed_is_not_zero():
    scene = gv.figure(hinge(), values=gv.evaluate(hinge())).scene
    assert {text.kind for text in scene.texts} >= {"forward"}
    assert "backward" not in {text.kind for text in scene.texts}
    assert "forward" not in {text.kind for text in gv.figure(hinge(), values=False).scene.texts}


@pytest.mark.parametrize(("size", "made"), [(4, True), (20, False)])
def test_a_large_jacobian_is_not_made_for_its_norm(monkeypatch, size, made):
    asked = []
    whole = evaluate.local_derivative
    monkeypatch.setattr(evaluate, "local_derivative", lambda *args: asked.append(args[2:]) or whole(*args))
    X, W = gv.data("X", np.ones((size, size))), gv.param("W", np.ones((size, size)))
    graph = gv.graph(gv.sum(X @ W))
    edges = gv.figure(graph, values=gv.backprop(graph), labels="numeric").figure.edges
    (label,) = next(edge.labels for edge in edges if edge.slot == 1)
    assert label.text == ("4×4×4×4, norm 8" if made else "20×20×20×20")
    assert ((2, 1) in asked) is made


def test_two_edges_of_a_square_are_two():
    x = gv.param("x", 3.0)
    scene = gv.figure(x * x).scene
    assert len({edge.points for edge in scene.edges}) == 2
    assert [text.text for text in scene.texts if text.kind == "derivative"] == ["x", "x"]
    assert faults(scene) == []


def test_readme_picture_is_the_one_drawn_today(example_roots):
    drawn = gv.figure(example_roots["hinge_loss-loss"]).svg()
    assert (ROOT / "docs" / "hinge_loss.svg").read_text(encoding="utf-8") == drawn, (
        "run: gradviz render examples/hinge_loss.py -o docs/hinge_loss.svg"
    )
    assert len(drawn.encode()) < 20_000


def test_the_gallery_is_what_is_drawn_today(example_roots):
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    pictures = {path.stem: path for path in (ROOT / "docs" / "gallery").glob("*.svg")}
    scripts = [name.partition("-")[0] for name in example_roots]
    expected = set()
    for name, node in example_roots.items():
        script = name.partition("-")[0]
        stem = name if scripts.count(script) > 1 else script
        expected.add(stem)
        assert f"gallery/{stem}.svg" in page
        assert pictures[stem].read_text(encoding="utf-8") == drawn_by_command(node, name), f"{stem}: make pictures"
    assert set(pictures) == expected


def drawn_by_command(node, name):
    """The picture as `gradviz render` titles it: by the variable."""
    return gv.figure(node, title=name.partition("-")[2]).svg()


def test_same_input_same_bytes():
    code = (
        "import runpy, sys, gradviz as gv;"
        f"node = runpy.run_path({str(HINGE)!r})['loss']; p = gv.figure(node);"
        "sys.stdout.buffer.write(p.svg().encode() + p.json().encode() + p.dot().encode() + p.png() + p.pdf())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert len(runs[0]) > 50_000


def test_svg_carries_title_description_and_latex():
    tree = ElementTree.fromstring(gv.figure(hinge()).svg())
    space = "{http://www.w3.org/2000/svg}"
    assert tree.find(f"{space}title").text == "loss"
    assert "max" in tree.find(f"{space}desc").text
    formulas = [group.attrib["data-tex"] for group in tree.iter(f"{space}g") if "data-tex" in group.attrib]
    assert r"\mathbf{1}[1 - \mathrm{margin} > 0]" in formulas
    drawn = [use.attrib["href"] for use in tree.iter(f"{space}use")]
    defined = {path.attrib["id"] for path in tree.iter(f"{space}path") if "id" in path.attrib}
    assert {name[1:] for name in drawn} == defined
    assert len(drawn) > 2 * len(defined)  # outlines are shared


def test_colors_and_sizes_are_said_once_for_each_kind(example_roots):
    """What a figure of a slide takes stays below 40 kB, and an LSTM with all its numbers below 80."""
    limits = {
        "backprop-loss": 40_000,
        "squared_loss-loss": 40_000,
        "two_cars_learned-loss": 40_000,
        "lstm-loss": 80_000,
    }
    for name, limit in limits.items():
        svg = gv.figure(example_roots[name]).svg()
        assert len(svg.encode()) < limit, name
        kinds = [group for group in ElementTree.fromstring(svg) if group.get("class")]
        formulas = [formula for kind in kinds for formula in kind]
        assert formulas
        assert not [formula for formula in formulas if {"fill", "class"} & set(formula.attrib)]


@pytest.mark.parametrize("theme", THEMES)
def test_every_formula_has_the_color_of_its_kind(theme):
    scene = gv.figure(hinge()).scene
    drawn = set()
    for kind in ElementTree.fromstring(gv.figure(hinge(), theme=theme).svg()):
        drawn |= {(kind.get("class"), formula.get("data-tex"), kind.get("fill")) for formula in kind}
    expected = {(text.kind, text.tex, THEMES[theme].color(text.kind)) for text in scene.texts}
    assert expected <= drawn


def test_pictures_of_one_document_do_not_mix():
    x = gv.param("x", 3.0)
    meanings = {}
    for node in (gv.square(x), gv.exp(x) / x, gv.square(x)):
        root = ElementTree.fromstring(gv.figure(node).svg())
        for element in root.iter():
            if "id" in element.attrib:
                meaning = ElementTree.tostring(element)
                assert meanings.setdefault(element.attrib["id"], meaning) == meaning
        assert {element.attrib["href"][1:] for element in root.iter() if "href" in element.attrib} <= set(meanings)
        assert set(root.attrib["aria-labelledby"].split()) <= set(meanings)
    assert sum(name.startswith("title") for name in meanings) == 2


def test_json_holds_every_text_and_route():
    scene = json.loads(gv.figure(hinge()).json())
    assert {text["kind"] for text in scene["texts"]} >= {"operation", "parameter", "derivative", "forward"}
    assert all(len(edge["points"]) >= 2 for edge in scene["edges"])
    assert len(scene["boxes"]) == 4


def test_formats(tmp_path):
    picture = gv.figure(hinge())
    magic = {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF", "json": b"{", "dot": b"//", "gv": b"//"}
    for suffix, start in magic.items():
        path = picture.save(tmp_path / f"picture.{suffix}")
        assert path.read_bytes().startswith(start), suffix
    assert picture._repr_svg_() == picture.svg()
    graph = picture.to_graphviz()
    graph.attr(rankdir="LR")
    assert "1[1 − margin > 0]" in graph.source
    with pytest.raises(UsageError, match="did you mean 'svg'"):
        picture.save(tmp_path / "picture.svgg")
    with pytest.raises(UsageError, match="no suffix"):
        picture.save(tmp_path / "picture")
    with pytest.raises(FileError, match="cannot write"):
        picture.save(tmp_path / "missing" / "picture.svg")


@pytest.mark.parametrize(
    ("option", "near"),
    [
        ({"theme": "slides"}, "slide"),
        ({"labels": "numerical"}, "numeric"),
        ({"view": "backdrop"}, "backprop"),
        ({"leaves": "twice"}, "once"),
        ({"direction": "sideways"}, "down"),
    ],
)
def test_unknown_choices_are_answered_with_the_choices(option, near):
    with pytest.raises(UsageError) as caught:
        gv.figure(hinge(), **option)
    assert near in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "quote \" & apostrophe '",
        "control \x00\x01\x1b[31m",
        "right \u202eto left",
        "x" * 20_000,
        "损失率",
        "مرحبا",
        "😀👩‍👩‍👧",
        "a_b^c~d\\e{f}$g#h%",
        "\ud800 alone",
        "é̂́ combining",
        r"\frac{",
    ],
)
def test_hostile_labels(name):
    for options in ({}, {"tex": name}):
        picture = gv.figure(gv.exp(gv.param(name, 1.0, **options)).named("y"))
        tree = ElementTree.fromstring(picture.svg())
        assert not [element for element in tree.iter() if element.tag.endswith(("script", "foreignObject"))]
        assert faults(picture.scene) == []
        assert picture.scene.width < 1500
        assert "\x1b" not in picture.svg()
        json.loads(picture.json().encode("utf-8", "replace"))
        assert picture.dot()


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=30), st.text(max_size=30))
def test_any_text_can_be_a_label(name, tex):
    try:
        leaf = gv.param(name, 1.0, tex=tex or None)
    except gv.GradvizError:
        return
    picture = gv.figure(gv.sin(leaf), title=name)
    ElementTree.fromstring(picture.svg())
    assert faults(picture.scene) == []


UNARY = [gv.exp, gv.sin, gv.sigmoid, gv.square, gv.relu, gv.tanh]
BINARY = [gv.add, gv.multiply, gv.subtract, gv.maximum, gv.divide]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_random_graphs_are_clean(data):
    nodes = [gv.param(name, 0.5) for name in "abc"] + [gv.constant(2.0)]
    for place in range(data.draw(st.integers(1, 14))):
        if data.draw(st.booleans()):
            node = data.draw(st.sampled_from(UNARY))(data.draw(st.sampled_from(nodes)))
        else:
            node = data.draw(st.sampled_from(BINARY))(*(data.draw(st.sampled_from(nodes)) for _ in range(2)))
        if data.draw(st.booleans()):
            node.named(f"node{place}")
        nodes.append(node)
    picture = gv.figure(
        nodes[-1],
        labels=data.draw(st.sampled_from(["symbolic", "both"])),
        leaves=data.draw(st.sampled_from(["auto", "once", "repeat"])),
        direction=data.draw(st.sampled_from(["down", "right"])),
    )
    assert faults(picture.scene) == []


def test_arrays_of_every_size():
    for shape in [(1,), (8,), (9,), (2, 4), (3, 3), (2, 2, 2), (0,), (100, 100)]:
        x = gv.param("x", np.ones(shape))
        assert faults(gv.figure(gv.sum(gv.exp(x)), labels="both").scene) == []


def test_a_png_too_large_is_refused():
    picture = gv.figure(hinge())
    for scale in (1e4, 0, -1, float("nan"), float("inf")):
        with pytest.raises(DrawError, match="cannot be made"):
            picture.png(scale)
    assert len(picture.png(1)) < len(picture.png(4))


def test_a_label_stands_at_its_line(example_roots):
    """No candidate far away is taken, however crowded the middle is (it once was, at 10⁹ px)."""
    for node in example_roots.values():
        scene = gv.figure(node, labels="both").scene
        assert max(scene.width, scene.height) < 4000


def test_nan_is_visible():
    scene = gv.figure(gv.log(gv.param("x", -1.0)).named("y")).scene
    assert "f0 = NaN" in {text.text for text in scene.texts}


def test_large_graphs_are_laid_out_in_a_child_process():
    x = gv.param("x", 0.1)
    rows = [x]
    for _ in range(400):
        rows.append(gv.sin(rows[-1]))
    scene = gv.figure(rows[-1], labels="none", values=False).scene
    assert len(scene.boxes) == 400
    assert faults(scene) == []
