"""How far a number in a picture may grow before it touches what stands beside it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from gradviz.draw.geometry import Grid, Rect, bounds
from gradviz.draw.scene import PlacedText, Scene

_STEP = 4.0
_FARTHEST = 120.0
_GAP = 3.0


def rooms(scene: Scene, texts: list[tuple[PlacedText, bool]]) -> list[float]:
    """Return the greatest widths that texts may take at their places, px; at least the ones they have.

    Args:
        scene: the picture.
        texts: some of its texts, each with whether it grows to both sides, or to the right alone.
    """
    found = _Rooms(scene)
    return [found.widest(text, centered=centered) for text, centered in texts]


class _Rooms:
    def __init__(self, scene: Scene) -> None:
        self._frame = Rect(0, 0, scene.width, scene.height)
        self._things: Grid[str] = Grid()
        self._lines: Grid[tuple[tuple[float, float], tuple[float, float]]] = Grid()
        for text in scene.texts:
            self._things.add(text.rect, _identity(text))
        for box in scene.boxes:
            self._things.add(box.rect, box.key)
        for edge in scene.edges:
            for a, b in pairwise(edge.line):
                self._lines.add(bounds((a, b)).grown(0.1), (a, b))

    def widest(self, text: PlacedText, *, centered: bool) -> float:
        best = text.rect.width
        for rect in _wider(text.rect, centered):
            if not self._is_free(rect.grown(_GAP), _identity(text)):
                break
            best = rect.width
        return best

    def _is_free(self, rect: Rect, own: str) -> bool:
        inside = rect.left >= 0 and rect.right <= self._frame.right
        return (
            inside
            and not any(owner != own for _, owner in self._things.near(rect))
            and not any(rect.crossed_by(*line) for _, line in self._lines.near(rect))
        )


def _identity(text: PlacedText) -> str:
    return f"{text.owner} {text.kind} {text.x} {text.y}"


def _wider(rect: Rect, centered: bool) -> Iterator[Rect]:
    by = _STEP
    while by <= _FARTHEST:
        yield Rect(rect.left - (by if centered else 0), rect.top, rect.right + by, rect.bottom)
        by += _STEP
