"""A time limit for SymPy, which knows none of its own, and Ctrl-C while it runs."""

from __future__ import annotations

import inspect
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import sympy

from gradviz.core.interrupts import interrupts_led_to

_SYMPY = str(Path(sympy.__file__).parent)
_MOMENT = 1e-6
"""Seconds; a timer that is set to 0 does not run."""


class TimeIsUpError(BaseException):
    """The time limit has passed. No Exception, so that a library's own handlers let it through."""


class _Limit:
    """One time limit. When its time is up, or Ctrl-C was pressed, it looks for a place to raise the error."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds
        self.interrupted = False

    @property
    def is_over(self) -> bool:
        return self.interrupted or time.monotonic() > self.end

    def on_interrupt(self, number: int, frame: FrameType | None) -> None:
        """Handle Ctrl-C."""
        self.interrupted = True
        self.watch(frame)

    def on_alarm(self, number: int, frame: FrameType | None) -> None:
        """Handle the timer's signal."""
        if self.is_over:
            self.watch(frame)
        else:
            self.set_timer()

    def set_timer(self) -> None:
        """Have the timer run until the end, or for a moment where that has passed."""
        signal.setitimer(signal.ITIMER_REAL, max(self.end - time.monotonic(), _MOMENT))

    def watch(self, frame: FrameType | None) -> None:
        """Look at every call of a function from now on, and at every line of the long loops that are running.

        Args:
            frame: where the program is.
        """
        sys.settrace(self._look)
        while frame is not None:
            if _loops_without_calls(frame):
                frame.f_trace = self._look
            frame = frame.f_back

    def _look(self, frame: FrameType, event: str, arg: object) -> Any:
        loops = _loops_without_calls(frame)
        if (loops or _is_sound(frame)) and self.is_over:
            raise KeyboardInterrupt if self.interrupted else TimeIsUpError
        return self._look if loops else None


def _loops_without_calls(frame: FrameType) -> bool:
    """Whether this is one of mpmath's series."""
    return frame.f_code.co_filename.endswith("libhyper.py")


def _is_sound(frame: FrameType) -> bool:
    """Whether an error gets through: a generator at its end swallows it, and so does a garbage collector's callback."""
    code = frame.f_code
    return code.co_filename.startswith(_SYMPY) and not code.co_flags & inspect.CO_GENERATOR


_timed: list[_Limit] = []
"""The main thread's limits that have the timer, the innermost last."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Let SymPy run for so long and no longer.

    A timer's signal, and that of Ctrl-C, turn on the interpreter's trace hook, which finds a call where the error can
    be raised; wherever the interpreter happens to be, it might be swallowed. Where there is no timer to be had (outside
    the main thread, on Windows, when somebody else uses it) the hook is there from the beginning, and SymPy takes two
    or three times as long. A debugger's hook is put back afterwards.

    Raises:
        TimeIsUpError, KeyboardInterrupt: from within the code.
    """
    limit = _Limit(seconds)
    before = sys.gettrace()
    with interrupts_led_to(limit.on_interrupt):
        timed = _takes_timer(limit)
        if not timed:
            limit.watch(None)
        try:
            yield
        finally:
            sys.settrace(before)
            if timed:
                _give_timer_back()
    if limit.interrupted:
        raise KeyboardInterrupt


def _takes_timer(limit: _Limit) -> bool:
    """Set the timer for a limit, if that is possible."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        return False
    owner = _timed[-1].on_alarm if _timed else signal.SIG_DFL
    if signal.getsignal(signal.SIGALRM) != owner or (not _timed and any(signal.getitimer(signal.ITIMER_REAL))):
        return False
    _timed.append(limit)
    signal.signal(signal.SIGALRM, limit.on_alarm)
    limit.set_timer()
    return True


def _give_timer_back() -> None:
    """Set the timer for the limit around the innermost one, or turn it off."""
    _timed.pop()
    signal.setitimer(signal.ITIMER_REAL, 0)
    if not _timed:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        return
    outer = _timed[-1]
    signal.signal(signal.SIGALRM, outer.on_alarm)
    outer.set_timer()
    if outer.is_over:  # which the inner one's end has turned the hook off for
        outer.watch(None)
