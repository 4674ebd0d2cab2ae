"""Typesetting: measured formulas, bold digits, minus signs, and what the font lacks."""

from __future__ import annotations

import re

import pytest

import gradviz as gv
from gradviz.draw import typeset as typesetting
from gradviz.draw.outline import compact
from gradviz.draw.typeset import OUTLINES, _numerals, _remembered, typeset

LEAVES = ("parameter", "data")


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


@pytest.mark.parametrize(
    ("name", "tex"), [("w", None), ("weight", None), ("x_train", None), ("h(t)", None), ("in1", None), ("phi", None),
                      ("L", r"\mathcal{L}"), ("net", r"\operatorname{net}"), ("y", r"\hat{\mathrm{out}}")],
)  # fmt: skip
def test_parameters_are_bold(name, tex):
    kinds = {}
    for leaf in (gv.param, gv.data):
        (text,) = (text for text in gv.figure(gv.sin(leaf(name, 1.0, tex=tex))).scene.texts if text.kind in LEAVES)
        kinds[text.kind] = {glyph.id for glyph in text.typeset.glyphs}
    signs = {glyph.id for sign in (r"\_", "()", "x_{1}", r"\hat{x}") for glyph in typeset(sign, "").glyphs}
    assert not kinds["parameter"] & kinds["data"] - signs


@pytest.mark.parametrize(
    ("opening", "closing"), [("{", "}"), (r"\left(", r"\right)"), (r"\begin{matrix}", r"\end{matrix}")]
)
def test_what_would_be_typeset_for_minutes_is_text(opening, closing):
    deep, text = (typeset(opening * levels + "x" + closing * levels, "plain") for levels in (14, 0))
    assert deep == typeset("plain" * 100, "plain")
    assert text == typeset("x", "x")


@pytest.mark.parametrize(
    "tex", [r"\left|\frac{x}{y}\right|", r"\begin{bmatrix} 1 \\ 2 \\ 3 \\ 4 \\ 5 \\ 6 \\ 7 \end{bmatrix}"]
)
def test_a_very_tall_bracket_is_put_together(tex):
    found = typeset(tex, "plain")
    assert found != typeset("plain" * 100, "plain")
    assert found.ascent + found.descent > 1.5
    assert OUTLINES[found.glyphs[0].id].count("M") > 1


def test_outlines_are_shared_and_short():
    typeset("x + x + x", "")
    assert all(len(path) < 2000 for path in OUTLINES.values())
    assert len({glyph.id for glyph in typeset("x + x + x", "").glyphs}) == 2


@pytest.mark.parametrize("accent", ["hat", "bar"])
@pytest.mark.parametrize("letter", ["u", "h", "C"])
@pytest.mark.parametrize("pattern", ["{0}", r"\boldsymbol{{{0}}}"])
def test_an_accent_is_no_wider_than_its_letter(accent, letter, pattern):
    bare, accented = (typeset(pattern.format(tex), "") for tex in (letter, rf"\{accent}{{{letter}}}"))
    assert accented.glyphs[0] == bare.glyphs[0]
    assert accented.width <= bare.width + 0.12
    assert accented.ascent > bare.ascent


@pytest.mark.parametrize("tex", [r"\tilde{C}_t^{2}", r"1 - \tilde{h}_{t-1}^{2}", r"\bar{x}^{2}", r"\hat{u}_i^{2}"])
def test_a_power_does_not_rise_over_an_accent(tex):
    plain = re.sub(r"\\(?:tilde|bar|hat)\{(\w)\}", r"\1", tex)
    assert typeset(tex, "").glyphs[-1].y >= typeset(plain, "").glyphs[-1].y - 0.05


def curves(path, em):
    """Every point of an outline, control points as well, in thousandths of an em, absolute."""
    here = control = start = (0.0, 0.0)
    found = []
    for command, rest in re.findall(r"([A-Za-z])([^A-Za-z]*)", path):
        numbers = [float(number) * 1000 / em for number in re.findall(r"-?\d*\.?\d+", rest)]
        if command in "zZ":
            here = control = start
            continue
        x, y = (0.0, 0.0) if command.isupper() else here
        if command in "hv":
            numbers = [numbers[0], 0.0] if command == "h" else [0.0, numbers[0]]
        points = [(x + a, y + b) for a, b in zip(numbers[::2], numbers[1::2], strict=True)]
        if command == "t":
            points.insert(0, (2 * here[0] - control[0], 2 * here[1] - control[1]))
        here, control = points[-1], points[0] if len(points) == 2 else points[-1]
        start = here if command == "M" else start
        found.extend(points)
    return [point for point, before in zip(found, [None, *found], strict=False) if point != before]


def test_short_outlines_have_the_points_of_the_font(monkeypatch):
    seen = []
    monkeypatch.setattr(typesetting, "compact", lambda path: seen.append(path) or compact(path))
    monkeypatch.setattr(typesetting, "OUTLINES", {})
    typesetting._typeset(r"\mathbf{g}Q\phi\sum\infty\frac{8}{\sqrt{W}}", "")
    assert len(seen) > 6
    for path in seen:
        short = compact(path)
        assert curves(short, 1000) == [pytest.approx(point, abs=0.26) for point in curves(path, 12)]
        assert len(short) < 0.6 * len(path)
    assert any("t" in compact(path) for path in seen)


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


@pytest.mark.parametrize(
    "tex",
    [
        *("0", "-1", "0.25", "123.456", "f_{0} = 1", "g_{12} = -0.5", "f_{907} = 3.14"),
        *(r"[0.2,\ 0.3]", r"f_{3} = [-1,\ 2]", r"1\times 10^{-3}", r"-1.5\times 10^{16}", r"f_{3} = 2\times 10^{-19}"),
        *(r"g_{3} = [8.94\times 10^{-5},\ -2,\ 7\times 10^{8}]", r"[-1,\ 3\times 10^{-245}]"),
        *(r"3{\times}5,\ \|\cdot\| = 3.35", r"f_{7} = 12,\ \|\cdot\| = 6.07\times 10^{-8}"),
        r"g_{12} = 1{\times}1{\times}20{\times}9,\ \|\cdot\| = 0",
    ],
)
def test_numbers_are_set_as_the_typesetter_sets_them(tex):
    quick = _numerals().set(tex)
    slow = _remembered(tex, tex)
    assert [glyph.id for glyph in quick.glyphs] == [glyph.id for glyph in slow.glyphs]
    for a, b in zip(quick.glyphs, slow.glyphs, strict=True):
        assert (a.x, a.y, a.scale) == pytest.approx((b.x, b.y, b.scale), abs=0.03)  # but for kerning
    assert quick.width == pytest.approx(slow.width, abs=0.06)
    assert quick.ascent >= slow.ascent - 0.02
    assert quick.descent >= slow.descent - 0.02


@pytest.mark.parametrize(
    "tex",
    [
        *("", "x", "1 + 1", "--1", "f_{1}", "[1", "h_{1} = 2"),
        *(r"1\times 2", r"1\times 10^{-x}", r"3{\times}5", r"\|\cdot\| = 1"),
    ],
)
def test_other_formulas_are_no_numbers(tex):
    assert _numerals().set(tex) is None


@pytest.mark.parametrize(
    "tex",
    [
        *("f_{1}", "f_{907}", "x_{22}", r"\theta_{3}x_{10}", r"\mathbf{W}_{31}"),
        *("f_{9} + f_{10} x_{0}", "x^{2} w_{12}"),
        *(r"\sigma(f_{153}) \odot (1 - \sigma(f_{18}))", r"1 - \tanh(f_{34})^{2}", r"\mathbf{1}[f_{17} > 0]"),
        *(r"\sum_{i} f_{44}", r"\log f_{111}+x_{1}", r"\max(x_{1},y_{22})", r"w_{i}\,f_{3}"),
    ],
)
def test_indices_are_set_as_the_typesetter_sets_them(tex):
    quick = _numerals().set_indices(tex)
    slow = _remembered(tex, tex)
    assert quick is not None
    assert [glyph.id for glyph in quick.glyphs] == [glyph.id for glyph in slow.glyphs]
    for a, b in zip(quick.glyphs, slow.glyphs, strict=True):
        assert (a.x, a.y, a.scale) == pytest.approx((b.x, b.y, b.scale), abs=0.01)
    assert (quick.width, quick.ascent, quick.descent) == pytest.approx(
        (slow.width, slow.ascent, slow.descent), abs=0.01
    )


@pytest.mark.parametrize(
    "tex",
    [
        *("f", "f_{i}", "f_{1}^{2}", r"g\,f_{178}^{\top}", r"\hat{f_{33}} + 1", r"\frac{f_{3}}{2}", r"\sqrt{f_{41}}"),
        *(r"\overline{f_{31}} 2", "e^{f_{72}}", r"\boldsymbol{w_{11}}", r"\begin{bmatrix} f_{1} & 2 \end{bmatrix}"),
        *("f_{٣}", "٣"),
    ],
)
def test_what_is_not_on_one_line_is_left_to_the_typesetter(tex):
    assert _numerals().set_indices(tex) is None
    assert typeset(tex, tex) == _remembered(tex, tex)
