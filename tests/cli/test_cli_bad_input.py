"""Bad input gives one clear line and the right status, and leaves the file that was there as it was."""

import json

import pytest

OLD = "the old picture\n"


@pytest.fixture
def old(hinge):
    """A folder in which every refused command must leave the picture alone."""
    path = hinge.write("old.svg", OLD)
    yield hinge
    assert path.read_text() == OLD
    assert not [found for found in hinge.folder.rglob("*") if ".tmp" in found.name or found.name.startswith(".")]


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["missing.py"], 1, "there is no file 'missing.py'"),
        (["."], 1, "is a folder"),
        (["notes.ipynb"], 1, "there is no file"),
        ([], 2, "give a script"),
        (["hinge.py", "-e", "x"], 2, "give a script"),
        (["hinge.py", "again.py"], 2, "again.py"),
        (["hinge.py:nothing"], 1, "no variable 'nothing'"),
        (["hinge.py:los"], 1, "(did you mean 'loss'?)"),
        (["hinge.py:gv"], 1, "of type module"),
        (["hinge.py:1"], 2, "cannot be the name of a variable"),
        (["hinge.py", "--theme", "pink"], 2, "'pink' is not one of"),
        (["hinge.py", "--labels", "loud"], 2, "'loud' is not one of"),
        (["hinge.py", "--view", "side"], 2, "'side'"),
        (["hinge.py", "--direction", "in"], 2, "'in' is not one of"),
        (["hinge.py", "--leaves", "twice"], 2, "'twice' is not one of"),
        (["hinge.py", "--format", "bmp"], 2, "'bmp' is not one of"),
        (["hinge.py", "--colour"], 2, "--colour"),
        (["hinge.py", "--at", "W"], 2, "NAME=VALUE"),
        (["hinge.py", "--at", "W=one"], 2, "'one' is not a number"),
        (["hinge.py", "--at", "W=[[1,2],[3]]"], 2, "not a number or a regular list"),
        (["hinge.py", "--at", "W=[print(1)]"], 2, "not a number"),
        (["hinge.py", "--at", "W=" + "[" * 5000], 2, "not a number"),
        (["hinge.py", "--at", "y=1", "--at", "y=2"], 2, "twice"),
        (["hinge.py", "--at", "V=1"], 2, "no node named 'V'"),
        (["hinge.py", "--at", "W=1,2,3"], 1, "shape (2,)"),
        (["hinge.py", "--at", "loss=1"], 1, "computed"),
        (["hinge.py", "--watch", "-o", "-"], 2, "the answer is the figure itself"),
        (["-e", "x*y", "--watch"], 2, "needs a script"),
        (["-e", "x +* y"], 1, "column"),
        (["-e", "__import__('os').system('touch hacked')"], 1, "column"),
        (["-e", ""], 1, "empty"),
        (["-e", "x", "--", "argument"], 2, "arguments after --"),
        (["hinge.py", "-o", "a.svg", "-o", "old.svg"], 2, "-o is given 2 times: a.svg, old.svg"),
        (["hinge.py", "-o", "figure.xyz"], 2, ".xyz"),
        (["hinge.py", "-o", "figure"], 2, "does not say its format"),
        (["hinge.py", "-o", "old.svg", "--format", "png"], 2, "says svg, not png"),
        (["hinge.py", "-o", "nowhere/old.svg"], 1, "nowhere"),
        (["hinge.py", "-o", "hinge.py/"], 1, "cannot make the folder hinge.py: File exists"),
        (["hinge.py", "-o", "hinge.py/old.svg"], 1, "hinge.py"),
        (["hinge.py", "-o", "/proc/old.svg"], 1, "/proc/old.svg"),
        (["hinge.py", "-o", "x" * 300 + ".svg"], 1, "xxx"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_a_wrong_call_gives_one_line(old, arguments, status, line):
    rest = [] if "-o" in arguments else ["-o", "old.svg"]
    place = arguments.index("--") if "--" in arguments else len(arguments)
    old.refuses("render", *arguments[:place], *rest, *arguments[place:], status=status, line=line)


@pytest.mark.parametrize(
    ("program", "line"),
    [
        ("x = (1 +\ny = 2", "script.py:1:5: SyntaxError: '(' was never closed"),
        ("import gradviz as gv\n1 / 0", "script.py:2: ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)", "script.py:2: the script ended itself with status 3"),
        ("import sys\nsys.exit('no data')", "script.py:2: the script ended itself and said: no data"),
        ("raise SystemExit(True)", "ended itself"),
        ("x = 1", "there is no graph in script.py"),
        ("", "there is no graph in script.py"),
        ("x = '\x00'", "null bytes"),
        ("import nothing_like_it", "ModuleNotFoundError"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
        ("raise BrokenPipeError", "BrokenPipeError"),
        ("raise GeneratorExit", "GeneratorExit"),
        (
            "import gradviz as gv\nW = gv.param('W', [1.0, 2.0, 3.0])\ny = W @ gv.data('x', [1.0, 2.0])",
            "script.py:3: matmul(W (3,), x (2,))",
        ),
        (
            "import gradviz as gv\nw = gv.param('w', 1.0)\nlosses = [w * 2]",
            "only leaves in script.py: w (",
        ),
        (
            "import gradviz as gv\ny = gv.sigmod(1.0)",
            "did you mean 'sigmoid'?",
        ),
        ("import gradviz as gv\nif gv.param('w', 1.0) > 0:\n    pass", "script.py:2: "),
        ("import gradviz as gv\nimport numpy as np\nnp.asarray(gv.param('w', 1.0))", "script.py:3: "),
    ],
    ids=lambda value: value[:30].replace("\x00", "0") if isinstance(value, str) else None,
)
def test_a_wrong_script_gives_its_own_line(old, program, line):
    old.write("script.py", program + "\n")
    old.refuses("render", "script.py", "-o", "old.svg", status=1, line=line)


def test_an_exception_shows_the_lines_of_the_user_and_no_others(old):
    old.write("helper.py", "import json\n\ndef read(text):\n    return json.loads(text)\n")
    old.write("script.py", "import helper\n\ndef start(n):\n    return helper.read('{' * n)\n\nstart(2)\n")
    said = old.refuses(
        "render", "script.py", "-o", "old.svg", status=1, line="helper.py:4: json.decoder.JSONDecodeError"
    )
    assert said.splitlines()[:-1] == [
        "  script.py:6, in <module>",
        "    start(2)",
        "  script.py:4, in start",
        "    return helper.read('{' * n)",
        "  helper.py:4, in read",
        "    return json.loads(text)",
    ]


def test_a_syntax_error_in_a_module_of_the_user_points_at_the_place(old):
    old.write("helper.py", "def f(:\n")
    old.write("script.py", "import helper\n")
    said = old.refuses("render", "script.py", "-o", "old.svg", status=1, line="helper.py:1:7: SyntaxError")
    assert said.splitlines()[-3:-1] == ["    def f(:", "          ^"]


def test_a_deep_recursion_is_shown_in_a_few_lines(old):
    old.write("script.py", "def f(n):\n    return f(n + 1)\n\nf(0)\n")
    said = old.refuses("render", "script.py", "-o", "old.svg", status=1, line="script.py:2: RecursionError")
    assert len(said.splitlines()) < 30
    assert "more" in said


def test_an_error_message_cannot_take_over_the_terminal(old):
    old.write("script.py", "raise ValueError('\\x1b[2J\\u202eevil' + 'x' * 20_000)\n")
    said = old.refuses("render", "script.py", "-o", "old.svg", status=1, line="\\x1b[2J\\u202eevil")
    assert max(map(len, said.splitlines())) < 800


HOSTILE = [
    "</text><script>alert(1)</script>",
    "a & b < c > d \"quoted\" 'single' `tick`",
    "back\\slash {brace} $dollar$ %percent #hash _under^hat~",
    "bell\x07 escape\x1b[31m null\x01",
    "right\u202eto left\u2066",
    "权重 μ 🙂 é e\u0301 א",
    "\\input{/etc/passwd}",
    "line\nbreak\ttab",
    "]]> <!-- --> &amp; &#0;",
]


@pytest.mark.parametrize("name", [*HOSTILE, "long " * 4000], ids=lambda name: ascii(name)[:20])
def test_any_label_is_drawn_as_text(gradviz, name):
    from xml.etree import ElementTree

    gradviz.write(
        "label.py",
        f"import gradviz as gv\nx = gv.param({name!r}, 2.0)\nloss = gv.square(x).named({name[::-1]!r})\n",
    )
    done = gradviz.quick("render", "label.py", "--format", "svg", "--format", "json", "--format", "dot", "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == 3
    tree = ElementTree.parse(gradviz.folder / "label.svg")
    tags = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert not tags & {"script", "foreignObject", "image", "a"}
    json.loads((gradviz.folder / "label.json").read_text())


def test_an_empty_label_is_refused_at_its_line(gradviz):
    gradviz.write("label.py", "import gradviz as gv\nx = gv.param('\\u200b', 2.0)\n")
    gradviz.refuses("render", "label.py", status=1, line="label.py:2: ")


def test_nan_and_infinity_from_the_command_line_are_drawn(gradviz):
    done = gradviz("render", "-e", "x*y + z", "--at", "x=nan", "--at", "y=inf", "--at", "z=-1e400", "--json")
    assert done.returncode == 0
    assert "x" in done.stderr
    assert json.loads(done.stdout)[0]["outputs"]


def test_an_internal_error_asks_for_a_report_and_shows_more_when_asked(gradviz):
    gradviz.write(
        "broken.py",
        "import gradviz as gv\nimport gradviz.cli.drawing as drawing\n"
        "def fail(*_):\n    raise KeyError('inside')\n"
        "drawing._compute = fail\nloss = gv.square(gv.param('w', 1.0))\n",
    )
    gradviz.refuses("render", "broken.py", status=1, line="internal error: KeyError: 'inside' (please report")
    import subprocess

    shown = subprocess.run(
        gradviz.command("render", "broken.py"),
        cwd=gradviz.folder,
        env=gradviz.environment(GRADVIZ_DEBUG="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" in shown.stderr


@pytest.mark.parametrize("tampering", ["sys.stdout = sys.stderr = None", "sys.stdout.close()", "sys.stdout = 3"])
def test_a_script_that_tampers_with_the_streams_is_drawn(gradviz, tampering):
    program = f"import sys\nimport gradviz as gv\n{tampering}\nloss = gv.square(gv.param('w', 1.0))\n"
    gradviz.write("script.py", program)
    assert gradviz.quick("render", "script.py").stdout == "script.svg\n"
    gradviz.write("script.py", f"{program}1 / 0\n")
    gradviz.refuses("render", "script.py", status=1, line="script.py:5: ZeroDivisionError")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("loss = exp(w)", "name 'exp' is not defined (write gv.exp)"),
        ("loss = np.exp(w)", "name 'np' is not defined (import numpy as np)"),
        ("loss = nobody(w)", "name 'nobody' is not defined"),
        ("loss = gv.exp(w).Named('loss')", "has no attribute 'Named' (did you mean 'named'?)"),
        ("loss = gv.exp(w).name('loss')", "'NoneType' object is not callable (write .named(…))"),
        ("loss = w.shape()", "'tuple' object is not callable"),
        ("loss = w ^ 2", "^ is no power in Python (write x ** 2)"),
        ("loss = len(w)", "w is a single number and has no length"),
        ("loss = w * [[1, 2], [3]]", "its rows have different lengths"),
    ],
)
def test_what_students_write_gets_its_remedy(hinge, line, said):
    hinge.write("student.py", f"import gradviz as gv\nw = gv.param('w', 2.0)\n{line}\n")
    answer = hinge.quick("render", "student.py")
    assert answer.returncode == 1
    assert answer.stderr.splitlines()[-1].startswith("gradviz: student.py:3: ")
    assert answer.stderr.splitlines()[-1].endswith(said)
