"""`gradviz render`: which figures, which files, which answer."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="other desktops open files otherwise")


def test_one_figure_is_named_after_the_script(hinge):
    done = hinge("render", "hinge.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "hinge.svg\n", "")
    assert (hinge.folder / "hinge.svg").read_text().startswith("<svg")
    assert {path.name for path in hinge.folder.iterdir()} == {"hinge.py", "hinge.svg"}


def test_every_root_and_every_graph_is_a_figure_once(gradviz):
    gradviz.write(
        "several.py",
        "import gradviz as gv\n"
        "x = gv.param('x', 2.0)\n"
        "a = gv.square(x)\n"
        "alias = a\n"
        "g = gv.graph(a * 3)\n"  # holds a, which therefore is no figure of its own
        "b = gv.exp(a)\n"
        "_scratch = gv.sin(x)\n"
        "h = gv.graph(gv.log(x))\n"
        "same = h\n"
        "loss = gv.sin(x)\n"
        "whole = gv.graph(loss)\n",  # is the figure of loss
    )
    done = gradviz("render", "several.py", "--format", "json")
    assert done.stdout.splitlines() == ["several-g.json", "several-b.json", "several-h.json", "several-whole.json"]


def test_a_named_variable_is_drawn_alone(hinge):
    done = hinge("render", "hinge.py:score", "--format", "json", "--json")
    (fact,) = json.loads(done.stdout)
    assert fact["path"] == "hinge-score.json"
    assert fact["nodes"] == 3
    assert fact["outputs"] == {"score": pytest.approx(0.1)}


PROGRAM = "import gradviz as gv\nx = gv.param('x', [1.0, 2.0])\n"
TWO_OUTPUTS = f"{PROGRAM}g = gv.graph(total=gv.sum(gv.square(x)), mean=gv.mean(x))\nalias = g\n"


def test_a_named_output_is_drawn_alone(gradviz):
    gradviz.write("two.py", TWO_OUTPUTS)
    done = gradviz.quick("render", "two.py:mean", "--format", "json", "--json")
    (fact,) = json.loads(done.stdout)
    assert (fact["path"], fact["nodes"], fact["outputs"]) == ("two-mean.json", 2, {"mean": 1.5})
    assert fact["gradients"] == {"x": [0.5, 0.5]}
    gradviz.refuses("render", "two.py:man", status=1, line="has no variable 'man' (did you mean 'mean'?)")
    gradviz.refuses("render", "two.py", "--frames", status=1, line="2 outputs (say which: script.py:total)")
    gradviz.write("more.py", f"{PROGRAM}g, h = gv.graph(y=x * x), gv.graph(y=x * 2.0)\n")
    gradviz.refuses("render", "more.py:y", status=1, line="2 graphs in more.py have an output 'y'")


def test_a_picture_of_the_script_is_drawn_as_it_is(gradviz):
    gradviz.write(
        "made.py",
        "import gradviz as gv\ndef build():\n    return gv.square(gv.param('x', 3.0)).named('loss')\n"
        "picture = gv.figure(build(), title='made by the script')\n",
    )
    for target in ("made.py", "made.py:picture"):
        done = gradviz("render", target, "-o", "-")
        assert "made by the script" in done.stdout
    for option in (["--theme", "slide"], ["--labels", "none"], ["--direction", "up"], ["--path", "x"], ["--no-values"]):
        line = f"{option[0]}: a picture that the script has made stays as it is"
        gradviz.refuses("render", "made.py", *option, status=2, line=line)


def test_a_png_has_so_many_pixels_for_each_px(hinge):
    sizes = []
    for scale in ("1", "2"):
        hinge.quick("render", "hinge.py", "-o", "hinge.png", "--scale", scale)
        data = (hinge.folder / "hinge.png").read_bytes()
        sizes.append([int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")])
    np.testing.assert_allclose(sizes[1], np.multiply(sizes[0], 2), atol=1)
    hinge.refuses("render", "hinge.py", "--scale", "2", status=2, line="--scale is of a PNG")
    hinge.refuses("render", "hinge.py", "-o", "x.png", "--scale", "-1", status=1, line="cannot be made")


def test_formats_and_names_of_files(hinge):
    done = hinge("render", "hinge.py", "--format", "json", "--format", "dot", "-o", "out.json")
    assert done.stdout.splitlines() == ["out.json", "out.dot"]
    assert json.loads((hinge.folder / "out.json").read_text())
    assert "graph" in (hinge.folder / "out.dot").read_text()
    (hinge.folder / "pictures").mkdir()
    assert hinge("render", "hinge.py", "-o", "pictures").stdout == "pictures/hinge.svg\n"
    assert (hinge.folder / "pictures" / "hinge.svg").exists()
    assert hinge("render", "hinge.py", "-o", "new/er/", "--format", "json").stdout == "new/er/hinge.json\n"
    assert json.loads((hinge.folder / "new" / "er" / "hinge.json").read_text())


def test_several_figures_keep_their_names_beside_the_given_one(gradviz):
    gradviz.write("two.py", "import gradviz as gv\nx = gv.param('x', 1.0)\na, b = gv.exp(x), gv.square(x)\n")
    done = gradviz("render", "two.py", "-o", "figure.json")
    assert done.stdout.splitlines() == ["figure-a.json", "figure-b.json"]
    gradviz.refuses("render", "two.py", "-o", "-", status=2, line="stdout takes one figure")


def test_an_expression_is_drawn_without_a_script(gradviz):
    done = gradviz("render", "-e", "max(1 - w*x*y, 0)", "--at", "w=2", "--at", "x=0.25", "--at", "y=1", "--json")
    (fact,) = json.loads(done.stdout)
    assert fact["path"] == "expression.svg"
    assert list(fact["outputs"].values()) == [0.5]
    assert fact["gradients"] == {"w": -0.25, "x": -2.0, "y": -0.5}
    assert fact["notes"] == []
    assert (gradviz.folder / "expression.svg").exists()


def test_values_of_leaves_come_from_the_command_line(hinge):
    for point in ("W=1,2", "W=[1, 2]"):
        done = hinge("render", "hinge.py", "--at", point, "--at", "y=0.5", "--format", "json", "--json")
        (fact,) = json.loads(done.stdout)
        assert fact["outputs"] == {"loss": 0.5}
        assert fact["gradients"] == {"W": [0.5, -0.5]}


def test_a_picture_of_a_script_is_drawn_though_leaves_are_among_its_variables(gradviz):
    program = "import gradviz as gv\nw = gv.param('w', 1.0)\ndrawn = gv.figure(gv.square(w), title='mine')\n"
    gradviz.write("pictures.py", program)
    assert gradviz("render", "pictures.py").stdout == "pictures.svg\n"
    assert "mine" in (gradviz.folder / "pictures.svg").read_text(encoding="utf-8")


def test_a_leaf_without_a_value_is_named_and_the_figure_drawn(gradviz):
    done = gradviz("render", "-e", "w*x + b", "--at", "x=1", "--labels", "numeric")
    assert done.returncode == 0
    assert done.stdout == "expression.svg\n"
    assert "w, b have none" in done.stderr
    assert "in symbols" in done.stderr


def test_a_root_that_is_no_number_is_drawn_with_its_values(gradviz):
    gradviz.write("vector.py", "import gradviz as gv\na = gv.square(gv.param('x', [1.0, 2.0]))\n")
    done = gradviz("render", "vector.py", "--json")
    (fact,) = json.loads(done.stdout)
    assert fact["outputs"]["output"] == [1.0, 4.0]
    assert "without gradients" in done.stderr


def test_the_first_nan_is_named_and_the_figure_drawn(gradviz):
    gradviz.write(
        "nan.py",
        "import gradviz as gv\nx = gv.param('x', -1.0)\nroot = gv.sqrt(x).named('root')\n"
        "loss = (root * 2).named('l')\n",
    )
    done = gradviz("render", "nan.py", "--json")
    assert done.returncode == 0
    assert "root" in done.stderr
    assert "NaN" in done.stderr
    (fact,) = json.loads(done.stdout)
    assert fact["outputs"] == {"l": "nan"}
    assert fact["notes"]


def test_no_values_leaves_the_numbers_out(hinge):
    def texts(*options):
        return hinge("render", "hinge.py", "-o", "-", "--format", "json", *options).stdout

    assert "f_" in texts()
    assert "f_" not in texts("--no-values", "--labels", "none")


def test_options_change_the_picture_and_the_same_input_gives_the_same_bytes(hinge):
    def picture(*options):
        return hinge("render", "hinge.py", "-o", "-", *options, text=False).stdout

    first = picture()
    assert picture() == first
    others = [
        picture("--theme", "dark"),
        picture("--direction", "right"),
        picture("--labels", "numeric"),
        picture("--labels", "both"),
    ]
    assert len({first, *others}) == 5


def test_stdout_carries_only_the_answer(gradviz):
    gradviz.write(
        "loud.py",
        "import os, subprocess, sys\nimport gradviz as gv\nprint('printed')\nos.write(1, b'written\\n')\n"
        "subprocess.run([sys.executable, '-c', 'print(\"from a child\")'])\n"
        "loss = gv.square(gv.param('w', 1.0))\n",
    )
    done = gradviz("render", "loud.py", "-o", "-")
    assert done.stdout.startswith("<svg")
    assert done.stdout.rstrip().endswith("</svg>")
    assert done.stderr.split() == ["printed", "written", "from", "a", "child"]


def test_a_script_runs_as_python_would_run_it(gradviz):
    gradviz.write("sub/helper.py", "import gradviz as gv\nvalue = 2.0\n")
    program = (
        "import json, os, sys, pathlib, inspect\n"
        "import gradviz as gv\nimport helper\n"
        "def f():\n    return 1\n"
        "seen = [__name__, __file__, sys.argv, sys.path[0], __spec__ is None,\n"
        "        sys.modules['__main__'].f is f,\n"
        "        inspect.getsource(f)]\n"
        "pathlib.Path('seen.json').write_text(json.dumps(seen))\n"
        "loss = gv.square(gv.param('w', helper.value))\n"
        "os.chdir('/')\n"
    )
    script = gradviz.write("sub/program.py", program)
    done = gradviz("render", "sub/program.py", "--", "--depth", "3")
    assert done.stdout == "program.svg\n", done.stderr
    ours = json.loads((gradviz.folder / "seen.json").read_text())
    command = gradviz.command()[:1]
    subprocess.run(
        [*command, "sub/program.py", "--depth", "3"],
        cwd=gradviz.folder,
        env=gradviz.environment(),
        check=True,
    )
    assert ours == json.loads((gradviz.folder / "seen.json").read_text())
    assert ours[1] == str(script)
    # The script has left the folder; the figure is where the command was called all the same.
    assert (gradviz.folder / "program.svg").exists()


def test_a_script_that_ends_itself_well_is_drawn(gradviz):
    gradviz.write("ends.py", "import sys\nimport gradviz as gv\nloss = gv.square(gv.param('w', 1.0))\nsys.exit()\n")
    assert gradviz("render", "ends.py").stdout == "ends.svg\n"


@on_linux
def test_opening_without_a_desktop_harms_nothing(hinge):
    done = hinge("render", "hinge.py", "--open", env={"PATH": "", "DISPLAY": ":0"})
    assert done.returncode == 0
    assert done.stdout == "hinge.svg\n"
    assert "no desktop" in done.stderr


@on_linux
def test_opening_hands_the_file_to_the_desktop(hinge):
    opener = hinge.write("bin/xdg-open", '#!/bin/sh\necho "$1" > "$0.opened"\n')
    opener.chmod(0o755)
    hinge("render", "hinge.py", "--open", env={"DISPLAY": ":0", "PATH": f"{opener.parent}:/bin:/usr/bin"})
    opened = opener.with_name("xdg-open.opened")
    for _ in range(100):
        if opened.exists() and opened.read_text():
            break
        subprocess.run(["sleep", "0.05"], check=True)
    assert opened.read_text() == f"{hinge.folder / 'hinge.svg'}\n"


@pytest.mark.parametrize("command", [["render", "two.py", "--frames", "-o", "x.pdf"], ["worksheet", "two.py"]])
def test_a_pdf_that_cannot_be_made_is_refused_before_anything_is_drawn(gradviz, command):
    gradviz.write("two.py", TWO_OUTPUTS)  # of which drawing would complain
    gradviz.write("missing/typst.py", "raise ImportError")
    path = f"{gradviz.folder / 'missing'}{os.pathsep}{gradviz.environment()['PYTHONPATH']}"
    gradviz.refuses(
        *command, status=1, line="PDF needs an extra (pip install 'gradviz[pdf]')", env={"PYTHONPATH": path}
    )


def test_frames_are_numbered_files_or_pages(hinge):
    done = hinge.quick("render", "hinge.py", "--frames", "--format", "json")
    names = done.stdout.split()
    assert names == [f"hinge-{place:03}.json" for place in range(12)]
    assert all((hinge.folder / name).exists() for name in names)
    assert hinge.quick("render", "hinge.py", "--frames", "-o", "slides.pdf").stdout == "slides.pdf\n"
    assert (hinge.folder / "slides.pdf").read_bytes().startswith(b"%PDF")
    assert hinge.quick("render", "hinge.py", "--phases").stdout.split() == [f"hinge-{k:03}.svg" for k in range(3)]


@pytest.mark.parametrize(
    ("args", "status", "line"),
    [
        (["--frames", "-o", "-"], 2, "stdout takes one file"),
        (["--frames", "--phases"], 2, "go with none of each other"),
        (["--frames", "--no-values"], 2, "--no-values"),
        (["--frames", "--path", "W"], 2, "--path"),
    ],
)
def test_frames_that_cannot_be(hinge, args, status, line):
    hinge.refuses("render", "hinge.py", *args, status=status, line=line)


def test_frames_need_values_and_a_graph(gradviz):
    gradviz.write("made.py", "import gradviz as gv\npicture = gv.figure(gv.square(gv.param('x', 3.0)))\n")
    gradviz.refuses("render", "made.py:picture", "--frames", status=2, line="it has no steps")
    gradviz.refuses("render", "-e", "x*y", "--frames", status=1, line="has no value")


def test_a_worksheet_and_its_key(hinge):
    done = hinge.quick("render", "hinge.py", "--blank", "f", "--blank", "g", "--seed", "3")
    assert done.stdout.split() == ["hinge.svg", "hinge-key.svg"]
    sheet, key = ((hinge.folder / name).read_text(encoding="utf-8") for name in done.stdout.split())
    assert sheet.count('class="blank"') == 4
    assert 'class="blank"' not in key
    assert hinge.quick("render", "hinge.py", "--blank", "edges", "-o", "sheet.pdf").stdout == "sheet.pdf\n"
    hinge.refuses("render", "hinge.py", "--seed", "3", status=2, line="--seed says which of --blank")
    hinge.refuses("render", "hinge.py", "--blank", "f", "--frames", status=2, line="go with none of each other")
    labels = ["--blank", "f", "--blank", "edges", "--labels", "none"]
    hinge.refuses("render", "hinge.py", *labels, status=2, line="nothing that blank 'edges' would leave out")
    hinge.refuses("render", "hinge.py", "--blank", "f", "-o", "-", status=2, line="stdout takes one file")


def test_who_waits_for_a_large_picture_sees_what_is_being_done(gradviz):
    pytest.importorskip("pty", reason="there are no pseudo-terminals on Windows")
    from terminal_of_tests import FakeTerminal

    gradviz.write(
        "slow.py",
        "import time, gradviz as gv\n"
        "x = gv.param('x', 2.0)\n"
        "def forward(xp, x):\n"
        "    time.sleep(2)\n"
        "    return 3 * x\n"
        "slow = gv.primitive('slow', symbol='s', forward=forward, partials=(lambda xp, f, x: 3,))\n"
        "loss = gv.square(slow(gv.stack([x, x])))[0]\n",
    )
    env = gradviz.environment(TERM="xterm-256color", PYTHONUTF8="1")
    terminal = FakeTerminal(gradviz.command("render", "slow.py"), 80, 24, gradviz.folder, env)
    try:
        terminal.wait_for("drawing")
        assert terminal.end() == 0
        assert [line for line in terminal.read() if line] == ["slow.svg"]  # the bar is gone
    finally:
        terminal.close()
    done = gradviz("render", "slow.py")
    assert (done.stdout, done.stderr) == ("slow.svg\n", "")
