"""`gradviz train` and `gradviz compile` as a user calls them: answers, files, Ctrl-C, kills, full disks, bad input."""

import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from terminal_of_tests import FakeTerminal
from tools import no_room, start, wait_for, without_roots_privilege

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits are other ones there")

LINE = """\
import gradviz as gv
import numpy as np

W = gv.param("W", [0.0, 0.0])
b = gv.param("b", 0.0)
x = gv.data("x", shape=2)
y = gv.data("y", shape=())
loss = gv.square(W @ x + b - y).named("loss")

random = np.random.default_rng(0)
X = random.normal(size=(20, 2))
dataset = {"x": X, "y": X @ [1.0, -2.0] + 0.5}
"""
# Every step takes a while, so that there is something to interrupt.
LONG = LINE + "dataset = {name: np.concatenate([one] * 200) for name, one in dataset.items()}\n"


@pytest.fixture
def line(gradviz):
    gradviz.write("line.py", LINE)
    return gradviz


def test_compiled_loops_learn_the_same(line):
    for package in ("numba", "scipy"):
        pytest.importorskip(package, reason=f'{package} is not installed here (pip install "gradviz[numba]")')
    learned = []
    for backend in ("numpy", "numba"):
        done = line.quick(
            "train", "line.py", "--rate", "0.3", "--epochs", "5", "--backend", backend, "-o", f"{backend}.safetensors"
        )
        assert (done.returncode, done.stderr) == (0, "")
        learned.append(load_file(line.folder / f"{backend}.safetensors"))
    for name, one in learned[0].items():
        assert np.abs(one).min() > 0.1  # it moved
        np.testing.assert_allclose(learned[1][name], one, rtol=1e-9)


def test_it_learns_and_says_what(line):
    done = line("train", "line.py", "--rate", "0.3", "-o", "w.safetensors", "--plot", "loss.svg")
    assert (done.returncode, done.stderr) == (0, "")
    first, *rest = done.stdout.splitlines()
    assert first.startswith("loss: 100 epochs, 100 steps; loss ")
    assert [row.split() for row in rest] == [
        ["parameter", "value"],
        ["W", "[1,", "−2]"],
        ["b", "0.5"],
        ["w.safetensors"],
        ["loss.svg"],
    ]
    weights = load_file(line.folder / "w.safetensors")
    np.testing.assert_allclose(weights["W"], [1, -2], atol=1e-5)
    assert (line.folder / "loss.svg").read_text().startswith("<?xml")
    again = line.quick("train", "line.py", "--rate", "0.3", "-o", "again.safetensors")
    assert again.returncode == 0
    assert (line.folder / "again.safetensors").read_bytes() == (line.folder / "w.safetensors").read_bytes()


def test_options_reach_the_training(line):
    line.write("more.py", LINE + "validation = dataset\n")
    options = "--epochs 7 --batch 5 --optimizer adam --schedule cosine --rate 0.2 --seed 3 --json"
    facts = json.loads(line.quick("train", "more.py", *options.split()).stdout)
    assert (facts["graph"], facts["epochs"], facts["steps"]) == ("loss", 7, 28)
    assert len(facts["validation"]) == 7
    assert facts["rates"][0] == 0.2
    assert facts["rates"][-1] < 0.01
    other = json.loads(line.quick("train", "more.py", *options.replace("3", "4").split()).stdout)
    assert other["losses"] != facts["losses"]
    early = line.quick("train", "more.py", "--rate", "0.1", "--patience", "2", "--epochs", "5000", "--json")
    assert json.loads(early.stdout)["ended"] == "patience"


def test_the_leaves_own_values_are_one_sample(hinge):
    done = hinge.quick("train", "hinge.py", "--rate", "0.1", "--epochs", "20")
    assert done.returncode == 0, done.stderr
    assert "W          [−0.3, 0.8]" in done.stdout  # five steps of 0.1 φ(x) y, then the loss is 0
    done = hinge.quick("train", "hinge.py", "--rate", "0.1", "--epochs", "1", "--at", "W=0,0", "--at", "y=-1")
    assert "W          [0.1, −0.1]" in done.stdout


def test_the_script_chooses_and_options_overrule(gradviz):
    chosen = 'training = {"epochs": 3, "batch_size": 5, "learning_rate": 0.2, "optimizer": "momentum"}\n'
    lazy = "samples = dataset\ndef dataset():\n    return samples\n"
    gradviz.write("chosen.py", LINE + lazy + chosen)
    facts = json.loads(gradviz.quick("train", "chosen.py", "--json").stdout)
    assert (facts["epochs"], facts["steps"], facts["rates"][0]) == (3, 12, 0.2)
    facts = json.loads(gradviz.quick("train", "chosen.py", "--json", "--epochs", "2", "--batch", "20").stdout)
    assert (facts["epochs"], facts["steps"], facts["rates"][0]) == (2, 2, 0.2)


def test_an_expression_is_minimized(gradviz):
    done = gradviz.quick("train", "-e", "(w - 3)**2", "--at", "w=0", "--rate", "0.25")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["w", "3"]


def test_a_script_without_values_takes_them_by_their_short_names(gradviz):
    leaves = "with gv.scope('a'):\n    w, x = gv.param('w'), gv.data('x')\n"
    gradviz.write("bare.py", f"import gradviz as gv\n{leaves}loss = gv.square(w * x - 6)\n")
    done = gradviz.quick("train", "bare.py", "--at", "w=0", "--at", "x=2", "--rate", "0.1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["a/w", "3"]
    gradviz.refuses("train", "bare.py", "--at", "x=2", status=1, line="the parameter 'a/w' has no value (--at w=…)")


def test_a_checkpoint_of_another_training_in_words_of_the_command_line(line):
    options = ("train", "line.py", "--epochs", "1", "--checkpoint", "run.safetensors")
    assert line.quick(*options).returncode == 0
    said = "gradviz: run.safetensors was written with seed=0, and not 3 (without the file it starts anew)"
    line.refuses(*options, "--seed", "3", status=1, line=said)


def test_interrupted_nothing_is_lost(gradviz):
    gradviz.write("long.py", LONG)
    arguments = ("train", "long.py", "--batch", "1", "--epochs", "1000", "--rate", "0.001")
    files = ("-o", "w.safetensors", "--checkpoint", "run.safetensors")
    process = start(gradviz, *arguments, *files)
    wait_for((gradviz.folder / "run.safetensors").exists)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    assert err.startswith("gradviz: interrupted in epoch ")
    assert err.endswith(" of 1000; written: w.safetensors\n")
    assert err.count("\n") == 1
    weights, run = (load_file(gradviz.folder / name) for name in ("w.safetensors", "run.safetensors"))
    np.testing.assert_array_equal(weights["W"], run["parameters/W"])
    assert len(run["history/losses"]) > 1
    assert weights["W"].any()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_the_checkpoint_stays(gradviz, number):
    gradviz.write("long.py", LONG)
    process = start(gradviz, "train", "long.py", "--batch", "1", "--checkpoint", "run.safetensors")
    wait_for((gradviz.folder / "run.safetensors").exists)
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == -number
    assert "Traceback" not in err
    assert load_file(gradviz.folder / "run.safetensors").keys() >= {"parameters/W", "history/losses"}


def test_it_goes_on_from_the_checkpoint_to_the_same_bits(line):
    options = ("train", "line.py", "--batch", "3", "--optimizer", "adam")
    assert line.quick(*options, "--epochs", "6", "-o", "whole.safetensors").returncode == 0
    for epochs in ("2", "6"):
        done = line.quick(*options, "--epochs", epochs, "-o", "parts.safetensors", "--checkpoint", "run.safetensors")
        assert done.returncode == 0, done.stderr
    whole, parts = ((line.folder / f"{name}.safetensors").read_bytes() for name in ("whole", "parts"))
    assert whole == parts


def test_the_bar_is_there_where_somebody_watches(gradviz):
    gradviz.write("long.py", LONG)
    command = gradviz.command("train", "long.py", "--batch", "1", "--epochs", "1000")
    terminal = FakeTerminal(command, 100, 10, gradviz.folder, gradviz.environment(TERM="xterm-256color"))
    wait_for(lambda: "epoch" in terminal.read(0.1)[0])
    assert re.match(r"epoch \d+/1000  loss \d", terminal.read(0.1)[0])
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.process.wait(timeout=20) == 130
    screen = terminal.read()
    assert screen[0].startswith("gradviz: interrupted in epoch")
    assert not any(screen[1:])
    assert not terminal.screen.cursor.hidden


def test_a_plot_without_matplotlib_is_refused_before_the_training(line):
    line.write("without/matplotlib/__init__.py", "raise ImportError")
    path = f"{line.folder / 'without'}{os.pathsep}{Path(__file__).parents[2]}"
    wanted = "plots need an extra (pip install 'gradviz[plot]')"
    options = ("-o", "w.safetensors", "--plot", "loss.svg")
    line.refuses("train", "line.py", *options, status=1, line=wanted, env={"PYTHONPATH": path})
    assert not (line.folder / "w.safetensors").exists()


@pytest.mark.parametrize("option", ["-o", "--plot", "--checkpoint"])
def test_a_full_disk(line, option):
    name = "old.svg" if option == "--plot" else "old.safetensors"
    line.write(name, "old")
    if option == "--checkpoint":
        (line.folder / name).unlink()
    env = {"PYTHONDONTWRITEBYTECODE": "1", "MPLCONFIGDIR": str(line.folder / "mpl")}
    (line.folder / "mpl").mkdir()
    line.refuses("train", "line.py", option, name, status=1, line=name, preexec_fn=no_room, env=env)
    kept = [path.name for path in line.folder.iterdir() if path.name != "mpl"]
    if option == "--checkpoint":
        assert kept == ["line.py"]
    else:
        assert sorted(kept) == ["line.py", name]
        assert (line.folder / name).read_text() == "old"


@pytest.mark.parametrize("option", [["-o", "none/w.safetensors"], ["--plot", "none/loss.svg"], ["-o", "."]])
def test_where_nothing_can_be_written_is_found_out_before_the_training(gradviz, option):
    gradviz.write("long.py", LONG)
    started = time.monotonic()
    gradviz.refuses("train", "long.py", "--epochs", "100000", "--batch", "1", *option, status=1, line="cannot write")
    assert time.monotonic() - started < 20
    assert [path.name for path in gradviz.folder.iterdir() if path.name != "__pycache__"] == ["long.py"]


def test_a_graph_of_float32_learns_in_float32(gradviz):
    gradviz.write("line.py", LINE.replace("shape=2", "shape=2, dtype='f4'").replace("shape=()", "shape=(), dtype='f4'")
                  .replace("[0.0, 0.0]", "np.zeros(2, 'f4')").replace("0.0)\nx", "np.float32(0))\nx"))  # fmt: skip
    done = gradviz.quick("train", "line.py", "--rate", "0.3", "-o", "w.safetensors")
    assert done.returncode == 0, done.stderr
    assert load_file(gradviz.folder / "w.safetensors")["W"].dtype == np.float32


def test_a_label_out_of_range(gradviz):
    labels = LINE.replace("shape=()", "shape=(), dtype=int").replace("W @ x + b - y", "gv.take(W, y) * x[0] - b")
    gradviz.write("labels.py", labels + "dataset['y'] = np.arange(20) % 3\n")
    gradviz.refuses("train", "labels.py", status=1, line="the index 2 is out of range (there are 2, counted from 0)")


def test_a_read_only_folder(line):
    folder = line.folder / "closed"
    folder.mkdir()
    folder.chmod(0o555)
    try:
        line.refuses(
            "train",
            "line.py",
            "--checkpoint",
            "closed/run.safetensors",
            status=1,
            line="run.safetensors: Permission denied",
            preexec_fn=without_roots_privilege,
        )
    finally:
        folder.chmod(0o755)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["line.py", "--rate", "1e9"], 1, "the loss is infinite in step"),
        (["line.py", "--rate", "0"], 2, "--rate"),
        (["line.py", "--epochs", "0"], 2, "--epochs"),
        (["line.py", "--optimizer", "adm"], 2, "adam"),
        (["line.py", "--plot", "loss.txt"], 2, "--plot 'loss.txt' does not say its format"),
        (["line.py", "--at", "x=1,2"], 2, "--at x: its values come from the script's dataset"),
        (["line.py", "--at", "v=1"], 2, "--at v"),
        (["line.py", "--at", "W=1,2,3"], 1, "gradviz: 'W' has shape (2,), the value given has (3,)"),
        (["line.py", "--at", "loss=1"], 1, "gradviz: loss (square) is computed and cannot be given a value"),
        (["line.py", "-o", "w.safetensors", "--checkpoint", "./w.safetensors"], 2, "./w.safetensors is named twice"),
        (["line.py", "--plot", "loss.svg", "-o", "loss.svg"], 2, "one answer would replace another"),
        (["line.py:X"], 1, "is no node, graph or picture"),
        (["line.py", "-o", "none/w.safetensors"], 1, "its folder does not exist"),
        (["line.py", "--checkpoint", "line.py"], 2, "line.py is the script itself, or a module that it imports"),
        (["line.py", "--checkpoint", "run.npz"], 2, "as safetensors, not .npz (name it run.safetensors)"),
        (["line.py", "--checkpoint", "torn"], 1, "gradviz: torn is cut short or no safetensors file"),
        (["none.py"], 1, "there is no file 'none.py'"),
        ([], 2, "give a script"),
    ],
)
def test_bad_input(line, arguments, status, said):
    line.write("torn", "torn")
    line.refuses("train", *arguments, status=status, line=said)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("dataset = None", "'x' has no value to train with"),
        ("del dataset", "a variable dataset = {'x': …}"),
        ("dataset['y'][3] = np.nan", "the data for 'y' hold NaN in sample 3"),
        ("del dataset['y']", "the data lack 'y'"),
        ("dataset = 'line.csv'", "the data are of type str"),
        ("validation = {'x': X}", "the validation data lack 'y'"),
        ("raise ValueError('no')", "ValueError: no"),
        ("def dataset():\n    import sklearns", "bad.py:14: ModuleNotFoundError: No module named 'sklearns'"),
        ("training = {'epoch': 3}", "training has 'epoch', which is no option (did you mean 'epochs'?)"),
        ("training = 3", "training is no dict, but of type int"),
    ],
)
def test_scripts_that_cannot_be_trained(gradviz, lines, said):
    gradviz.write("bad.py", f"{LINE}{lines}\n")
    gradviz.refuses("train", "bad.py", status=1, line=said)


def test_one_graph_is_trained(gradviz):
    gradviz.write("two.py", f"{LINE}other = gv.square(W @ x).named('other')\n")
    said = "there are 2 graphs: loss, other; one can be trained (name it: two.py:loss)"
    gradviz.refuses("train", "two.py", status=2, line=said)
