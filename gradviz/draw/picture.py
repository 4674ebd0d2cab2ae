"""A picture: a figure with its theme and direction, ready to be shown or saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gradviz.core.files import format_of, write_atomically
from gradviz.core.graph import Graph
from gradviz.draw.compose import compose
from gradviz.draw.dot import to_graphviz
from gradviz.draw.layout import DIRECTIONS
from gradviz.draw.raster import SCALE, to_pdf, to_png
from gradviz.draw.scene import Scene
from gradviz.draw.svg import to_svg
from gradviz.draw.theme import find_theme
from gradviz.draw.typeset import remember
from gradviz.errors import UsageError, check_choice
from gradviz.figures.model import Figure
from gradviz.passes.values import Values

if TYPE_CHECKING:
    from graphviz import Digraph


@dataclass(frozen=True)
class Source:
    """What a picture was made from.

    Attributes:
        graph: the graph.
        values: those shown; None where there are none.
        path: the leaf whose paths are lit, or "".
        again: draws it with other values, and without lit paths; returns the scene.
    """

    graph: Graph
    values: Values | None
    path: str
    again: Callable[[Values], Scene]


class Picture:
    """A figure to be drawn; what `gradviz.figure` returns.

    Notebooks show it. ``save`` writes it in the format of the file's suffix.

    Raises:
        UsageError: for a theme or direction that does not exist.
    """

    def __init__(
        self, figure: Figure, *, theme: str = "slide", direction: str = "down", source: Source | None = None
    ) -> None:
        check_choice("direction", direction, DIRECTIONS)
        self.figure = figure
        self.theme = find_theme(theme)
        self.direction = direction
        self._source = source

    @cached_property
    def scene(self) -> Scene:
        """Every text, box and line at its place."""
        scene = compose(self.figure, self.direction)
        remember()
        return scene

    def with_scene(self, scene: Scene) -> Picture:
        """Return the picture with everything placed already, as frames and worksheets are; it has no page."""
        figure = replace(self.figure, description=scene.description)
        made = Picture(figure, theme=self.theme.name, direction=self.direction)
        made.scene = scene
        return made

    def svg(self) -> str:
        """Return the picture as an SVG document."""
        return to_svg(self.scene, self.theme)

    def png(self, scale: float = SCALE) -> bytes:
        """Return the picture as PNG, with so many pixels for each px.

        Raises:
            DrawError: for an image too large to be made.
        """
        return to_png(self.svg(), self.scene.width, self.scene.height, scale)

    def pdf(self) -> bytes:
        """Return the picture as a vector PDF (needs ``gradviz[pdf]``)."""
        return to_pdf([(self.svg(), self.scene.width, self.scene.height)])

    def html(self, *, live: bool = False) -> str:
        """Return a page that walks through backpropagation: one file, which needs no network.

        Args:
            live: for a server: the page asks for a newer one.

        Raises:
            UsageError: for a frame or a worksheet, which are pictures of a moment.
        """
        from gradviz.draw.html import to_html

        if self._source is None:
            raise UsageError("a frame or a worksheet has no page", hint="make the page of the figure: gv.figure(…)")
        return to_html(self._source, self.scene, self.theme, live=live)

    def tex(self) -> str:
        r"""Return the picture as LaTeX with TikZ: a document for pdflatex, and a picture for ``\input``.

        Raises:
            DrawError: for a picture larger than TeX's pages.
        """
        from gradviz.draw.tikz import to_tikz

        return to_tikz(self.scene, self.theme)

    def json(self) -> str:
        """Return the scene as JSON."""
        return self.scene.to_json()

    def to_graphviz(self) -> Digraph:
        """Return a `graphviz.Digraph` of the same figure, to style further."""
        return to_graphviz(self.figure, self.theme, self.direction)

    def dot(self) -> str:
        """Return the picture as Graphviz's DOT."""
        return str(self.to_graphviz().source)

    def render(self, format: str, *, scale: float = SCALE) -> bytes:  # noqa: A002 - the word users know
        """Return the picture in a format of `FORMATS`.

        Args:
            format: its name.
            scale: of a PNG, so many pixels for each px.

        Raises:
            UsageError: for an unknown format.
            DrawError: for an image too large to be made.
        """
        check_choice("format", format, FORMATS)
        made = self.png(scale) if format == "png" else FORMATS[format](self)
        return made if isinstance(made, bytes) else made.encode("utf-8", "replace")

    def save(self, path: str | Path, format: str | None = None, *, scale: float = SCALE) -> Path:  # noqa: A002 - as `render`
        """Write the picture to a file, whole or not at all.

        Args:
            path: the file.
            format: one of `FORMATS`; by default the file's suffix.
            scale: of a PNG, so many pixels for each px.

        Returns:
            The path.

        Raises:
            UsageError: for an unknown format.
            DrawError: for an image too large to be made.
            FileError: when the file cannot be written; what was there is as it was.
        """
        target = Path(path)
        write_atomically(target, self.render(format or format_of(target, FORMATS), scale=scale))
        return target

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        return f"<picture of {self.figure.title}: {len(self.figure.nodes)} nodes, {len(self.figure.edges)} edges>"


FORMATS: dict[str, Callable[[Picture], str | bytes]] = {
    "svg": Picture.svg,
    "png": Picture.png,
    "pdf": Picture.pdf,
    "html": Picture.html,
    "tex": Picture.tex,
    "json": Picture.json,
    "dot": Picture.dot,
    "gv": Picture.dot,
}
"""How each format is made, by suffix."""
