"""A terminal taken over for a while: single keys in, whole screens out, and all put back afterwards."""

from __future__ import annotations

import os
import select
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TextIO

from rich.console import Console
from rich.text import Text

_NAMED = {
    b"\x1b[C": "next", b"\x1bOC": "next", b"n": "next", b"l": "next", b"\r": "next", b"\n": "next",
    b"\x1b[D": "back", b"\x1bOD": "back", b"p": "back", b"h": "back", b"\x7f": "back",
    b" ": "play", b"+": "faster", b"=": "faster", b"-": "slower", b"\t": "phase",
    b"\x1b[H": "first", b"\x1bOH": "first", b"\x1b[1~": "first",
    b"\x1b[F": "last", b"\x1bOF": "last", b"\x1b[4~": "last",
    b"g": "go", b"e": "explain", b"s": "save", b"?": "help", b"q": "quit", b"\x04": "quit",
}  # fmt: skip
_ENTER, _EXIT = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"


class Terminal:
    """The terminal while it is taken over; see `taken_over`."""

    def __init__(self, stream: TextIO, source: int) -> None:
        self._stream = stream
        self._source = source
        self._console = Console(file=stream, highlight=False, force_terminal=True)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows, as they are now."""
        found = shutil.get_terminal_size()
        with suppress(OSError):
            found = os.get_terminal_size(self._stream.fileno())
        return max(found.columns, 1), max(found.lines, 1)

    def show(self, lines: Sequence[Text]) -> None:
        """Put lines on the screen, which must fit it."""
        width, _ = self.size
        with self._console.capture() as captured:
            for place, line in enumerate(lines):
                self._console.print(line, end="\x1b[K\r\n" if place + 1 < len(lines) else "\x1b[K", width=width + 1,
                                    no_wrap=True, crop=False, soft_wrap=True)  # fmt: skip
        self._stream.write("\x1b[H" + captured.get() + "\x1b[J")
        self._stream.flush()

    def key(self, timeout: float | None) -> str | None:
        """Return what the next key is for, its character if it is for nothing; None after the timeout."""
        pressed = self._read(timeout)
        if pressed is None:
            return None
        return _NAMED.get(pressed, pressed.decode("utf-8", "replace"))

    def characters(self, timeout: float | None) -> str | None:
        """Return what was typed as it is; None after the timeout."""
        pressed = self._read(timeout)
        return None if pressed is None else pressed.decode("utf-8", "replace")

    def _read(self, timeout: float | None) -> bytes | None:
        ready, _, _ = select.select([self._source], [], [], timeout)
        if not ready:
            return None
        first = os.read(self._source, 1)
        if not first:
            return b"q"  # nobody will type any more
        if first == b"\x1b" or first[0] >= 0xC0:  # a key of several bytes
            while len(first) < 8 and select.select([self._source], [], [], 0.02)[0]:
                first += os.read(self._source, 1)
                if first in _NAMED or (first[:1] != b"\x1b" and _is_whole(first)):
                    break
        return first


def _is_whole(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def can_take_over(stream: TextIO) -> bool:
    """Whether there is somebody at a terminal that can be taken over."""
    if os.environ.get("TERM", "dumb") in ("dumb", "unknown", "") or not (stream.isatty() and sys.stdin.isatty()):
        return False
    return find_spec("termios") is not None  # Windows has none


@contextmanager
def taken_over(stream: TextIO) -> Iterator[Terminal]:
    """Take the terminal over, and put everything back, whatever happens in between."""
    import termios
    import tty

    source = sys.stdin.fileno()
    before = termios.tcgetattr(source)
    try:
        tty.setcbreak(source)
        stream.write(_ENTER)
        stream.flush()
        yield Terminal(stream, source)
    finally:
        termios.tcsetattr(source, termios.TCSADRAIN, before)
        stream.write(_EXIT)
        stream.flush()
