r"""A scene as TikZ: boxes and lines at their places, every label as LaTeX that the document's own fonts set.

The file is a document of its own, which plain pdflatex compiles, and the picture alone where another document
takes it in with ``\input``. Frames become one beamer slide whose overlays add what a step brings: they are one
picture, so that nothing moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import groupby
from typing import TYPE_CHECKING

from gradviz.draw.geometry import Point, along
from gradviz.draw.latex import to_latex, to_text
from gradviz.draw.parts import SIZES
from gradviz.draw.scene import PlacedEdge, PlacedText, Scene
from gradviz.draw.theme import ROLES, Theme
from gradviz.errors import DrawError

if TYPE_CHECKING:
    from gradviz.draw.picture import Picture

PT_PER_PX = 0.6
"""Beside a text of 10 pt, names are as large as it."""

_FONT_PT = 10.0  # one size, scaled: few fonts come in all the sizes of a figure
_SLIDE = (430.0, 240.0)  # what beamer's 16:9 page leaves inside its margins, pt
_LARGEST = 14_000.0  # TeX and PDF know no longer page, pt
_ROOM = 1.12  # how much larger than measured a text may be before it is made smaller
_LINE = 1.0  # what any text may be high, em

_HEAD = r"""% {title}
% pdflatex compiles this file; a document that loads amsmath, amssymb and tikz takes the picture in with \input.
% There, \scalebox and \resizebox change its size.
\expandafter\ifx\csname @nodocument\endcsname\relax % inside a document
  \def\gradvizshow{{\gradvizpicture}}%
\else
{preamble}
  \begin{{document}}
  \def\gradvizshow{{{show}\end{{document}}}}%
\fi
\providecommand\gradvizchar[2]{{#1}}%
\ifdefined\Umathchar\else % pdflatex: of a character that no font has, the number
  \renewcommand\gradvizchar[2]{{\ifcsname u8:\detokenize{{#1}}\endcsname#1\else{{\scriptsize[#2]}}\fi}}%
\fi
\providecommand\gradvizfit[3]{{}}% the most that it may be wide and high, a formula
\renewcommand\gradvizfit[3]{{\sbox0{{$#3$}}%
  \ifdim\wd0>#1\sbox0{{\resizebox{{#1}}{{!}}{{\usebox0}}}}\fi
  \ifdim\dimexpr\ht0+\dp0>#2\resizebox*{{!}}{{#2}}{{\usebox0}}\else\usebox0\fi}}%"""
_ARTICLE = r"""  \documentclass{{article}}
  \usepackage{{amsmath,amssymb,tikz}}
  \usepackage[papersize={{{width}pt,{height}pt}},margin=0pt]{{geometry}}
  \pagestyle{{empty}}\parindent=0pt \topskip=0pt"""
_BEAMER = r"""  \documentclass[aspectratio=169]{beamer}
  \usepackage{amsmath,amssymb,tikz}
  \setbeamertemplate{navigation symbols}{}"""


def to_tikz(scene: Scene, theme: Theme) -> str:
    """Return a scene as a LaTeX file; the same scene gives the same text.

    Args:
        scene: what to draw.
        theme: its colors.

    Raises:
        DrawError: for a picture larger than TeX's pages.
    """
    preamble = _ARTICLE.format(width=_number(scene.width * PT_PER_PX), height=_number(scene.height * PT_PER_PX))
    return _document([scene], theme, preamble, r"\vbox to 0pt{\hbox{\gradvizpicture}\vss}")


def to_beamer(pictures: Sequence[Picture]) -> str:
    """Return the frames of a figure as a LaTeX file: a slide of beamer with an overlay for each.

    Args:
        pictures: what `gradviz.frames` gives.

    Raises:
        DrawError: for a picture larger than TeX's pages.
    """
    scenes, theme = [picture.scene for picture in pictures], pictures[-1].theme
    width, height = scenes[-1].width * PT_PER_PX, scenes[-1].height * PT_PER_PX
    scale = _number(min(1.0, _SLIDE[0] / width, _SLIDE[1] / height), 3)
    slide = rf"\frame[plain]{{\centering\scalebox{{{scale}}}{{\gradvizpicture}}}}"
    return _document(scenes, theme, _BEAMER, rf"\setbeamercolor{{background canvas}}{{bg=gradvizpaper}}{slide}")


def _document(scenes: Sequence[Scene], theme: Theme, preamble: str, show: str) -> str:
    last = scenes[-1]
    if max(last.width, last.height) * PT_PER_PX > _LARGEST:
        raise DrawError(f"TeX has no page of {last.width:.0f} × {last.height:.0f} px", hint="save it as SVG or PDF")
    sheet = rf"(0,0) rectangle {_point((last.width, last.height))};"
    lines = [
        _HEAD.format(title=to_text(last.title), preamble=preamble, show=show),
        *(rf"\definecolor{{gradviz{name}}}{{HTML}}{{{code}}}%" for name, code in _colors(theme)),
        r"\def\gradvizpicture{%",
        rf"\begin{{tikzpicture}}[x={PT_PER_PX}pt,y=-{PT_PER_PX}pt,",
        *(f"  {style}," for style in _styles()),
        "]",
        rf"\useasboundingbox {sheet}",
        *([rf"\fill[gradvizpaper] {sheet}"] if theme.paper != "#ffffff" else []),
        *_Drawing(scenes).lines(),
        r"\end{tikzpicture}}%",
        r"\gradvizshow",
    ]
    return "\n".join(lines) + "\n"


def _colors(theme: Theme) -> Iterator[tuple[str, str]]:
    for color in fields(theme)[1:]:  # the first is the theme's name
        yield color.name.replace("_", ""), getattr(theme, color.name)[1:].upper()


def _styles() -> Iterator[str]:
    yield rf"every node/.style={{inner sep=0pt,outer sep=0pt,font=\fontsize{{{_FONT_PT:.0f}}}{{12}}\selectfont}}"
    for kind in SIZES:
        yield rf"gradviz {kind}/.style={{text=gradviz{ROLES[kind]},scale={_number(_scale(SIZES[kind]), 3)}}}"
    for name, color, px in (("edge", "line", 1.6), ("faint edge", "faintline", 1.0), ("lit edge", "line", 3.2)):
        yield rf"gradviz {name}/.style={{draw=gradviz{color},line width={_number(px * PT_PER_PX)}pt,line cap=round}}"
    box = f"fill=gradvizbox,rounded corners={_number(7 * PT_PER_PX)}pt,line width={_number(1.5 * PT_PER_PX)}pt"
    yield rf"gradviz box/.style={{draw=gradvizborder,{box}}}"
    yield rf"gradviz faint box/.style={{draw=gradvizfaintline,{box}}}"
    yield r"gradviz blank/.style={draw=gradvizquiet,fill=gradvizpaper,dashed,line width=0.7pt,rounded corners=1.8pt}"


class _Drawing:
    """The picture of one scene, or of several that are shown one after the other."""

    def __init__(self, scenes: Sequence[Scene]) -> None:
        self._scenes = scenes
        self._last = scenes[-1]
        self._boxes = {box.key: (box.rect.left, box.rect.right) for box in self._last.boxes}
        self._boxes |= {
            text.owner: (text.rect.left, text.rect.right)
            for text in self._last.texts
            if text.kind in ("parameter", "data", "constant")
        }
        self._lines = {f"{edge.parent}/{edge.slot}": edge.line for edge in self._last.edges}

    def lines(self) -> Iterator[str]:
        """Yield the commands."""
        yield from self._edges()
        for box in self._last.boxes:
            corners = f"{_point((box.rect.left, box.rect.top))} rectangle {_point((box.rect.right, box.rect.bottom))}"
            yield rf"\draw[gradviz {'' if box.live else 'faint '}box] {corners};"
        for rect in self._last.blanks:
            corners = f"{_point((rect.left, rect.top))} rectangle {_point((rect.right, rect.bottom))}"
            yield rf"\draw[gradviz blank] {corners};"
        shown: dict[tuple[str, str, str], tuple[PlacedText, list[int]]] = {}
        for slide, scene in enumerate(self._scenes, 1):
            for text in scene.texts:
                shown.setdefault((text.kind, text.owner, text.tex), (text, []))[1].append(slide)
        for text, slides in shown.values():
            yield self._on(slides, self._text(text))

    def _edges(self) -> Iterator[str]:
        lit: dict[tuple[str, int], list[int]] = {}
        for slide, scene in enumerate(self._scenes, 1):
            for edge in scene.edges:
                if edge.lit:
                    lit.setdefault((edge.parent, edge.slot), []).append(slide)
        for edge in sorted(self._last.edges, key=lambda edge: edge.live):
            yield rf"\draw[gradviz {'' if edge.live else 'faint '}edge] {_route(edge)};"
        for edge in self._last.edges:
            if slides := lit.get((edge.parent, edge.slot)):
                yield self._on(slides, rf"\draw[gradviz lit edge] {_route(edge)};")

    def _on(self, slides: Sequence[int], command: str) -> str:
        """Return a command that is carried out on some slides."""
        if len(slides) == len(self._scenes):
            return command
        runs = [
            [slide for _, slide in run] for _, run in groupby(enumerate(slides), key=lambda pair: pair[1] - pair[0])
        ]
        ends = ("" if run[-1] == len(self._scenes) else str(run[-1]) for run in runs)
        spans = (str(run[0]) if str(run[0]) == end else f"{run[0]}-{end}" for run, end in zip(runs, ends, strict=True))
        return rf"\only<{','.join(spans)}>{{{command}}}"

    def _text(self, text: PlacedText) -> str:
        side, x = self._anchor(text)
        width = text.typeset.width * _FONT_PT * _ROOM
        height = max(text.typeset.ascent + text.typeset.descent, _LINE) * _FONT_PT * _ROOM
        formula = to_latex(text.tex, text.text)
        fitted = rf"\gradvizfit{{{_number(width)}pt}}{{{_number(height)}pt}}{{{formula}}}"
        return rf"\node[gradviz {text.kind},anchor=base{side}] at {_point((x, text.y))} {{{fitted}}};"

    def _anchor(self, text: PlacedText) -> tuple[str, float]:
        """Return where a text is held, so that in any font it stays at its box or line and grows away from it."""
        rect = text.rect
        middle = (rect.left + rect.right) / 2
        left = right = middle
        if text.kind == "derivative":
            beside = [x for x, y in along(self._lines[text.owner], 32) if rect.top <= y <= rect.bottom]
            left, right = min(beside, default=middle), max(beside, default=middle)
        elif text.owner in self._boxes:
            left, right = self._boxes[text.owner]
        if rect.left >= right:
            return " west", rect.left
        if rect.right <= left:
            return " east", rect.right
        return "", middle


def _scale(size: float) -> float:
    return size * PT_PER_PX / _FONT_PT


def _route(edge: PlacedEdge) -> str:
    first, *rest = map(_point, edge.points)
    if not rest[1:]:
        return f"{first} -- {rest[0]}"
    curves = zip(rest[::3], rest[1::3], rest[2::3], strict=True)
    return first + "".join(f" .. controls {a} and {b} .. {c}" for a, b, c in curves)


def _point(point: Point) -> str:
    return f"({_number(point[0])},{_number(point[1])})"


def _number(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}".rstrip("0").rstrip(".") or "0"
