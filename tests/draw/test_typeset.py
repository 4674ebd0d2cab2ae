"""Typesetting: measured formulas, bold digits, minus signs, and what the font lacks."""

from __future__ import annotations

import pytest

from gradviz.draw.typeset import OUTLINES, typeset


def widths(*formulas):
    return [typeset(tex, tex).width for tex in formulas]


def test_longer_formulas_are_wider():
    short, long = widths("x", "x + y")
    assert 0.3 < short < 1 < long


def test_a_sign_before_a_number_is_no_operation():
    unary, binary = widths("-0.6", "x - 0.6")
    assert unary < binary - widths("x")[0]
    for tex in ("f = -1", "[-1,\\ -1]", "1[x > -1]"):
        assert typeset(tex, tex).width < typeset(tex.replace("-", "x - "), tex).width - 0.5


def test_bold_one_is_bold():
    plain, bold = typeset("1", "1"), typeset(r"\mathbf{1}", "1")
    assert plain.glyphs[0].id != bold.glyphs[0].id


def test_outlines_are_shared_and_short():
    typeset("x + x + x", "")
    assert all(len(path) < 2000 for path in OUTLINES.values())
    assert len({glyph.id for glyph in typeset("x + x + x", "").glyphs}) == 2


@pytest.mark.parametrize(("tex", "expected"), [(r"\mathrm{损失}", "损失"), ("😀", "😀"), (r"x\,\mathrm{مر}", "مر")])
def test_what_the_font_lacks_is_real_text(tex, expected):
    found = typeset(tex, tex)
    assert "".join(text.text for text in found.texts) == expected
    for text in found.texts:
        assert 0 <= text.x <= text.x + text.width <= found.width + 0.05


def test_an_escaped_character_is_drawn_with_its_outline():
    found = typeset(r"\mathrm{a\_b}", "a_b")
    assert len(found.glyphs) == 3
    assert not found.texts


@pytest.mark.parametrize("tex", [r"\frac{", r"\begin{bmatrix}", "}{", r"\left(", "&&", "\\"])
def test_broken_latex_is_drawn_as_plain_text(tex):
    found = typeset(tex, "plain")
    assert found.width > 0


def test_long_text_is_cut():
    found = typeset(r"\mathrm{" + "x" * 20_000 + "}", "x" * 20_000)
    assert found.width < 45
    assert len(found.glyphs) == 60


def test_nothing_has_no_extent():
    assert typeset("", "").width == 0
    assert typeset(" ", " ").width == 0
