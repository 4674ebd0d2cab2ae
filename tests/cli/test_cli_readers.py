"""Terminal, page, slides and worksheet read the same steps: their numbers are read back and compared."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from browser import Opened

import gradviz as gv
from gradviz.passes.labels import node_numbers

FIVE = {
    "hinge_loss": "loss",
    "squared_loss": "loss",
    "baydin_example": "y",
    "mazur_network": "loss",
    "micrograd_readme": "g",
}
EXAMPLES = Path(__file__).parents[2] / "examples"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
OVERLAY = re.compile(
    r"^(?:\\only<([\d,-]+)>\{)?\\node\[gradviz (\w+),.*?\{\\gradvizfit\{[^}]*\}\{[^}]*\}\{(.*)\}\};\}?$", re.MULTILINE
)
ROW = r"""rows => {
    const text = node => {
        const parts = [...node.childNodes].map(text);
        if (node.nodeName === "mtr") return parts.join(",") + ";";
        return node.nodeName === "msup" ? parts.join("^") : parts.join("") || node.data || "";
    };
    return rows.map(row => [...row.cells || row.querySelectorAll(".numbers")].map(text));
}"""


def read(written: str) -> np.ndarray:
    """The numbers in a text or in LaTeX: a number, a vector or a matrix, in a row."""
    text = written.replace("\N{MINUS SIGN}", "-").replace(r"\\", ";").replace("&", ",")
    text = re.sub(r"\\(?:(?:begin|end)\{bmatrix\}|relax| )", "", text)
    text = re.sub(r"(?:×|\\times)\s*10\^\{?(-?\d+)\}?", r"e\1", text)
    text = re.sub(r"\s", "", text)
    assert re.fullmatch(r"[\[\],;\d.e-]+", text), written
    return np.array([float(number) for number in NUMBER.findall(text)])


def assert_same(written: str, value: object) -> None:
    """Whether what is written is a value, as far as its three digits go."""
    np.testing.assert_allclose(read(written), np.ravel(value), rtol=6e-3, atol=1e-300)


def result(line: str) -> str:
    """What stands behind the last equals sign."""
    return line.rpartition("=")[2]


@pytest.fixture(scope="module", params=FIVE)
def example(request, example_roots):
    """A script, the graph in it, its steps and its values."""
    name = request.param
    graph = gv.graph(example_roots[f"{name}-{FIVE[name]}"])
    steps, values = gv.steps(graph), gv.backprop(graph)
    done = {step.node: step.after for step in steps if step.phase in ("seed", "backward")}
    assert set(done) == set(values.backward)
    for node, adjoint in done.items():
        np.testing.assert_allclose(adjoint, values.backward[node], rtol=1e-12)
    return str(EXAMPLES / f"{name}.py"), graph, steps, values


def figure_numbers(graph, values):
    """What f_i and g_i are: {"f_0": …}."""
    numbers = node_numbers(graph)
    found = {f"f_{number}": values.forward[node] for node, number in numbers.items()}
    return found | {f"g_{number}": values.backward[node] for node, number in numbers.items() if node in values.backward}


def test_the_terminal(gradviz, example):
    script, _, steps, _ = example
    done = gradviz.quick("step", script, "--all")
    lines = [
        line for line in done.stdout.splitlines() if re.match(r" *\d+ (?:forward|seed|backward|sum|grad|upd)", line)
    ]
    assert len(lines) == len(steps)
    for line, step in zip(lines, steps, strict=True):
        assert line.split()[1] == step.phase
        assert_same(result(line), step.after)


def test_the_page(gradviz, browser, example):
    script, graph, steps, values = example
    path = Path(gradviz.quick("render", script, "-o", str(gradviz.folder / "x.html")).stdout.strip())
    with Opened(browser, path) as opened:
        for summary in opened.page.locator("summary").all():
            summary.click()
        listed = opened.page.locator("#steps > li").evaluate_all(ROW)
        table = opened.page.locator("table tbody tr").evaluate_all(ROW)
    assert len(listed) == len(steps)
    for (numbers,), step in zip(listed, steps, strict=True):
        assert_same(result(numbers), step.after)
    named = figure_numbers(graph, values)
    seen = set()
    for _, shown, value, adjoint in table:
        number = shown.replace("\N{MATHEMATICAL ITALIC SMALL F}", "").replace("f", "")
        if number:
            seen.add(number)
            assert_same(value, named[f"f_{number}"])
            assert_same(adjoint, named[f"g_{number}"])
    assert seen == {name[2:] for name in named}


def test_the_frames(gradviz, example):
    script, graph, steps, values = example
    done = gradviz.quick("render", script, "--frames", "-o", str(gradviz.folder / "x.svg"))
    paths = [Path(line) for line in done.stdout.splitlines()]
    assert len(paths) == len(steps) + 1
    for path, step in zip(paths[1:], steps, strict=True):
        (caption,) = labels(path, "caption")
        assert_same(result(caption), step.after)
    assert_all_numbers(labels(paths[-1], "forward", "backward"), graph, values)


def test_the_slide(gradviz, example):
    script, graph, steps, values = example
    gradviz.quick("render", script, "--frames", "-o", str(gradviz.folder / "x.tex"))
    nodes = OVERLAY.findall((gradviz.folder / "x.tex").read_text(encoding="utf-8"))
    captions = {int(place): tex for slides, kind, tex in nodes if kind == "caption" for place in spread(slides)}
    assert sorted(captions) == list(range(2, len(steps) + 2))
    for place, step in enumerate(steps, 2):
        assert_same(result(captions[place]), step.after)
    assert_all_numbers([tex for _, kind, tex in nodes if kind in ("forward", "backward")], graph, values)
    numbers = node_numbers(graph)
    for place, step in enumerate(steps, 2):
        if step.phase == "forward":
            name = f"f_{{{numbers[step.node]}}} ="
            assert [slides for slides, kind, tex in nodes if kind == "forward" and tex.startswith(name)] == [
                f"{place}-"
            ]


def test_the_key_of_a_worksheet(gradviz, example):
    script, graph, _, values = example
    gradviz.quick("render", script, "--blank", "f", "--blank", "g", "-o", str(gradviz.folder / "x.svg"))
    assert_all_numbers(labels(gradviz.folder / "x-key.svg", "forward", "backward"), graph, values)


def labels(path: Path, *kinds: str) -> list[str]:
    """The LaTeX of the labels in an SVG."""
    root = ElementTree.parse(path).getroot()
    return [formula.attrib["data-tex"] for group in root if group.get("class") in kinds for formula in group]


def spread(slides: str) -> range:
    """The slides of an overlay that comes once: "3", or "3-"."""
    first, _, last = slides.partition("-")
    return range(int(first), int(last or first) + 1)


def assert_all_numbers(texts: list[str], graph, values) -> None:
    """Every f_i and g_i is there, and right."""
    found = {}
    for tex in texts:
        if match := re.match(r"([fg])_\{?(\d+)\}? = ", tex):
            found[f"{match[1]}_{match[2]}"] = tex[match.end() :]
    named = figure_numbers(graph, values)
    assert set(found) == set(named)
    for name, tex in found.items():
        assert_same(tex, named[name])
