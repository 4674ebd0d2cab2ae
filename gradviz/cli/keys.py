"""A terminal taken over for a while: single keys in, whole screens out, and all put back afterwards."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
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
_ENTER, _EXIT = b"\x1b[?1049h\x1b[?25l", b"\x1b[?25h\x1b[?1049l"


class Terminal:
    """The terminal while it is taken over; see `taken_over`.

    Attributes:
        turns: how often it was taken over: what stood on the screen before has gone.
    """

    def __init__(self, stream: TextIO, source: int) -> None:
        import termios

        self._stream = stream
        self._source = source
        self._before = termios.tcgetattr(source)
        self._console = Console(file=stream, highlight=False, force_terminal=True)
        self.turns = 0

    def take(self) -> None:
        """Take the terminal over; for the first time, or again."""
        import tty

        tty.setcbreak(self._source)
        os.write(self._stream.fileno(), _ENTER)  # the stream itself may be in the middle of a write
        self.turns += 1

    def give_back(self) -> None:
        """Put everything back, if the terminal is still there."""
        import termios

        with suppress(OSError, termios.error):
            termios.tcsetattr(self._source, termios.TCSADRAIN, self._before)
            os.write(self._stream.fileno(), _EXIT)

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
    terminal = Terminal(stream, sys.stdin.fileno())
    with _given_back_at_signals(terminal):
        try:
            terminal.take()
            yield terminal
        finally:
            terminal.give_back()


@contextmanager
def _given_back_at_signals(terminal: Terminal) -> Iterator[None]:
    """Give the terminal back before a signal stops or ends the program; take it over again when the program goes on."""
    import termios

    def go_on(*_: object) -> None:
        with suppress(termios.error):  # in the background; there will be another signal to go on
            terminal.take()

    def leave(number: int, _: object) -> None:
        terminal.give_back()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
        signal.signal(number, leave)
        go_on()

    handlers: dict[int, Callable[..., None]] = {signal.SIGCONT: go_on}
    handlers |= dict.fromkeys((signal.SIGTSTP, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT), leave)
    ours = [number for number in handlers if signal.getsignal(number) == signal.SIG_DFL]
    for number in ours:
        signal.signal(number, handlers[number])
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
