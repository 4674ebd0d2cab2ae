"""Worksheets: what is left out is nowhere in the sheet, and stands in the key."""

from __future__ import annotations

import json
import re

import pytest
from faults import faults

import gradviz as gv
from gradviz.core.format import array_text
from gradviz.draw.geometry import along
from gradviz.draw.worksheet import BLANKS

EXAMPLES = ["hinge_loss-loss", "squared_loss-loss", "baydin_example-y", "cs231n_neuron-f", "mazur_network-loss"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_key_has_the_numbers_and_the_sheet_has_not(example_roots, name):
    graph = gv.graph(example_roots[name])
    values = gv.backprop(graph)
    sheet, key = gv.worksheet(graph)
    nodes = {node.key: node.node for node in key.figure.nodes}
    operations = {node.key for node in key.figure.nodes if node.kind == "operation"}
    answers = [t for t in key.scene.texts if t.kind == "backward" or (t.kind == "forward" and t.owner in operations)]
    assert len(sheet.scene.blanks) == len(answers)
    assert key.scene.blanks == ()
    for text in answers:
        number = text.text.rpartition(" = ")[2]
        assert number == array_text(getattr(values, text.kind)[nodes[text.owner]])
    left = [t for t in sheet.scene.texts if t.kind == "backward" or (t.kind == "forward" and t.owner in operations)]
    assert all(text.text.endswith(" =") and text.tex.endswith(" =") for text in left)
    assert not re.search(r"[fg]\d+ = [^ ]", sheet.svg())
    assert re.search(r"f0 = ", key.svg())


@pytest.mark.parametrize("blank", [list(BLANKS), ["f", "g"]])
@pytest.mark.parametrize("name", EXAMPLES)
def test_boxes_are_clear_of_everything(example_roots, name, blank):
    sheet, key = gv.worksheet(example_roots[name], blank=blank)
    assert faults(sheet.scene) == []
    scene = sheet.scene
    for place, box in enumerate(scene.blanks):
        assert box.left >= 0
        assert box.right <= scene.width
        assert box.width >= 20
        for other in [*scene.blanks[place + 1 :], *(one.rect for one in scene.boxes)]:
            apart = (
                box.right <= other.left or other.right <= box.left or box.bottom <= other.top or other.bottom <= box.top
            )
            assert apart, (name, box, other)
    lines = {f"{edge.parent}/{edge.slot}": along(edge.line, 32) for edge in scene.edges}
    for text in scene.texts:
        if text.kind == "derivative":
            near = text.rect.grown(24)
            assert any(near.left < x < near.right and near.top < y < near.bottom for x, y in lines[text.owner]), text
    kept = {(t.kind, t.owner, t.text): (t.x, t.y) for t in key.scene.texts}
    for text in scene.texts:
        if (text.kind, text.owner, text.text) in kept:
            assert kept[text.kind, text.owner, text.text] == (text.x, text.y)


def test_a_seed_chooses_half(example_roots):
    root = example_roots["squared_loss-loss"]
    whole = gv.worksheet(root)[0].scene.blanks
    first, again, other = (gv.worksheet(root, seed=seed)[0].scene.blanks for seed in (1, 1, 2))
    assert len(first) == len(whole) // 2
    assert first == again
    assert first != other
    assert set(first) < set(whole)


def test_leaves_and_edges(example_roots):
    sheet, _ = gv.worksheet(example_roots["hinge_loss-loss"], blank=["edges"])
    assert len(sheet.scene.blanks) == 4
    kinds = [text.kind for text in sheet.scene.texts]
    assert "derivative" not in kinds
    assert kinds.count("forward") == 7
    assert sheet.svg().count('class="blank"') == 4
    assert len(json.loads(sheet.json())["blanks"]) == 4


def test_what_cannot_be_left_out(example_roots):
    with pytest.raises(gv.GradvizError, match="no blank 'h'"):
        gv.worksheet(example_roots["hinge_loss-loss"], blank=["h"])
