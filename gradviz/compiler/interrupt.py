"""Ctrl-C in the middle of a step: the step is finished first, so that no array is left half changed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from gradviz.compiler.history import History
from gradviz.core.interrupts import interrupts_led_to


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C ended a training, after a whole step.

    Attributes:
        history: what happened until then.
    """

    def __init__(self, history: History) -> None:
        super().__init__(f"training was interrupted: {history!r}")
        self.history = history

    def __reduce__(self) -> tuple[type[TrainingInterrupted], tuple[History]]:
        return type(self), (self.history,)


@contextmanager
def held_back() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether Ctrl-C was pressed; a second Ctrl-C acts at once."""
    pressed = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            signal.default_int_handler(number, frame)
        pressed = True

    with interrupts_led_to(note):
        yield lambda: pressed
