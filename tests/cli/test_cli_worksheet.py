"""`gradviz worksheet`: a PDF of exercises."""

import re

import pytest


def page_count(path):
    return len(re.findall(rb"/Type\s*/Page\b", path.read_bytes()))


def test_random_graphs_without_a_script(gradviz):
    done = gradviz("worksheet", "-n", "3", "--seed", "1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "worksheet.pdf\n", "")
    assert page_count(gradviz.folder / "worksheet.pdf") == 2


def test_random_values_of_one_graph(hinge):
    args = ["worksheet", "hinge.py", "-n", "2", "--blank", "g", "-o"]
    assert hinge.quick(*args, "a.pdf").stdout == "a.pdf\n"
    hinge.quick(*args, "b.pdf")
    assert (hinge.folder / "a.pdf").read_bytes() == (hinge.folder / "b.pdf").read_bytes()
    assert page_count(hinge.folder / "a.pdf") == 2


@pytest.mark.parametrize(
    ("args", "status", "line"),
    [
        (["-n", "0"], 2, "-n"),
        (["-o", "sheet.svg"], 2, "does not say its format (name it .pdf)"),
        (["missing.py"], 1, "no file"),
        (["--blank", "h"], 2, "--blank"),
        (["-n", "1", "-o", "nowhere/x.pdf"], 1, "its folder does not exist"),
    ],
)
def test_bad_input_is_one_line(gradviz, args, status, line):
    gradviz.refuses("worksheet", *args, status=status, line=line)


def test_several_graphs_must_be_named(gradviz):
    gradviz.write("two.py", "import gradviz as gv\nx = gv.param('x', 1.0)\na, b = gv.exp(x), gv.square(x)\n")
    gradviz.refuses("worksheet", "two.py", status=2, line="there are 2 graphs: a, b; one can be made exercises of")
