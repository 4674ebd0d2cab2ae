"""The remembered formulas are a shortcut and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from gallery import ROOT

CODE = (
    f"import runpy, sys, gradviz as gv; node = runpy.run_path({str(ROOT / 'examples' / 'squared_loss.py')!r})['loss'];"
    "sys.stdout.write(gv.figure(node).svg()); sys.stderr.write(str('ziamath' in sys.modules))"
)


def draw(cache):
    answer = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, "GRADVIZ_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    return answer.stdout, answer.stderr == "True"


def test_a_second_run_draws_the_same_without_typesetting(tmp_path):
    fresh, typeset = draw("off")
    assert typeset
    assert list(tmp_path.iterdir()) == []
    assert draw(tmp_path) == (fresh, True)
    assert draw(tmp_path) == (fresh, False)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-40]),
        lambda path: path.write_text("[1, 2]"),
        lambda path: path.write_text('{"formulas": [], "outlines": {}}'),
        lambda path: path.write_text('{"formulas": {}, "outlines": {"a": 3}}'),
        lambda path: path.write_text("[" * 100_000),
    ],
)
def test_a_damaged_cache_is_made_anew(tmp_path, damage):
    fresh, _ = draw(tmp_path)
    (file,) = tmp_path.iterdir()
    damage(file)
    assert draw(tmp_path) == (fresh, True)
    assert draw(tmp_path) == (fresh, False)


def test_damaged_formulas_are_typeset_anew(tmp_path):
    fresh, _ = draw(tmp_path)
    (file,) = tmp_path.iterdir()
    kept = json.loads(file.read_bytes())
    kept["formulas"] = {key: ["wide"] for key in kept["formulas"]}
    file.write_text(json.dumps(kept))
    assert draw(tmp_path) == (fresh, True)


def test_outlines_cannot_carry_markup(tmp_path):
    fresh, _ = draw(tmp_path)
    (file,) = tmp_path.iterdir()
    kept = json.loads(file.read_bytes())
    kept["outlines"] = dict.fromkeys(kept["outlines"], '"/><script>alert(1)</script>')
    file.write_text(json.dumps(kept))
    assert draw(tmp_path) == (fresh, True)


def test_a_cache_that_cannot_be_written_is_no_matter(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    fresh, _ = draw(blocked / "below")
    assert draw("off")[0] == fresh


def test_many_figures_write_the_file_seldom(tmp_path):
    code = (
        "import gradviz as gv, gradviz.draw.cache as cache;"
        "write, written = cache.write_atomically, [];"
        "cache.write_atomically = lambda *args: (written.append(args), write(*args));"
        "[gv.figure(gv.exp(gv.param('abcdefgh'[i], 1.0))).svg() for i in range(8)];"
        "print(len(written))"
    )
    environment = {**os.environ, "GRADVIZ_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 4
    (file,) = tmp_path.iterdir()
    kept = json.loads(file.read_bytes())["formulas"]
    assert all(any(rf"boldsymbol{{{letter}}}" in key for key in kept) for letter in "abcdefgh")
