"""Handouts: every exercise is on a sheet, under its number, clear of all others."""

from __future__ import annotations

import pytest
from faults import faults

import gradviz as gv
from gradviz.draw.exercises import exercises
from gradviz.draw.handout import A4, sheets


def captions(page):
    return [text for text in page.texts if text.kind == "caption"]


def test_exercises_fill_sheets_in_order():
    pairs = exercises(None, 12, seed=1)
    for place, title in enumerate(("Exercises", "Key")):
        scenes = [pair[place].scene for pair in pairs]
        pages = list(sheets(scenes, title))
        assert 1 < len(pages) < 6
        assert [text.text for page in pages for text in captions(page)[1:]] == [str(n) for n in range(1, 13)]
        assert sum(len(page.blanks) for page in pages) == sum(len(scene.blanks) for scene in scenes)
        assert sum(len(page.boxes) for page in pages) == sum(len(scene.boxes) for scene in scenes)
        assert sum(len(page.edges) for page in pages) == sum(len(scene.edges) for scene in scenes)
        for page in pages:
            assert captions(page)[0].text == title
            assert (page.width, page.height) == A4
            assert faults(page) == []
            assert all(rect.left > 0 and rect.right < page.width and rect.bottom < page.height for rect in page.blanks)


def test_everything_stands_below_its_number():
    w = gv.param("w", 2.0)
    sheet, _ = gv.worksheet(gv.square(w * 3).named("loss"))
    scene = sheet.scene
    (page,) = sheets([scene] * 3, "Exercises")
    numbers = captions(page)[1:]
    assert len({round(number.y) for number in numbers}) == 1
    roots = [box.rect for box in page.boxes if box.key.endswith(scene.boxes[0].key)]
    for number, root in zip(numbers, roots, strict=True):
        assert root.left - number.x == pytest.approx(scene.boxes[0].rect.left)
        assert number.rect.bottom < root.top


def test_what_is_larger_than_the_paper_makes_it_larger():
    x = gv.param("x", 0.5)
    for _ in range(40):
        x = gv.sin(x)
    sheet, _ = gv.worksheet(x)
    (page,) = sheets([sheet.scene] * 2, "Exercises")
    assert page.height > sheet.scene.height > A4[1]
    assert page.width / page.height == pytest.approx(A4[0] / A4[1])
    assert faults(page) == []
