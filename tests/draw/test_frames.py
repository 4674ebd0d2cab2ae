"""Frames: in place from one to the next, with the numbers of the steps."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from faults import faults

import gradviz as gv
from gradviz.core.format import array_text
from gradviz.core.plain import tex_to_text
from gradviz.draw.frames import frames_pdf
from gradviz.errors import UsageError

EXAMPLES = ["hinge_loss-loss", "squared_loss-loss", "baydin_example-y", "cs231n_neuron-f", "chain_rule-out"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_nothing_moves_but_what_changes(example_roots, name):
    scenes = [picture.scene for picture in gv.frames(example_roots[name])]
    last = {(text.kind, text.owner, text.text): text.rect for text in scenes[-1].texts if text.kind != "caption"}
    for scene in scenes:
        assert (scene.width, scene.height) == (scenes[0].width, scenes[0].height)
        assert scene.boxes == scenes[0].boxes
        assert [edge.points for edge in scene.edges] == [edge.points for edge in scenes[0].edges]
        for text in scene.texts:
            if text.kind != "caption":
                assert last[text.kind, text.owner, text.text] == text.rect
        assert faults(scene) == []
    for before, after in pairwise(scenes):
        shown = [{(t.kind, t.owner) for t in scene.texts if t.kind != "caption"} for scene in (before, after)]
        assert shown[0] <= shown[1]
        assert len(shown[1] - shown[0]) <= 1


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_numbers_are_those_of_the_steps(example_roots, name):
    graph = gv.graph(example_roots[name])
    values = gv.backprop(graph)
    steps = gv.steps(graph)
    pictures = gv.frames(graph)
    assert len(pictures) == len(steps) + 1
    nodes = {node.key: node.node for node in pictures[0].figure.nodes}
    for step, picture in zip(steps, pictures[1:], strict=True):
        (caption,) = [text for text in picture.scene.texts if text.kind == "caption"]
        assert caption.text == tex_to_text(step.line)
        lit = [(nodes[edge.parent], edge.slot) for edge in picture.scene.edges if edge.lit]
        assert lit == ([(step.parent, step.slot)] if step.phase == "backward" else [])
    for text in pictures[-1].scene.texts:
        if text.kind in ("forward", "backward"):
            number = text.text.rpartition(" = ")[2]
            assert number == array_text(getattr(values, text.kind)[nodes[text.owner]])


def test_the_first_frame_knows_only_the_leaves(example_roots):
    picture = gv.frames(example_roots["hinge_loss-loss"])[0]
    kinds = {node.key: node.kind for node in picture.figure.nodes}
    shown = [text for text in picture.scene.texts if text.kind in ("forward", "backward")]
    assert {kinds[text.owner] for text in shown} == {"parameter", "data"}
    assert {text.kind for text in shown} == {"forward"}


def test_a_sum_appears_when_it_is_complete(example_roots):
    graph = gv.graph(example_roots["baydin_example-y"])
    second = graph.find("x2")
    steps = gv.steps(graph)
    first = next(place for place, step in enumerate(steps, 1) if step.node == second and step.phase == "backward")
    whole = next(place for place, step in enumerate(steps, 1) if step.node == second and step.phase == "sum")
    pictures = gv.frames(graph)
    nodes = {node.key: node.node for node in pictures[0].figure.nodes}

    def shown(place):
        return [t for t in pictures[place].scene.texts if t.kind == "backward" and nodes[t.owner] == second]

    assert shown(first) == []
    assert [text.text for text in shown(whole)] == ["1.72"]


def test_phases(example_roots):
    start, forward, back = gv.frames(example_roots["squared_loss-loss"], by="phase", theme="dark")
    counts = [[text.kind for text in one.scene.texts].count("forward") for one in (start, forward, back)]
    assert counts == [4, 9, 9]
    assert [text.kind for text in forward.scene.texts].count("backward") == 0
    assert [text.kind for text in back.scene.texts].count("backward") == 7
    assert start.theme.name == "dark"
    assert not any(edge.lit for edge in back.scene.edges)


def test_another_way_than_steps_and_phases_is_refused(example_roots):
    with pytest.raises(UsageError, match=r"no by 'phases' \(did you mean 'phase'\?\)"):
        gv.frames(example_roots["squared_loss-loss"], by="phases")


def test_a_pdf_has_a_page_for_each(example_roots):
    pictures = gv.frames(example_roots["chain_rule-out"])
    data = frames_pdf(pictures)
    assert data.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", data)) == len(pictures)
