"""A handout: exercises side by side on sheets of A4, numbered, and their keys on sheets of their own after them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gradviz.draw.parts import label_part
from gradviz.draw.picture import Picture
from gradviz.draw.raster import to_pdf
from gradviz.draw.scene import Scene
from gradviz.draw.svg import to_svg
from gradviz.figures.model import Label

A4 = (793.7, 1122.5)
"""Width and height, px (96 an inch)."""

_MARGIN = 48.0
_GAP = 24.0
_HEAD = 40.0
_NUMBER = 30.0


def handout_pdf(pairs: Sequence[tuple[Picture, Picture]]) -> bytes:
    """Return exercises and their keys as the pages of one vector PDF (needs ``gradviz[pdf]``).

    Args:
        pairs: at least one sheet and its key, as `exercises` gives them.
    """
    theme = pairs[0][0].theme
    scenes = [
        *sheets([sheet.scene for sheet, _ in pairs], "Exercises"),
        *sheets([key.scene for _, key in pairs], "Key"),
    ]
    return to_pdf([(to_svg(scene, theme), *A4) for scene in scenes])


def sheets(scenes: Sequence[Scene], title: str) -> Iterator[Scene]:
    """Yield pages that hold scenes in rows, as many as fit, numbered from 1.

    Args:
        scenes: what stands on them.
        title: the heading of every page.

    Example:
        >>> import gradviz as gv
        >>> sheet, _ = gv.worksheet(gv.square(gv.param("x", 3.0)))
        >>> [[text.text for text in page.texts if text.kind == "caption"] for page in sheets([sheet.scene] * 2, "Key")]
        [['Key', '1', '2']]
    """
    widest, highest = max(scene.width for scene in scenes), max(scene.height for scene in scenes)
    scale = max(1.0, (widest + 2 * _MARGIN) / A4[0], (highest + 2 * _MARGIN + _HEAD + _NUMBER) / A4[1])
    width, height = A4[0] * scale, A4[1] * scale  # what is too large for the paper is made smaller with it
    number = 1
    page: list[Scene] = []
    top = _MARGIN + _HEAD
    for row in _rows(scenes, width - 2 * _MARGIN):
        needed = _NUMBER + max(scene.height for scene in row)
        if page and top + needed > height - _MARGIN:
            yield _joined(page, title, width, height)
            page, top = [], _MARGIN + _HEAD
        left = _MARGIN
        for scene in row:
            page.append(_numbered(scene, number, left, top, width, height))
            left += scene.width + _GAP
            number += 1
        top += needed + _GAP
    yield _joined(page, title, width, height)


def _rows(scenes: Sequence[Scene], width: float) -> Iterator[list[Scene]]:
    row: list[Scene] = []
    for scene in scenes:
        if row and sum(one.width + _GAP for one in row) + scene.width > width:
            yield row
            row = []
        row.append(scene)
    yield row


def _numbered(scene: Scene, number: int, left: float, top: float, width: float, height: float) -> Scene:
    """Put a scene at its place, its keys apart from those of the others."""
    own = f"{number}:"
    moved = replace(
        scene,
        texts=tuple(replace(text, owner=own + text.owner) for text in scene.texts),
        boxes=tuple(replace(box, key=own + box.key) for box in scene.boxes),
        edges=tuple(replace(edge, parent=own + edge.parent, child=own + edge.child) for edge in scene.edges),
    ).moved(left, top + _NUMBER, width, height)
    return _with_caption(moved, Label(rf"\mathbf{{{number}}}", str(number)), left, top)


def _joined(scenes: Sequence[Scene], title: str, width: float, height: float) -> Scene:
    """Put what stands at its place already onto one page, below a heading."""
    whole = Scene(
        width=width,
        height=height,
        title=title,
        description=" ".join(scene.description for scene in scenes),
        texts=(),
        boxes=tuple(box for scene in scenes for box in scene.boxes),
        edges=tuple(edge for scene in scenes for edge in scene.edges),
        blanks=tuple(rect for scene in scenes for rect in scene.blanks),
    )
    headed = _with_caption(whole, Label(rf"\text{{{title}}}", title), _MARGIN, _MARGIN)
    return headed.with_texts(text for scene in scenes for text in scene.texts)


def _with_caption(scene: Scene, label: Label, left: float, top: float) -> Scene:
    part = label_part(label, "caption")
    return scene.with_texts([part.placed("", left, top + part.ascent)])
