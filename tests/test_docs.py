"""README and docs tell the truth: their Python runs, their commands work, their links lead somewhere."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import textwrap

import pytest
from gallery import EXAMPLES, ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(text):
    """The commands that a page shows and that end by themselves."""
    lines = [line.split("#")[0].strip() for line in text.splitlines() if line.startswith("    gradviz")]
    return [line for line in lines if "--watch" not in line and "gradviz serve" not in line]


COMMANDS = commands(README)


def test_the_readmes_python_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(blocks) >= 2
    scope = {}
    for block in blocks:
        exec(block, scope)
    assert (tmp_path / "hinge_loss.pdf").stat().st_size > 1000


def test_the_readmes_script_is_the_example():
    script = re.search(r"```python\n(.*?)```", README, flags=re.DOTALL)[1]
    example = (ROOT / "examples" / "hinge_loss.py").read_text(encoding="utf-8")
    code = [line.split("#")[0].strip() for line in script.splitlines()]
    assert [line for line in code if line] == [line for line in example.partition('"""\n\n')[2].splitlines() if line]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readmes_commands_work(command, tmp_path):
    for script in EXAMPLES:
        shutil.copy(script, tmp_path)
    words = shlex.split(command)
    answer = subprocess.run(
        [sys.executable, "-m", "gradviz", *words[1:]], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    ends = {"check": "Nothing is wrong: edges: 6 proved; leaves: 3 agree.", "explain": "by about [1, −1] · ε."}
    if words[1] == "step":
        assert answer.stdout.splitlines()[-1].split()[1] == "update"
        return
    if words[1] in ends:
        assert answer.stdout.endswith(f"{ends[words[1]]}\n")
        return
    lines = answer.stdout.splitlines()
    written = [tmp_path / line for line in (lines[-2:] if words[1] == "train" else lines)]
    assert written
    assert all(path.stat().st_size for path in written)


def test_there_are_commands():
    assert len(COMMANDS) >= 5


@pytest.mark.parametrize("name", ["checking", "explaining", "layers", "pictures", "stepping", "training"])
def test_the_pages_python_runs(name, tmp_path):
    text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert blocks
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks), encoding="utf-8")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_page_of_layers_names_them_all_with_their_arguments():
    from inspect import signature

    from gradviz import nn

    text = (ROOT / "docs" / "layers.md").read_text(encoding="utf-8")
    shown = {
        name: arguments.split(", ") for name, arguments in re.findall(r"^\| `(\w+)\((.*)\)` \|", text, re.MULTILINE)
    }
    functions = [name for name in nn.__all__ if name[0].islower() and name != "initializers"]
    assert shown == {name: _arguments(signature(getattr(nn, name))) for name in functions}
    from gradviz.nn.initializers import INITIALIZERS

    assert all(f"`{name}`" in text for name in INITIALIZERS)


def _arguments(of):
    """The names of a function's arguments, with a star before those that are given by name."""
    named = [name for name, one in of.parameters.items() if one.kind is one.KEYWORD_ONLY]
    return [part for name in of.parameters for part in (["*", name] if [name] == named[:1] else [name])]


def test_the_page_of_training_names_the_options_of_fit():
    from inspect import signature

    from gradviz.compiler.layer import compile as gv_compile
    from gradviz.compiler.train import fit

    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    first = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    named = {re.split(r"\W", word)[0] for cell in first for word in re.findall(r"`(.*?)`", cell)}
    known = {*signature(fit).parameters, *signature(gv_compile).parameters}
    assert known - named == {"layer", "data", "graph", "batch", "backend"}
    assert named <= known


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("checking", set()),
        ("pictures", {"neuron.svg", "other.png"}),
        ("stepping", {"hinge_loss.html", "slides.pdf", "slides.tex", "hinge_loss.tex", "sheet.pdf"}),
        ("training", {"line.safetensors", "loss.svg", "run.safetensors", "line_layer.py"}),
    ],
)
def test_the_pages_commands_work(name, written, tmp_path):
    text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    for script in EXAMPLES:
        shutil.copy(script, tmp_path)
    for script, code in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", text, re.DOTALL):
        (tmp_path / script).write_text(code, encoding="utf-8")
    for command in commands(text):
        words = [sys.executable, "-m", *shlex.split(command)]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"
    assert commands(text)
    assert written <= {path.name for path in tmp_path.iterdir()}


def test_the_page_of_training_shows_the_source():
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    scope = {}
    exec("import gradviz as gv\nimport numpy as np", scope)
    exec(re.search(r"### The source.*?```python\n(.*?)print", text, re.DOTALL)[1], scope)
    shown = re.search(r"```text\n(for .*?)```", text, re.DOTALL)[1]
    assert textwrap.indent(shown, " " * 8) in scope["lstm"].source
    assert re.search(r"LSTM .* is some 200 lines", text)
    assert 180 <= scope["lstm"].source.count("\n") <= 210


def test_the_page_shows_what_explain_says(tmp_path):
    page = (ROOT / "docs" / "explaining.md").read_text(encoding="utf-8")
    shown = re.search(r"\$ gradviz explain hinge_loss.py --wrt W\n(.*?)```", page, re.DOTALL)[1]
    command = [sys.executable, "-m", "gradviz", "explain", str(ROOT / "examples" / "hinge_loss.py"), "--wrt", "W"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [line.rstrip() for line in done.stdout.splitlines()] == shown.splitlines()


def anchors(page):
    """What GitHub calls the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)|src=\"([^\"]+)\"", text):
        link = next(filter(None, target))
        if not link.startswith("http"):
            path, _, anchor = link.partition("#")
            there = page.parent / path if path else page
            assert there.exists(), link
            assert not anchor or anchor in anchors(there), link


def test_the_page_shows_a_screen_of_step(example_roots):
    from gradviz.core.build import graph as freeze
    from gradviz.passes.steps import steps
    from gradviz.passes.walk import Walk
    from gradviz.terminal.step import Screen

    graph = freeze(example_roots["hinge_loss-loss"])
    walk = Walk(graph, steps(graph))
    walk.move(7)
    lines = [line.plain.rstrip() for line in Screen(walk, "loss").draw(80, 16)]
    page = (ROOT / "docs" / "stepping.md").read_text(encoding="utf-8")
    assert "```text\n" + "\n".join(lines) + "\n```" in page
