"""Themes: the colors of a picture. Color is never the only sign: parameters are bold, derivatives sit on edges."""

from __future__ import annotations

from dataclasses import dataclass

from gradviz.errors import check_choice


@dataclass(frozen=True, slots=True)
class Theme:
    """The colors of one theme, as "#rrggbb".

    Attributes:
        paper: the background.
        ink: operations and data.
        parameter, derivative, forward, backward: the slides' red, green, blue and red-violet.
        quiet: names and constants.
        line, faint_line: edges that carry a gradient, and those that do not.
        grid: the grid and the frame of a plot.
        box, border: the fill and the outline of an operation.
    """

    name: str
    paper: str
    ink: str
    parameter: str
    derivative: str
    forward: str
    backward: str
    quiet: str
    line: str
    faint_line: str
    grid: str
    box: str
    border: str

    def color(self, kind: str) -> str:
        """Return the color of a kind of text."""
        return str(getattr(self, ROLES[kind]))


ROLES = {
    "operation": "ink",
    "data": "ink",
    "constant": "quiet",
    "parameter": "parameter",
    "name": "quiet",
    "forward": "forward",
    "backward": "backward",
    "derivative": "derivative",
    "caption": "ink",
}
"""Which color a kind of text has."""

THEMES = {
    theme.name: theme
    for theme in (
        Theme(
            name="slide",
            paper="#ffffff",
            ink="#1b2230",
            parameter="#c1121f",
            derivative="#157a2c",
            forward="#1d4fc4",
            backward="#a3155f",
            quiet="#5c6675",
            line="#2a3242",
            faint_line="#8d95a3",
            grid="#a7aebb",
            box="#f4f6fa",
            border="#2a3242",
        ),
        Theme(
            name="dark",
            paper="#14171f",
            ink="#eceff5",
            parameter="#ff7b7b",
            derivative="#6fdc8c",
            forward="#82b1ff",
            backward="#f08cc6",
            quiet="#a5aebd",
            line="#d5dae4",
            faint_line="#5d6676",
            grid="#5d6676",
            box="#222733",
            border="#d5dae4",
        ),
        Theme(
            name="print",
            paper="#ffffff",
            ink="#000000",
            parameter="#8a0f18",
            derivative="#0c5c20",
            forward="#143a8f",
            backward="#6d0d40",
            quiet="#4d4d4d",
            line="#000000",
            faint_line="#909090",
            grid="#9a9a9a",
            box="#ffffff",
            border="#000000",
        ),
        Theme(
            name="colorblind",
            paper="#ffffff",
            ink="#1a1a1a",
            parameter="#cc4502",
            derivative="#098461",
            forward="#012ba9",
            backward="#a753a4",
            quiet="#595959",
            line="#1a1a1a",
            faint_line="#909090",
            grid="#a3a3a3",
            box="#f5f5f5",
            border="#1a1a1a",
        ),
    )
}


def find_theme(name: str) -> Theme:
    """Return the theme of this name.

    Raises:
        UsageError: listing the themes.
    """
    check_choice("theme", name, THEMES)
    return THEMES[name]
