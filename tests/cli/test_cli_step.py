"""`gradviz step`: keys and screens in a terminal, and what is printed where there is none."""

import json
import signal

import numpy as np
import pytest

import gradviz as gv
from gradviz.core.format import array_text
from gradviz.core.plain import tex_to_text

pytest.importorskip("pty", reason="there are no pseudo-terminals on Windows")
from terminal_of_tests import FakeTerminal

RIGHT, LEFT, HOME, END = "\x1b[C", "\x1b[D", "\x1b[H", "\x1b[F"
SIZES = [(40, 12), (80, 24), (200, 60)]


@pytest.fixture
def start(hinge):
    """Start the command in a terminal of a size."""
    opened = []

    def start(columns=80, lines=24, *args, under=(), **env):
        environment = hinge.environment(**{"TERM": "xterm-256color", "PYTHONUTF8": "1"} | env)
        environment.pop("COLUMNS")
        terminal = FakeTerminal(
            [*under, *hinge.command("step", *(args or ["hinge.py"]))], columns, lines, hinge.folder, environment
        )
        opened.append(terminal)
        terminal.wait_for("start 0/11" if not args else "start 0/")
        return terminal

    yield start
    for terminal in opened:
        terminal.close()


def hinge_steps():
    W, phi, y = gv.param("W", [0.2, 0.3]), gv.data("phi", [-1.0, 1.0], tex=r"\phi(x)"), gv.data("y", 1.0)
    margin = ((W @ phi).named("score") * y).named("margin")
    return gv.steps(gv.graph(gv.maximum(1 - margin, 0).named("loss")))


@pytest.mark.parametrize(("columns", "lines"), SIZES)
def test_every_step_at_every_size(start, columns, lines):
    terminal = start(columns, lines)
    for place, step in enumerate(hinge_steps(), 1):
        shown = terminal.press(RIGHT)
        assert len(shown) == lines
        assert all(len(line) <= columns for line in shown)
        assert shown[0].startswith(f"loss  {step.phase} {place}/11")
        formula = tex_to_text(step.formula)
        assert any(line.startswith(formula[: columns - 1]) for line in shown), (formula, shown)
        assert any(line.startswith(f"= {tex_to_text(step.substituted)}"[: columns - 1]) for line in shown)
        assert shown[-1].startswith("→ next  ← back")
    back = terminal.press(LEFT)
    assert back[0].startswith("loss  gradient 10/11")


def test_the_numbers_on_the_screen_are_those_of_the_steps(start):
    terminal = start(120, 30)
    lines = terminal.press(END)
    values = gv.backprop(hinge_graph())
    for name in ("score", "margin", "loss", "W", "y"):
        (line,) = [line for line in lines[1:] if " g " in line and name in line.split(" f ")[0].split()]
        assert f" f {array_text(values.forward[name] if name != 'W' else np.array([0.1, 0.4]))}" in line
        if name in values.backward:
            assert f" g {array_text(values.backward[name])}" in line
        else:
            assert " g –" in line


def hinge_graph():
    W, phi, y = gv.param("W", [0.2, 0.3]), gv.data("phi", [-1.0, 1.0]), gv.data("y", 1.0)
    margin = ((W @ phi).named("score") * y).named("margin")
    return gv.graph(gv.maximum(1 - margin, 0).named("loss"))


def test_what_is_not_reached_is_not_yet(start):
    shown = start().press(RIGHT)
    assert any("f0 loss" in line and "f not yet" in line and "g not yet" in line for line in shown)
    assert any("f3 score" in line and "f 0.1" in line and "g not yet" in line for line in shown)
    assert not any("g 0" in line for line in shown)


def test_the_keys_do_what_they_say(start):
    terminal = start(100, 30)
    assert terminal.press(HOME)[0].startswith("loss  start 0/11")
    assert terminal.press("\t")[0].startswith("loss  forward 1/11")
    assert terminal.press("\t")[0].startswith("loss  seed 5/11")
    assert terminal.press("\t")[0].startswith("loss  gradient 10/11")
    assert terminal.press(END)[0].startswith("loss  update 11/11")
    assert terminal.press("?")[0] == "keys"
    assert terminal.press("x")[0].startswith("loss  update 11/11")
    terminal.press(HOME)
    assert "go to node: margin_" in terminal.press("gmargin")[-1]
    assert terminal.press("\r")[0].startswith("loss  forward 2/11")
    assert "the graph has no node named 'margn' (did you mean 'margin'?)" in terminal.press("gmargn\r")[-1]
    assert terminal.press("gf1\r")[0].startswith("loss  forward 3/11")
    shown = terminal.press("gW\r")
    assert shown[0].startswith("loss  backward 9/11")
    terminal.press("e")
    explained = terminal.wait_for("1 path")
    assert explained[0] == "(∂loss)/(∂W): 1 path"
    assert any("−1[margin < 1] φ(x) y" in line for line in explained)
    terminal.press("x")
    assert "steps a second" in terminal.press("+")[-1]


def test_playing_goes_on_by_itself_and_pauses(start):
    terminal = start(80, 24)
    terminal.press("+++")
    terminal.press(" ")
    terminal.wait_for("update 11/11")
    assert terminal.press(HOME)[0].startswith("loss  start 0/11")


def test_a_view_is_saved_where_the_command_was_called(start, hinge):
    (hinge.folder / "away").mkdir()
    script = hinge.folder / "hinge.py"
    script.write_text(f"import os\nos.chdir('away')\n{script.read_text()}")
    terminal = start(80, 24)
    terminal.press("\t\t" + RIGHT * 2)
    terminal.press("s")
    terminal.wait_for("saved hinge-step007.svg")
    text = (hinge.folder / "hinge-step007.svg").read_text(encoding="utf-8")
    assert text.startswith("<svg")
    assert "not computed" in text


def test_it_draws_anew_when_the_size_changes(start):
    terminal = start(80, 24)
    terminal.press("gW\r")
    terminal.resize(40, 12)
    small = terminal.wait_for("backward 9/11")
    assert len(small) == 12
    assert all(len(line) <= 40 for line in small)
    terminal.resize(200, 60)
    assert any("f3 score" in line for line in terminal.wait_for("backward 9/11"))


def test_the_terminal_is_restored_after_q(start):
    terminal = start()
    terminal.press("q")
    assert terminal.end() == 0
    assert terminal.restored


@pytest.mark.parametrize("interrupt", ["key", "signal"])
def test_the_terminal_is_restored_after_an_interrupt(start, interrupt):
    terminal = start()
    if interrupt == "key":
        terminal.press("\x03")
    else:
        terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert terminal.restored
    assert b"Traceback" not in terminal.raw


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_is_restored_after_a_signal_that_ends_it(start, number):
    terminal = start()
    terminal.process.send_signal(number)
    assert terminal.end() == -number
    assert terminal.restored


@pytest.mark.parametrize(("keys", "shown"), [(RIGHT, "forward 1/11"), ("?", "any key goes back"), ("gmar", ": mar_")])
def test_the_terminal_is_lent_to_the_shell_while_it_is_stopped(start, keys, shown):
    terminal = start(under=["sh", "-c", 'set -m; "$@"; echo stopped; read _; fg; echo ended $?', "sh"])
    terminal.press(keys)
    terminal.press("\x1a")
    terminal.wait_for("stopped")
    assert terminal.restored
    terminal.screen.reset()
    terminal.press("\n")
    terminal.wait_for(shown)
    assert not terminal.restored
    terminal.press("\x1b")  # leaves what was asked for
    terminal.press("q")
    terminal.wait_for("ended 0")
    assert terminal.restored


def test_the_terminal_is_restored_after_an_exception(start, hinge):
    hinge.write(
        "sitecustomize.py",
        "import sys\n"
        "def broken(*_):\n    raise RuntimeError('broken on purpose')\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'gradviz.cli.stepper':\n"
        "            import gradviz.passes.walk as walk\n"
        "            walk.Walk.move = broken\n",
    )
    path = hinge.folder / "sitecustomize.py"
    path.write_text(path.read_text() + "sys.meta_path.insert(0, Finder())\n")
    terminal = start(PYTHONPATH=f"{hinge.folder}:{hinge.environment()['PYTHONPATH']}")
    terminal.press(RIGHT)
    assert terminal.end() == 1
    assert terminal.restored
    assert b"internal error: RuntimeError: broken on purpose" in terminal.raw.rpartition(b"\x1b[?1049l")[2]


def test_a_large_graph_shows_a_window(start, hinge):
    hinge.write("deep.py", "import gradviz as gv\nx = gv.param('x', 0.3)\nfor _ in range(2000):\n    x = gv.sin(x)\n")
    terminal = start(80, 20, "deep.py")
    lines = terminal.press("gf1000\r")
    assert any("f1000" in line for line in lines)
    assert len([line for line in lines if "sin" in line]) <= 15


def test_ascii_terminals_get_ascii(start):
    terminal = start(80, 24, PYTHONUTF8="0", PYTHONIOENCODING="ascii", LC_ALL="C", LANG="C")
    shown = terminal.press("gW\r")
    assert all(line.isascii() for line in shown), shown
    assert any("|- * f3 score" in line for line in shown)


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {}])
def test_without_a_terminal_the_steps_are_printed(hinge, env):
    done = hinge("step", "hinge.py", env=env)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "loss"
    expected = [f"{place:2} {step.phase:8} {tex_to_text(step.line)}" for place, step in enumerate(hinge_steps(), 1)]
    assert lines[1:] == expected


def test_json_has_the_same_numbers(hinge):
    (facts,) = json.loads(hinge.quick("step", "hinge.py", "--json", "--rounds", "2", "--rate", "0.5").stdout)
    steps = facts["steps"]
    assert {step["round"] for step in steps} == {1, 2}
    (first, _) = [step for step in steps if step["phase"] == "update"]
    assert (first["before"], first["after"]) == ([0.2, 0.3], pytest.approx([-0.3, 0.8]))
    assert steps[0]["before"] is None


def test_a_name_that_several_nodes_have_is_no_unknown_one(start, hinge):
    hinge.write(
        "twice.py",
        "import gradviz as gv\n"
        "with gv.scope('a'):\n    first = gv.square(gv.param('W', 1.0))\n"
        "with gv.scope('b'):\n    loss = first + gv.param('W', 2.0)\n",
    )
    terminal = start(100, 30, "twice.py:loss")
    assert "2 nodes are named 'W' (say which: a/W, b/W)" in terminal.press("gW\r")[-1]


def test_several_graphs_are_printed_one_after_the_other(gradviz):
    gradviz.write("two.py", "import gradviz as gv\nx = gv.param('x', 1.0)\na, b = gv.exp(x), gv.square(x)\n")
    lines = gradviz.quick("step", "two.py").stdout.splitlines()
    assert [line for line in lines if not line.startswith(" ") and not line[:1].isdigit()] == ["a", "", "b"]


def test_what_is_no_single_number_is_stepped_forward_alone(gradviz):
    gradviz.write("map.py", "import gradviz as gv\nx = gv.param('x', [1.0, 2.0])\nphi = gv.square(x) + 1\n")
    done = gradviz.quick("step", "map.py")
    assert done.stdout.splitlines() == [
        "phi",
        "1 forward  f_1 = x^2 = [1, 2]^2 = [1, 4]",
        "2 forward  f_0 = f_1 + 1 = [1, 4] + 1 = [2, 5]",
    ]
    assert done.stderr.startswith("gradviz: phi: forward alone: node 3 (add) has shape (2,)")


@pytest.mark.parametrize(
    ("args", "status", "line"),
    [
        (["step"], 2, "give a script"),
        (["step", "missing.py"], 1, "no file"),
        (["step", "hinge.py", "--rounds", "0"], 2, "--rounds"),
        (["step", "hinge.py", "--rate", "fast"], 2, "--rate"),
        (["step", "hinge.py", "--rate", "nan"], 2, "a step size of nan"),
        (["step", "-e", "x*y"], 1, "'x' has no value (give one: --at x=…)"),
        (["step", "hinge.py:phi"], 1, "starts at a single number (sum it)"),
        (["step", "hinge.py", "--at", "q=1"], 2, "no node named 'q'"),
    ],
)
def test_bad_input_is_one_line(hinge, args, status, line):
    hinge.refuses(*args, status=status, line=line)


@pytest.mark.parametrize(("width", "line"), [
    (80, "→ next  ← back  space play  tab phase  ? help  q quit"),
    (40, "→ next  ← back  ? help  q quit"),
    (24, "→ next  ? help  q quit"),
])  # fmt: skip
def test_a_narrow_screen_says_how_to_quit(width, line):
    from gradviz.passes.walk import Walk
    from gradviz.terminal.step import Screen

    graph = gv.graph(gv.square(gv.param("w", 2.0)))
    screen = Screen(Walk(graph, gv.steps(graph)), "loss")
    assert screen.draw(width, 12)[-1].plain == line
