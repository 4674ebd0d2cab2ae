"""Ctrl-C led to a handler for a while, where nobody else handles it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupts_led_to(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Let a handler take Ctrl-C; outside the main thread, or where somebody else handles it, it is never called."""
    is_main = threading.current_thread() is threading.main_thread()
    ours = is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
