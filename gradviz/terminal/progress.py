"""A progress bar on stderr, for what takes more than a second and where somebody is watching."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 1.0


@contextmanager
def progress_bar(wanted: bool | None = None) -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function that is told what is being done, how much of it is done, and how much there is.

    Args:
        wanted: None for a bar after a second, if stderr is a terminal; True for a bar at once, wherever
            stderr leads (a notebook is no terminal, and shows it); False for none.
    """
    start = time.monotonic()
    bar = None

    def due() -> bool:
        if wanted is None:
            stream = sys.stderr
            return time.monotonic() - start > PATIENCE and stream.isatty()
        return wanted

    def tell(what: str, done: int, total: int) -> None:
        nonlocal bar
        if bar is None and due():
            from rich.console import Console
            from rich.progress import Progress

            bar = Progress(console=Console(stderr=True), transient=True)
            bar.start()
            bar.add_task(what, total=total)
        if bar is not None:
            bar.update(bar.task_ids[0], description=what, completed=done, total=total)

    try:
        yield tell
    finally:
        if bar is not None:
            bar.stop()
