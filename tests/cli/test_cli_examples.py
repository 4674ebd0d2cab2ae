"""`gradviz examples`, `gradviz doctor` and what every command has."""

import json
import os
import subprocess

import pytest


def test_the_examples_are_listed_with_a_line_each(gradviz):
    done = gradviz("examples")
    assert done.returncode == 0
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert "hinge_loss" in [name for name, _ in rows]
    assert all(about.strip() for _, about in rows)
    listed = json.loads(gradviz("examples", "--json").stdout)
    assert [item["name"] for item in listed] == [name for name, _ in rows]


def test_a_terminal_gets_a_table(gradviz):
    import pty

    here, there = pty.openpty()
    process = subprocess.Popen(
        gradviz.command("examples"),
        env=gradviz.environment(TERM="xterm", NO_COLOR="1"),
        stdout=there,
        stderr=there,
    )
    os.close(there)
    said = b""
    while True:
        try:
            part = os.read(here, 4096)
        except OSError:  # the terminal is closed with its last writer
            break
        if not part:
            break
        said += part
    os.close(here)
    assert process.wait(timeout=20) == 0
    assert b"hinge_loss" in said
    assert b"--copy" in said
    assert b"\x1b[3" not in said, "NO_COLOR asks for no color"


def test_an_example_is_shown_and_copied(gradviz):
    shown = gradviz("examples", "hinge_loss").stdout
    assert "import gradviz as gv" in shown
    assert gradviz("examples", "hinge_loss.py").stdout == shown
    assert json.loads(gradviz("examples", "hinge_loss", "--json").stdout)["source"] == shown
    assert gradviz("examples", "hinge_loss", "--copy").stdout == "hinge_loss.py\n"
    copy = gradviz.folder / "hinge_loss.py"
    assert copy.read_text(encoding="utf-8") == shown
    copy.write_text("mine\n")
    gradviz.refuses("examples", "hinge_loss", "--copy", status=1, line="is there already (--force replaces it)")
    assert copy.read_text() == "mine\n"
    assert gradviz("examples", "hinge_loss", "--copy", "--force").returncode == 0
    assert copy.read_text(encoding="utf-8") == shown
    assert gradviz("examples", "hinge_loss", "--copy", "lecture/week1").stdout == "lecture/week1/hinge_loss.py\n"


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["hinge_los"], 2, "did you mean 'hinge_loss'?"),
        (["../secret"], 2, "no example"),
        (["--copy"], 2, "needs the name"),
        (["hinge_loss", "here"], 2, "one argument too many"),
        (["hinge_loss", "--copy", "file/inside"], 1, "file"),
        (["hinge_loss", "--copy", "file"], 1, "file"),
    ],
)
def test_wrong_use_of_examples(gradviz, arguments, status, line):
    gradviz.write("file", "mine\n")
    gradviz.refuses("examples", *arguments, status=status, line=line)
    assert (gradviz.folder / "file").read_text() == "mine\n"


def test_the_doctor_says_what_is_there(gradviz):
    done = gradviz("doctor", "--json")
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert report["ok"] is True
    checks = {check["name"]: check for check in report["checks"]}
    assert {"gradviz", "Python", "numpy", "Graphviz", "mathematics", "drawing"} <= set(checks)
    assert all(check["found"] for check in checks.values())
    assert not [check for check in checks.values() if "Error" in check["found"]]
    assert checks["CJK fonts"]["found"] in {"none", "Chinese, Japanese and Korean are drawn"}
    plain = gradviz("doctor")
    assert plain.returncode == 0
    for name, check in checks.items():
        assert name in plain.stdout
        assert check["ok"] in {True, False}


def test_the_doctor_finds_what_is_missing(gradviz):
    # A folder before the libraries, with one that cannot be imported.
    gradviz.write("broken/ziamath/__init__.py", "raise ImportError('no such library')\n")
    path = gradviz.environment()["PYTHONPATH"]
    done = gradviz("doctor", "--json", env={"PYTHONPATH": f"{gradviz.folder / 'broken'}{os.pathsep}{path}"})
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["ok"] is False
    assert any(not check["ok"] and "no such library" in check["found"] for check in report["checks"])


@pytest.mark.parametrize(
    ("library", "avx512", "marks"),
    [
        ({"architecture": "Haswell"}, True, {"AVX-512 in products": False}),
        ({"architecture": "SkylakeX"}, True, {"AVX-512 in products": True}),
        ({"architecture": "Haswell"}, False, {}),
        ({"internal_api": "mkl"}, True, {}),
    ],
)
def test_the_doctor_sees_products_that_could_be_quicker(library, avx512, marks, monkeypatch):
    from gradviz.cli import doctor

    known = {"filepath": "numpy.libs/x.so", "internal_api": "openblas", "version": "0.3", "num_threads": 2} | library
    monkeypatch.setattr("threadpoolctl.threadpool_info", lambda: [known])
    monkeypatch.setattr("gradviz.compiler.blas.processor_has_avx512", lambda: avx512)
    products, *others = doctor._products()
    assert products.ok
    assert known["internal_api"] in products.found
    assert {check.name: check.ok for check in others} == marks
    assert all("OPENBLAS_CORETYPE" in check.advice for check in others)


def test_version_and_help(gradviz):
    import gradviz as package

    assert gradviz("--version").stdout == f"gradviz {package.__version__}\n"
    shown = gradviz("--help")
    assert shown.returncode == 0
    first = next(line for line in shown.stdout.splitlines() if "gradviz examples" in line)
    assert first.split(None, 2) == ["gradviz", "examples", "what there is to start from"]  # alone on its line
    for name in ("render", "examples", "doctor"):
        assert name in shown.stdout
        own = gradviz(name, "--help")
        assert own.returncode == 0
        # The line in the list of commands is the first line of the command's own help.
        summary = next(line.split(None, 1)[1] for line in shown.stdout.splitlines() if line.split()[:1] == [name])
        assert summary in own.stdout


def test_no_command_is_wrong_usage(gradviz):
    done = gradviz()
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage" in done.stderr
    gradviz.refuses("rendr", status=2, line="did you mean 'render'?")
    gradviz.refuses("script.py", status=2, line="did you mean 'render'?")
    gradviz.refuses("--loud", status=2, line="--loud")
