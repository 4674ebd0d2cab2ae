"""`gradviz explain`, and `gradviz render --path`."""

import json

import pytest


def test_the_derivation_of_the_hinge_loss(hinge):
    done = hinge("explain", "hinge.py", "--wrt", "W")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.strip() for line in done.stdout.splitlines()] == [
        "(∂loss)/(∂W)  1 path",
        "",
        "path 1        loss → f_1 → margin → score → W",
        "its product   1[1 − margin > 0] · (−1) · y · φ(x)",
        "so that       (∂loss)/(∂W) = −1[1 − margin > 0] y φ(x)",
        "simplified    −1[margin < 1] φ(x) y",
        "with numbers  1 · (−1) · 1 · [−1, 1] = [1, −1]",
        "",
        "A small change ε at W moves loss by about [1, −1] · ε.",
    ]


def test_formats_and_files(hinge):
    latex = hinge.quick("explain", "hinge.py", "--wrt", "W", "--format", "latex").stdout
    assert latex.startswith("\\begin{aligned}\n")
    assert latex.endswith("\\end{aligned}\n")
    assert hinge.quick("explain", "hinge.py", "--wrt", "W", "-o", "w.tex").stdout == "w.tex\n"
    assert (hinge.folder / "w.tex").read_text(encoding="utf-8") == latex
    assert hinge.quick("explain", "hinge.py", "--wrt", "W", "-o", "capitals.TEX").stdout == "capitals.TEX\n"
    assert (hinge.folder / "capitals.TEX").read_text(encoding="utf-8") == latex
    facts = json.loads(hinge.quick("explain", "hinge.py", "--wrt", "y", "--json").stdout)
    assert facts["simplified"] == r"-\mathbf{1}[\mathrm{margin} < 1]\,\mathrm{score}"
    assert hinge.quick("explain", "hinge.py", "--wrt", "y", "--format", "markdown").stdout.startswith("### $")


def test_every_graph_with_the_leaf_is_explained(gradviz):
    gradviz.write(
        "several.py",
        "import gradviz as gv\nx, y = gv.param('x', 1.0), gv.param('y', 2.0)\na, b, c = x * y, gv.sin(x), gv.cos(y)\n",
    )
    found = json.loads(gradviz.quick("explain", "several.py", "--wrt", "x", "--json").stdout)
    assert [one["simplified"] for one in found] == ["y", r"\cos(x)"]


def test_an_expression_needs_no_values(gradviz):
    done = gradviz.quick("explain", "-e", "x*y + sin(x)", "--wrt", "x")
    assert "(∂output)/(∂x) = y + cos(x)" in done.stdout
    assert "numbers" not in done.stdout
    with_values = gradviz.quick("explain", "-e", "x*y", "--wrt", "x", "--at", "x=2", "--at", "y=3")
    assert "A small change ε at x moves output by about 3 ε." in with_values.stdout


def test_a_lit_path_is_drawn(hinge):
    done = hinge.quick("render", "hinge.py", "--path", "W", "--format", "json")
    scene = json.loads((hinge.folder / done.stdout.strip()).read_text(encoding="utf-8"))
    assert sum(edge["lit"] for edge in scene["edges"]) == 4
    captions = [text["text"] for text in scene["texts"] if text["kind"] == "caption"]
    assert captions == ["(∂loss)/(∂W) = 1[1 − margin > 0] · (−1) · y · φ(x)"]


def test_the_output_itself_is_reached_by_an_empty_product(hinge):
    lines = hinge.quick("explain", "hinge.py", "--wrt", "loss").stdout.splitlines()
    assert [line.strip().split("  ")[-1].strip() for line in lines[2:6]] == ["loss", "1", "(∂loss)/(∂loss) = 1", "1"]
    latex = hinge.quick("explain", "hinge.py", "--wrt", "loss", "--format", "latex").stdout
    slope = r"\frac{\partial \mathrm{loss}}{\partial \mathrm{loss}}"
    assert latex.splitlines() == [r"\begin{aligned}", f"{slope} &= 1", r"\end{aligned}"]
    hinge.quick("render", "hinge.py", "--path", "loss", "--format", "json")
    scene = json.loads((hinge.folder / "hinge.json").read_text(encoding="utf-8"))
    assert [text["text"] for text in scene["texts"] if text["kind"] == "caption"] == ["(∂loss)/(∂loss) = 1"]


def test_the_gradients_on_the_way_to_the_end_of_a_lit_path_are_shown(gradviz):
    program = "import gradviz as gv\nx, w = gv.data('x', 2.0), gv.param('w', 3.0)\nloss = gv.square(x) * w\n"
    gradviz.write("net.py", f"{program}picture = gv.figure(loss, path='x')\n")
    for target in (["net.py:loss", "--path", "x"], ["net.py:picture"]):
        scene = json.loads(gradviz.quick("render", *target, "--format", "json", "-o", "-").stdout)
        shown = [text["text"] for text in scene["texts"] if text["kind"] == "backward"]
        assert shown == ["g0 = 1", "g1 = 3", "4", "12"]


@pytest.mark.parametrize(
    ("args", "status", "line"),
    [
        (["explain", "hinge.py"], 2, "--wrt"),
        (["explain", "hinge.py", "--wrt", "w"], 2, "--wrt w: the graph has no node named 'w' (its names are W, phi"),
        (["explain", "hinge.py", "--wrt", "W", "-o", "x.txt"], 2, "does not say its format"),
        (["explain", "hinge.py", "--wrt", "W", "-o", "x.md", "--format", "latex"], 2, "says markdown, not latex"),
        (["explain", "hinge.py", "--wrt", "W", "-o", "x.md", "--json"], 2, "says markdown, not json"),
        (["explain", "hinge.py", "--wrt", "W", "--json", "--format", "latex"], 2, "--json is --format json, not latex"),
        (["explain", "-e", "[x, x]", "--wrt", "x"], 1, ""),
        (["explain", "missing.py", "--wrt", "W"], 1, "no file"),
        (["explain", "hinge.py", "--wrt", "W", "--at", "margin=1"], 1, "is computed"),
        (["render", "hinge.py", "--path", "q"], 2, "no node named 'q'"),
    ],
)
def test_bad_input_is_one_line(hinge, args, status, line):
    hinge.refuses(*args, status=status, line=line)
