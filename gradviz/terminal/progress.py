"""A progress bar on stderr, for what takes more than a second and where somebody is watching."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Timer
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 1.0

Tell: TypeAlias = Callable[[str, int, int | None], None]
"""Says what is being done, how much of it is done, and how much there is; None where nobody can know."""


@contextmanager
def progress_bar(wanted: bool | None = None) -> Iterator[Tell]:
    """Yield a function that is told what is being done.

    Args:
        wanted: None for a bar after a second, if stderr is a terminal; True for a bar at once, wherever
            stderr leads (a notebook is no terminal, and shows it); False for none.
    """
    bar = _Bar()
    if wanted:
        bar.show()
    timer = Timer(PATIENCE, bar.show)  # what takes long may tell nothing meanwhile
    timer.daemon = True
    stream = sys.stderr
    if wanted is None and stream is not None and stream.isatty():
        timer.start()
    try:
        yield bar.tell
    finally:
        timer.cancel()
        bar.end()


class _Bar:
    """What was told last, and the bar that shows it from the moment it shall; told and shown by two threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._told: tuple[str, int, int | None] | None = None
        self._shown = False
        self._bar: Progress | None = None

    def tell(self, what: str, done: int, total: int | None) -> None:
        with self._lock:
            self._told = what, done, total
            self._draw()

    def show(self) -> None:
        with self._lock:
            self._shown = True
            self._draw()

    def end(self) -> None:
        with self._lock:
            self._shown = False
            if self._bar is not None:
                self._bar.stop()

    def _draw(self) -> None:
        if not self._shown or self._told is None:
            return
        what, done, total = self._told
        if self._bar is None:
            self._bar = _empty_bar(known=total is not None)
            self._bar.start()
            self._bar.add_task(what, total=total)
        self._bar.update(self._bar.task_ids[0], description=what, completed=done, total=total)


def _empty_bar(known: bool) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if known:
        return Progress(console=console, transient=True)
    return Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console, transient=True)
