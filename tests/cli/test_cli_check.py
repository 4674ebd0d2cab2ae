"""`gradviz check`: tables, files, exit statuses."""

import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "checking.md"
STUDENT = re.search(r"```python\n(import gradviz.*?)```", PAGE.read_text(encoding="utf-8"), re.S)[1]


def test_the_table_of_the_hinge_loss(hinge):
    done = hinge("check", "hinge.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "loss"
    assert "1 if f_1 > 0; 0 if f_1 < 0" in done.stdout
    assert done.stdout.splitlines()[-1] == "Nothing is wrong: edges: 6 proved; leaves: 3 agree."


def test_the_page_of_the_students_tanh_is_true(gradviz):
    gradviz.write("student.py", STUDENT)
    done = gradviz("check", "student.py")
    assert done.returncode == 1
    shown = re.search(r"\$ gradviz check student.py\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)[1]
    assert [line.rstrip() for line in done.stdout.splitlines()] == shown.splitlines()
    gradviz.write("student.py", STUDENT.replace("1 - f,", "1 - f**2,"))
    done = gradviz("check", "student.py")
    assert done.returncode == 0
    assert "edges: 3 proved; leaves: 2 agree" in done.stdout


def test_json_and_markdown_files(hinge):
    done = hinge.quick("check", "hinge.py", "--json", "-o", "report.md", "--at", "y=-1")
    (facts,) = json.loads(done.stdout)
    assert (facts["graph"], facts["ok"], facts["counts"]["proved"]) == ("loss", True, 6)
    assert (hinge.folder / "report.md").read_text(encoding="utf-8").startswith("## loss\n\n**Nothing is wrong**")
    hinge.quick("check", "hinge.py", "-o", "report.json")
    assert json.loads((hinge.folder / "report.json").read_text(encoding="utf-8"))[0]["leaves"][0]["verdict"] == "agree"


def test_every_root_is_checked_and_one_wrong_is_enough(gradviz):
    gradviz.write("two.py", STUDENT + "\nfine = gv.sin(w)\n")
    done = gradviz.quick("check", "two.py", "--json")
    assert done.returncode == 1
    assert [(one["graph"], one["ok"]) for one in json.loads(done.stdout)] == [("h", False), ("fine", True)]


def test_an_expression_without_values_is_checked_at_random_ones(gradviz):
    done = gradviz.quick("check", "-e", "max(1 - w*x*y, 0)")
    assert done.returncode == 0
    assert "Checked at random values of w, x, y (seed 0), which had none." in done.stdout


def test_a_broken_rule_names_the_users_line(gradviz):
    gradviz.write("broken.py", STUDENT.replace("1 - f,", "1 / 0,"))
    done = gradviz.quick("check", "broken.py")
    assert done.returncode == 1
    assert "ZeroDivisionError: division by zero" in done.stdout
    assert "broken.py:7" in done.stdout.replace("\n", "")
    assert "f_1 → w" in done.stdout


def test_a_big_graph_has_a_row_for_each_kind(gradviz):
    gradviz.write(
        "big.py",
        "import gradviz as gv\nx = gv.param('x', 0.1)\nfor _ in range(500):\n    x = gv.sin(x) + 0.1\n",
    )
    short = gradviz.quick("check", "big.py")
    assert "(×500)" in short.stdout
    assert len(short.stdout.splitlines()) < 12
    long = gradviz.quick("check", "big.py", "--every")
    assert len(long.stdout.splitlines()) > 1000


@pytest.mark.parametrize(
    ("args", "status", "line"),
    [
        (["check"], 2, "give a script"),
        (["check", "missing.py"], 1, "no file"),
        (["check", "hinge.py", "-o", "report.txt"], 2, "does not say its format (name it .md, .json)"),
        (["check", "hinge.py", "-o", "nowhere/report.md"], 1, "its folder does not exist"),
        (["check", "hinge.py", "--at", "q=1"], 2, "no node named 'q'"),
        (["check", "hinge.py", "--at", "y=1,2"], 1, "gradviz: 'y' has shape (), the value given has (2,)"),
        (["check", "hinge.py", "--seconds", "0"], 2, "--seconds"),
        (["check", "hinge.py", "--seed", "-1"], 2, "--seed"),
    ],
)
def test_bad_input_is_one_line(hinge, args, status, line):
    hinge.refuses(*args, status=status, line=line)


def test_hostile_names_stay_text(gradviz):
    gradviz.write(
        "hostile.py",
        "import gradviz as gv\n"
        "x = gv.param('[red]x[/red]\\x07\\u202e', 0.5)\n"
        "out = (gv.sin(x) * gv.param('n' * 20000, 2.0)).named('<b>|$&\\\\')\n",
    )
    done = gradviz.quick("check", "hostile.py", "-o", "report.md")
    assert done.returncode == 0
    assert "[red]x[/red]" in done.stdout.replace("\n", "")
    assert "\x07" not in done.stdout
    assert "\u202e" not in done.stdout
    assert len(done.stdout) < 6000
    assert gradviz.quick("explain", "hostile.py", "--wrt", "[red]x[/red]\x07\u202e").returncode == 0


def test_interrupting_is_quiet(gradviz):
    gradviz.write(
        "slow.py",
        "import gradviz as gv\nprint('running', flush=True)\nx = gv.param('x', [1.0] * 16)\n"
        "loss = gv.std(x) * gv.sum(gv.log_softmax(x) * x) + gv.var(gv.softmax(x * x))\n",
    )
    with subprocess.Popen(
        gradviz.command("check", "slow.py", "--seconds", "600"),
        cwd=gradviz.folder,
        env=gradviz.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr.readline() == "running\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.strip()) == (130, "", "")
