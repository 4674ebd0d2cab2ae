"""TikZ: compiled by plain pdflatex, as it is and inside a document; what the pages read; labels that do no harm."""

from __future__ import annotations

import re

import pytest
from latex import compile_latex, page_size, read_pages, reads

import gradviz as gv
from gradviz.core.format import array_text
from gradviz.core.primitive import REGISTRY
from gradviz.draw.latex import to_latex
from gradviz.draw.tikz import PT_PER_PX, to_beamer

EXAMPLES = ["hinge_loss-loss", "squared_loss-loss", "baydin_example-y", "cs231n_neuron-f", "mazur_network-loss"]
REFUSED = r"\text{refused}"


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_compiles_to_a_page_of_the_pictures_size(example_roots, tmp_path, name):
    picture = gv.figure(example_roots[name], labels="both")
    pdf = compile_latex(picture.save(tmp_path / "x.tex"))
    (page,) = read_pages(pdf)
    assert page_size(pdf) == pytest.approx((picture.scene.width * PT_PER_PX, picture.scene.height * PT_PER_PX), abs=0.1)
    for text in picture.scene.texts:
        if text.kind in ("forward", "backward") and " = " in text.text:
            assert reads(page, text.text), text.text


@pytest.mark.parametrize("theme", ["slide", "dark"])
def test_it_brings_the_colors_of_its_theme(example_roots, theme):
    picture = gv.figure(example_roots["hinge_loss-loss"], theme=theme)
    tex = picture.tex()
    for name in ("paper", "parameter", "derivative", "forward", "backward"):
        assert rf"\definecolor{{gradviz{name}}}{{HTML}}{{{getattr(picture.theme, name)[1:].upper()}}}" in tex
    assert (r"\fill[gradvizpaper]" in tex) == (theme == "dark")


def test_another_document_takes_it_in(example_roots, tmp_path):
    gv.figure(example_roots["hinge_loss-loss"]).save(tmp_path / "one.tex")
    gv.figure(example_roots["squared_loss-loss"], theme="dark").save(tmp_path / "two.tex")
    (tmp_path / "slide.tex").write_text(to_beamer(gv.frames(example_roots["chain_rule-out"])), encoding="utf-8")
    packages = r"\usepackage{amsmath,amssymb,tikz}"
    (tmp_path / "paper.tex").write_text(
        rf"\documentclass{{article}}{packages}\begin{{document}}Before "
        r"\scalebox{0.5}{\input{one}} between \resizebox{4cm}{!}{\input{two}} after.\end{document}",
        encoding="utf-8",
    )
    (page,) = read_pages(compile_latex(tmp_path / "paper.tex"))
    for words in ("Before", "f3 = 0.1", "between", "f3 = [0.426, 0.846]", "after."):
        assert reads(page, words), words
    (tmp_path / "talk.tex").write_text(
        rf"\documentclass{{beamer}}{packages}\begin{{document}}\begin{{frame}}{{Title}}\centering"
        r"\scalebox{.5}{\input{slide}}\end{frame}\begin{frame}After\end{frame}\end{document}",
        encoding="utf-8",
    )
    pages = read_pages(compile_latex(tmp_path / "talk.tex"))
    assert len(pages) == len(gv.frames(example_roots["chain_rule-out"])) + 1
    assert all(reads(page, "Title") for page in pages[:-1])
    assert reads(pages[-1], "After")


@pytest.mark.parametrize("name", ["hinge_loss-loss", "baydin_example-y"])
def test_the_overlays_bring_what_the_steps_bring(example_roots, tmp_path, name):
    graph = gv.graph(example_roots[name])
    steps, pictures = gv.steps(graph), gv.frames(graph)
    path = tmp_path / "slides.tex"
    path.write_text(to_beamer(pictures), encoding="utf-8")
    pages = read_pages(compile_latex(path))
    assert len(pages) == len(steps) + 1
    for page, picture in zip(pages, pictures, strict=True):
        beside = [text.text for text in picture.scene.texts if " = " in text.text and text.kind != "caption"]
        below = [text.text for text in picture.scene.texts if text.kind == "caption"]
        assert all(reads(page, text) for text in beside), beside
        named = re.findall(r"[fg]\d+(?= = )", page)
        written = re.findall(r"[fg]\d+(?= = )", " ".join(beside + below).replace("_", ""))
        assert sorted(named) == sorted(written)


def test_in_slides_of_phases_nothing_is_lit(example_roots):
    tex = to_beamer(gv.frames(example_roots["hinge_loss-loss"], by="phase"))
    assert set(re.findall(r"\\only<([^>]*)>", tex)) == {"2-", "3-"}
    assert "[gradviz lit edge]" not in tex


def test_a_picture_of_the_past_is_on_some_slides_only(example_roots):
    first, *_, last = gv.frames(example_roots["hinge_loss-loss"])
    assert r"\only<2>{" in to_beamer([first, last, first])
    assert r"\only<1,3->{" in to_beamer([last, first, last])


def test_a_worksheet_has_boxes(example_roots, tmp_path):
    sheet, key = gv.worksheet(example_roots["hinge_loss-loss"])
    assert sheet.tex().count(r"\draw[gradviz blank]") == len(sheet.scene.blanks)
    assert "blank]" not in key.tex()
    (page,) = read_pages(compile_latex(sheet.save(tmp_path / "sheet.tex")))
    assert reads(page, "f3 =")
    assert not reads(page, array_text(gv.evaluate(example_roots["hinge_loss-loss"]).output))


def test_a_picture_too_large_for_tex_is_refused():
    x = gv.param("x", 0.5)
    for _ in range(320):
        x = gv.sin(x)
    with pytest.raises(gv.GradvizError, match="TeX has no page"):
        gv.figure(x, direction="right").tex()


NAMES = [
    r"\input{/etc/passwd}",
    r"}\end{document}",
    r"\immediate\write18{touch pwned}",
    "50% of $x_1^2$ & #1 ~ <b>|\"'`--",
    "^^5cinput{x}",
    "Größe, naïve",
    "重み",
    "эта",
    "η·φ ≤ ∞",
    "e\N{COMBINING ACUTE ACCENT}\N{RIGHT-TO-LEFT OVERRIDE}",
    "🙂",
]


def test_names_are_text(tmp_path):
    total = gv.param("start", 1.0)
    for name in NAMES:
        total = total + gv.param(name, 1.0)
    total = (total * 1).named("\\end{document}\n}")
    path = gv.figure(total, title="\\end{document}\n%}").save(tmp_path / "x.tex")
    (page,) = read_pages(compile_latex(path))
    for shown in (r"\input{/etc/passwd}", r"}\end{document}", "#1", "ˆˆ5cinput{x}", "[91CD]", "[1F642]", "η", "≤"):
        assert shown in page.replace(" ", ""), shown
    assert sorted(one.name for one in tmp_path.iterdir()) == ["x.aux", "x.log", "x.pdf", "x.tex"]


HOSTILE = [
    r"\input{/etc/passwd}",
    r"\write18{touch pwned}",
    r"\def\x{\x}\x",
    r"\csname end\endcsname",
    r"\end{document}",
    r"\begin{document}",
    r"\begin{bmatrix} 1",
    r"\begin{cases} 1 & 2 & 3 \end{cases}",
    r"\left( x",
    r"\left x",
    r"\big",
    r"\frac{1}",
    r"\frac1",
    r"\sqrt[3",
    r"\text",
    r"\text{a{b}",
    "a & b",
    r"a \\ b",
    "x^2^3",
    "x_1_2",
    "x^2'",
    "x'_1^2",
    "x^",
    "^^5c",
    "x^'",
    "{",
    "}",
    "{}}{",
    "%",
    "#1",
    "$",
    "~",
    "\\",
    "\\\n",
    r"\unknown",
    "{" * 60 + "}" * 60,
    "x" * 500,
]


@pytest.mark.parametrize("tex", HOSTILE)
def test_what_could_harm_a_document_is_text(tex):
    assert to_latex(tex, "refused") == REFUSED


TAKEN = [
    r"\mathbf{1}[1 - \mathrm{margin} > 0]",
    r"\begin{bmatrix} -1 & 2 \\ [3] & -4 \\* & \end{bmatrix}^{\top}",
    r"\begin{cases} x & x > 0 \\ 0 & \text{else, 50\%} \end{cases}",
    r"\left[\frac12 \sqrt[3]{x}\right]'^2_i",
    r"\|W\|_F^2 + \big(\hat\theta\bigr)'",
    r"x^\mathrm{T} \mathbb{R}",
    r"\lvert x\rvert + \lVert y\rVert",
    r"\mathrm{a\^{}b\~{}c\_d\{\}}",
    r"\text{$ & ~ # ^}",
    r"\boldsymbol{\operatorname{arg\,max}}",
    "λ·重 ≤ é",
    r"a\cdot b\in C",
    r"f'' \ldots\, x_{i_j}",
    " ",
]


def test_what_is_taken_compiles(tmp_path):
    written = [to_latex(tex, "refused") for tex in TAKEN]
    assert REFUSED not in written
    total = gv.param("start", 1.0)
    for place, tex in enumerate(TAKEN + HOSTILE):
        total = total + gv.param(f"p{place}", 1.0, tex=tex)
    (page,) = read_pages(compile_latex(gv.figure(total).save(tmp_path / "x.tex")))
    assert page


def test_every_label_of_the_examples_is_mathematics(example_roots):
    texts = {
        (text.tex, text.text) for root in example_roots.values() for text in gv.figure(root, labels="both").scene.texts
    }
    assert len(texts) > 300
    for tex, text in texts:
        assert to_latex(tex, "refused") != REFUSED, text


def test_every_primitives_symbol_is_mathematics():
    for op in REGISTRY.values():
        for tex in (op.symbol, op.notation, op.label):
            if isinstance(tex, str):
                plain = re.sub(r"<?#\w>?", "x", tex)
                assert to_latex(plain, "refused") != REFUSED, (op.name, tex)
