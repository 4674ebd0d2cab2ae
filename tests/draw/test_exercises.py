"""Exercises: easy numbers, right keys, and no two alike."""

from __future__ import annotations

import json

import numpy as np
import pytest
from faults import faults

import gradviz as gv
from gradviz.core.format import array_text
from gradviz.draw.exercises import exercises


def leaves_of(key):
    """The values that the key shows below its leaves, by name."""
    names = {node.key: node.body.text for node in key.figure.nodes if node.kind in ("parameter", "data")}
    return {names[t.owner]: t.text for t in key.scene.texts if t.kind == "forward" and t.owner in names}


def numbers(text):
    return np.array(json.loads(text.replace("\N{MINUS SIGN}", "-")), dtype=float)


def test_the_keys_are_right(example_roots):
    graph = gv.graph(example_roots["hinge_loss-loss"])
    pairs = exercises(graph, 5, seed=2)
    seen = set()
    for _, key in pairs:
        shown = leaves_of(key)
        at = {
            "W": numbers(shown["W"]),
            "phi": numbers(shown["phi"]),
            "y": numbers(shown["y"]),
        }
        values = gv.backprop(graph, at)
        nodes = {node.key: node.node for node in key.figure.nodes}
        for text in key.scene.texts:
            if text.kind in ("forward", "backward"):
                assert text.text.rpartition(" = ")[2] == array_text(getattr(values, text.kind)[nodes[text.owner]])
        assert values.forward["margin"] != 1  # no kink
        seen.add(str(shown))
    assert len(seen) == 5


@pytest.mark.parametrize("seed", range(4))
def test_random_graphs_are_easy_and_clean(seed):
    for sheet, key in exercises(None, 6, seed=seed):
        assert faults(sheet.scene) == []
        assert sheet.scene.blanks
        for text in key.scene.texts:
            if text.kind in ("forward", "backward"):
                assert len(text.text.rpartition(" = ")[2]) <= 4, text.text


def test_the_seed_decides_all():
    first, again, other = (
        [key.svg() for _, key in exercises(None, 3, seed=seed)] for seed in (5, 5, 6)
    )  # fmt: skip
    assert first == again
    assert first != other


def test_more_than_there_are():
    x = gv.param("x", 1.0)
    with pytest.raises(gv.GradvizError, match="no more different exercises"):
        exercises(x * 2, 7)
