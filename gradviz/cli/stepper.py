"""The interactive walk: keys move it, and each move draws the screen again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from rich.text import Text

import gradviz as gv
from gradviz.cli.keys import Terminal
from gradviz.cli.outputs import Output, write
from gradviz.core.plain import tex_to_text
from gradviz.draw.picture import Picture
from gradviz.errors import GradvizError
from gradviz.passes.evaluate import partial_values
from gradviz.passes.walk import Walk
from gradviz.terminal.step import Screen

_PAUSES = (2.0, 1.0, 0.5, 0.25, 0.1, 0.03)
_TICK = 0.1


@dataclass
class Stepper:
    """A walk under the hands of a user.

    Attributes:
        walk: the walk.
        screen: draws it.
        terminal: shows it.
        views: what the files of saved views begin with.
        drawn: what the screen shows.
    """

    walk: Walk
    screen: Screen
    terminal: Terminal
    views: Output
    playing: bool = False
    speed: int = 2
    status: str = ""
    drawn: object = None

    def run(self) -> None:
        """Show the walk until the user leaves it."""
        due = time.monotonic()
        while True:
            self._show_walk(self._said())
            key = self.terminal.key(min(_TICK, max(due - time.monotonic(), 0)) if self.playing else _TICK)
            if key == "quit":
                return
            if key is not None:
                self.status = ""
                self._press(key)
                due = time.monotonic() + _PAUSES[self.speed]
            elif self.playing and time.monotonic() >= due:
                self.walk.move(self.walk.position + 1)
                due = time.monotonic() + _PAUSES[self.speed]
                self.playing = self.walk.position < len(self.walk.steps)

    def _show_walk(self, status: str) -> None:
        self._show(partial(self.screen.draw, status=status), self.walk.position, status)

    def _show(self, draw: Callable[[int, int], list[Text]], *what: object) -> None:
        """Show a screen, unless it stands there already, in the same size."""
        wanted = (self.terminal.size, self.terminal.turns, *what)
        if wanted != self.drawn:
            self.terminal.show(draw(*self.terminal.size))
            self.drawn = wanted

    def _said(self) -> str:
        if self.status:
            return self.status
        return f"playing, {1 / _PAUSES[self.speed]:g} steps a second; space pauses" if self.playing else ""

    def _press(self, key: str) -> None:
        walk = self.walk
        if key in ("next", "back", "first", "last", "phase"):
            self.playing = False
            walk.move({
                "next": walk.position + 1, "back": walk.position - 1, "first": 0, "last": len(walk.steps),
                "phase": walk.next_phase(),
            }[key])  # fmt: skip
        elif key == "play":
            self.playing = not self.playing
            if self.playing and walk.position == len(walk.steps):
                walk.move(0)
        elif key in ("faster", "slower"):
            self.speed = min(max(self.speed + (1 if key == "faster" else -1), 0), len(_PAUSES) - 1)
            self.status = f"{1 / _PAUSES[self.speed]:g} steps a second"
        elif key == "help":
            self._look_at(self.screen.draw_help)
        elif key == "go":
            self._go()
        elif key == "explain":
            self._explain()
        elif key == "save":
            self._save()

    def _look_at(self, draw: Callable[[int, int], list[Text]]) -> None:
        """Show another screen until a key is pressed."""
        while True:
            self._show(draw, draw)
            if self.terminal.key(_TICK) is not None:
                return

    def _go(self) -> None:
        """Ask for a name, and go to the next step that gives that node a number."""
        typed = ""
        while True:
            self._show_walk(f"go to node: {typed}_")
            got = self.terminal.characters(_TICK)
            if got is None:
                continue
            if got in ("\x1b", "\x03"):
                return
            if got in ("\r", "\n"):
                break
            typed = typed[:-1] if got in ("\x7f", "\b") else typed + (got if got.isprintable() else "")
        graph = self.walk.graph
        number = typed.removeprefix("f")
        by_number = {str(place): index for index, place in self.screen.numbers.items()}
        try:
            node = by_number[number] if number in by_number else graph.find(typed)
        except GradvizError as error:
            self.status = f"{error.what} ({error.hint})"
            return
        self.walk.move(self.walk.next_of(node))

    def _explain(self) -> None:
        step = self.walk.current
        if step is None:
            self.status = "there is nothing to explain yet"
            return
        graph = self.walk.graph
        path = graph.node(step.node).path
        if not path:
            self.status = "this node has no name to explain the gradient by"
            return
        try:
            found = gv.explain(graph, path)
        except GradvizError as error:
            self.status = str(error)
            return
        lines = [f"{tex_to_text(found.derivative)}: {found.summary}", ""]
        lines += [f"{what}: {tex_to_text(tex)}" for what, tex in found.steps()]
        self._look_at(lambda width, height: self.screen.draw_text(lines, width, height))

    def _save(self) -> None:
        """Draw what is known by now."""
        file = self.views.extended(f"step{self.walk.position:03}")
        try:
            write([(file, self._picture().svg().encode())])
        except GradvizError as error:
            self.status = str(error)
        else:
            self.status = f"saved {file.shown}"

    def _picture(self) -> Picture:
        walk = self.walk
        values = partial_values(walk.graph, walk.forward, walk.backward)
        figure = gv.figure(walk.graph, values=values).figure
        nodes = {node.key: node.node for node in figure.nodes}
        edges = tuple(replace(edge, lit=(nodes[edge.parent], edge.slot) == walk.edge) for edge in figure.edges)
        return Picture(replace(figure, edges=edges))
