"""A progress bar on stderr, for what takes more than a second and where somebody is watching."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 1.0


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function that is told what is being done, how much of it is done, and how much there is."""
    start = time.monotonic()
    bar = None

    def tell(what: str, done: int, total: int) -> None:
        nonlocal bar
        if bar is None and time.monotonic() - start > PATIENCE and sys.stderr.isatty():
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
