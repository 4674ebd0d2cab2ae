"""Plots (loss curves, decision boundaries, matrices as cells, …) in the type and the colors of the figures.

The only file that knows matplotlib, which is an extra. Its settings are changed inside a ``with`` block
alone, nothing opens a window, and the same plot gives the same bytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from gradviz.core.files import format_of, write_atomically
from gradviz.core.graph import Array
from gradviz.draw.theme import Theme, find_theme
from gradviz.errors import DrawError, check_choice

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("svg", "png", "pdf")
_METADATA: dict[str, dict[str, None]] = {  # what would tell the time or the version
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
_PLACES = re.compile(rb' (?:d|x|y)="[^"]*"')
_DIGITS = re.compile(rb"(\.\d\d)\d+")


class Plot:
    """Axes to draw into with matplotlib, and a file in the end.

    Draw inside a ``with`` block, where every line, legend and text gets the type and the colors.
    Notebooks show it; ``save`` writes it in the format of the file's suffix.

    Attributes:
        figure: the `matplotlib.figure.Figure`.
        all_axes: its axes, row by row.
        theme: whose colors are meant to be used, such as ``plot.theme.forward``.

    Args:
        rows, columns: how many axes.
        width, height: of the whole, in inches; each axes get their share.
        heights: the rows' shares of the height, where they are not equal.
        theme: the name of a theme.

    Raises:
        DrawError: when matplotlib is not installed.
        UsageError: for an unknown theme.

    Example:
        >>> import gradviz as gv
        >>> with gv.Plot(width=4) as plot:
        ...     lines = plot.axes.plot([0, 1, 2], [0, 1, 4], color=plot.theme.forward, label="$x^2$")
        ...     legend = plot.axes.legend()
        >>> plot.svg().startswith("<?xml")
        True
    """

    def __init__(
        self,
        rows: int = 1,
        columns: int = 1,
        *,
        width: float = 5.6,
        height: float = 3.6,
        heights: Sequence[float] | None = None,
        theme: str = "slide",
    ) -> None:
        self.theme = find_theme(theme)
        self._block = ExitStack()
        with self._settings():
            from matplotlib.figure import Figure

            self.figure: Figure = Figure(figsize=(width, height), layout="constrained")
            made = self.figure.subplots(rows, columns, squeeze=False, height_ratios=heights)
        self._columns = columns
        self.all_axes: tuple[Axes, ...] = tuple(made.ravel())

    def _settings(self) -> AbstractContextManager[None]:
        return need_matplotlib().rc_context(_style(self.theme))  # type: ignore[no-any-return]

    def __enter__(self) -> Self:
        self._block.enter_context(self._settings())
        return self

    def __exit__(self, *_: object) -> None:
        self._block.close()

    @property
    def axes(self) -> Axes:
        """The axes, or the first of several."""
        return self.all_axes[0]

    def image(
        self,
        axes: Axes,
        values: ArrayLike,
        *,
        title: str = "",
        numbers: bool = False,
        lines: bool = False,
        low: float | None = None,
        high: float | None = None,
    ) -> None:
        """Show a matrix as an image: a kernel, a feature map, a mask, states over time.

        What is 0 has the color of the paper, what is above goes to ink; where anything is below, the
        colors are those of forward values above and of parameters below. What is no finite number is hatched.

        Args:
            axes: where to draw.
            values: (rows, columns).
            title: above it.
            numbers: whether to write each number into its place.
            lines: whether to draw lines between the cells.
            low, high: the values of the darkest colors, to compare images; by default the largest size there is.

        Example:
            >>> import gradviz as gv
            >>> with gv.Plot(width=2, height=2) as plot:
            ...     plot.image(plot.axes, [[0, 1, 0], [1, -4, 1], [0, 1, 0]], title="edges", numbers=True)
        """
        array = np.asarray(values, float)
        finite = np.isfinite(array)
        size = np.abs(array[finite]).max(initial=0) or 1.0
        signed = (array[finite].min(initial=0) if low is None else low) < 0
        top = size if high is None else high
        bottom = (-top if signed else 0.0) if low is None else low
        theme = self.theme
        colors = (theme.parameter, theme.paper, theme.forward) if signed else (theme.paper, theme.ink)
        axes.imshow(np.where(finite, array, np.nan), _colormap(colors), vmin=bottom, vmax=top, interpolation="none")
        if not finite.all():
            axes.add_patch(_hatched(np.argwhere(~finite), theme))
        if lines:
            axes.set_xticks(np.arange(1, array.shape[1]) - 0.5, minor=True)
            axes.set_yticks(np.arange(1, array.shape[0]) - 0.5, minor=True)
            axes.grid(which="minor", color=theme.grid, linestyle="-", linewidth=0.4)
            axes.tick_params(which="both", length=0)
        if numbers:
            texts = [f"{value:.3g}" if abs(value) < 1e3 else f"{value:.0f}" for value in array.flat]
            room = 60 * self.figure.get_figwidth() / (self._columns * max(array.shape))  # points a place, less the gaps
            fontsize = min(12, 1.7 * room / max(map(len, texts)))
            for (row, column), value in np.ndenumerate(array):
                dark = abs(value - (bottom + top) / 2 if signed else value) > 0.55 * (top if signed else top - bottom)
                color = theme.paper if dark else theme.ink
                text = texts[row * array.shape[1] + column].replace("-", "−")
                axes.text(column, row, text, ha="center", va="center", color=color, fontsize=fontsize)
        axes.set(title=title, xticks=(), yticks=())
        for spine in axes.spines.values():
            spine.set(visible=True, color=theme.grid)

    def regions(
        self, axes: Axes, function: Callable[[Array], ArrayLike], x: tuple[float, float], y: tuple[float, float]
    ) -> None:
        """Tint the plane where a function of points is above 0, and draw the line where it is 0.

        Args:
            axes: where to draw.
            function: of points (n, 2), gives n numbers.
            x, y: the lowest and the highest of each coordinate.

        Example:
            >>> import gradviz as gv
            >>> with gv.Plot() as plot:
            ...     plot.regions(plot.axes, lambda points: points.sum(axis=1), (-1, 1), (-1, 1))
        """
        grid = np.stack(np.meshgrid(np.linspace(*x, 61), np.linspace(*y, 61)), axis=-1)
        heights = np.reshape(function(grid.reshape(-1, 2)), grid.shape[:2])
        axes.contourf(grid[..., 0], grid[..., 1], heights, [0, np.inf], colors=[self.theme.forward], alpha=0.12)
        axes.contour(grid[..., 0], grid[..., 1], heights, [0], colors=self.theme.ink, linewidths=1.2)
        axes.set(xlim=x, ylim=y)

    def render(self, format: str) -> bytes:  # noqa: A002 - the word users know
        """Return the plot in a format of `FORMATS`.

        Raises:
            UsageError: for an unknown format.
        """
        check_choice("format of plots", format, FORMATS)
        stream = io.BytesIO()
        with self._settings():
            self.figure.savefig(stream, format=format, metadata=_METADATA[format])
        return _rounded(stream.getvalue()) if format == "svg" else stream.getvalue()

    def svg(self) -> str:
        """Return the plot as an SVG document; its text is outlines, so that it looks the same everywhere."""
        return self.render("svg").decode()

    def save(self, path: str | Path) -> Path:
        """Write the plot to a file, whole or not at all, and return its path.

        Raises:
            UsageError: for an unknown format.
            FileError: when the file cannot be written; what was there is as it was.
        """
        target = Path(path)
        write_atomically(target, self.render(format_of(target, FORMATS)))
        return target

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        titles = [axes.get_title() or axes.get_ylabel() for axes in self.all_axes]
        return f"<plot of {', '.join(filter(None, titles)) or 'nothing yet'}>"


def _rounded(svg: bytes) -> bytes:
    """Return an SVG whose places are told to the hundredth of a point, which nobody can see."""
    return _PLACES.sub(lambda places: _DIGITS.sub(rb"\1", places[0]), svg)


def need_matplotlib() -> Any:
    """Return matplotlib.

    Raises:
        DrawError: when it is not installed; to be found out before the work that is to be drawn.
    """
    try:
        import matplotlib as found
    except ImportError:
        raise DrawError("plots need an extra", hint="pip install 'gradviz[plot]'") from None
    return found


def _style(theme: Theme) -> dict[str, Any]:
    """Return matplotlib's settings for a theme."""
    return {
        "font.family": ["STIXGeneral", "DejaVu Sans"],  # the second for what the first lacks
        "mathtext.fontset": "stix",
        "font.size": 12,
        "axes.titlesize": 13,
        "axes.titlecolor": theme.ink,
        "axes.labelcolor": theme.ink,
        "axes.edgecolor": theme.line,
        "axes.facecolor": theme.paper,
        "axes.linewidth": 0.9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.prop_cycle": _cycle((theme.forward, theme.parameter, theme.derivative, theme.backward, theme.quiet)),
        "figure.facecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "savefig.dpi": 200,
        "grid.color": theme.grid,
        "grid.linewidth": 0.5,
        "legend.frameon": False,
        "legend.labelcolor": theme.ink,
        "lines.linewidth": 1.8,
        "patch.edgecolor": theme.border,
        "text.color": theme.ink,
        "xtick.color": theme.quiet,
        "ytick.color": theme.quiet,
        "svg.fonttype": "path",
        "svg.hashsalt": "gradviz",
    }


def _colormap(colors: tuple[str, ...]) -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("gradviz", colors)


def _hatched(cells: Array, theme: Theme) -> Any:
    """Return one shape over all of these cells, each a row and a column."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5]])
    outline = (cells[:, np.newaxis, ::-1] + corners).reshape(-1, 2)
    codes = [Outline.MOVETO, *[Outline.LINETO] * 3, Outline.CLOSEPOLY] * len(cells)
    return PathPatch(Outline(outline, codes), hatch="////", fill=False, linewidth=0, edgecolor=theme.grid)


def _cycle(colors: tuple[str, ...]) -> Any:
    """Return colors with dashes, for color is never the only sign."""
    from matplotlib.rcsetup import cycler

    return cycler(color=colors) + cycler(linestyle=["-", "--", "-.", ":", (0, (6, 2, 1, 2, 1, 2))])
