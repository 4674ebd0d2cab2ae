"""A terminal for the tests: a pseudo-terminal with a program in it, and what its screen shows."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path

import pyte


class FakeTerminal:
    """A program in a terminal of some size.

    Args:
        command: the program and its arguments.
        columns, lines: the size.
        cwd, env: as for any process.
    """

    def __init__(self, command: list[str], columns: int, lines: int, cwd: Path, env: dict[str, str]) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self._main, side = pty.openpty()
        self._size(columns, lines)
        self.before = termios.tcgetattr(side)
        self.raw = b""
        self.process = subprocess.Popen(
            command,
            stdin=side,
            stdout=side,
            stderr=side,
            cwd=cwd,
            env=env,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - so that Ctrl-C is a signal
        )
        self._side = side

    def _size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._main, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns: int, lines: int) -> None:
        """Change the size, as a user does with the mouse."""
        self._size(columns, lines)
        self.screen.resize(lines, columns)
        self.process.send_signal(signal.SIGWINCH)

    def read(self, seconds: float = 0.3) -> list[str]:
        """Take in what the program writes until it is silent for so long, and return the screen's lines."""
        while select.select([self._main], [], [], seconds)[0]:
            try:
                data = os.read(self._main, 65536)
            except OSError:
                break
            if not data:
                break
            self.raw += data
            self._stream.feed(data)
        return [line.rstrip() for line in self.screen.display]

    def wait_for(self, text: str, seconds: float = 20) -> list[str]:
        """Read until a text is on the screen."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            lines = self.read(0.05)
            if any(text in line for line in lines):
                return self.read(0.1)
        raise AssertionError(f"{text!r} did not appear:\n" + "\n".join(self.read()))

    def press(self, keys: str) -> list[str]:
        """Type keys and return the screen."""
        os.write(self._main, keys.encode())
        return self.read()

    def end(self) -> int:
        """Wait for the program to end, and return its status."""
        end = time.monotonic() + 20
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.05)
        self.read(0.1)
        return self.process.wait(timeout=1)

    @property
    def restored(self) -> bool:
        """Whether the terminal is as it was: cooked, the cursor shown, the first screen back."""
        modes = termios.tcgetattr(self._side)[:4] == self.before[:4]
        since = self.raw.rpartition(b"\x1b[?1049h")[2]
        return modes and b"\x1b[?1049l" in since and since.rfind(b"\x1b[?25h") > since.rfind(b"\x1b[?25l")

    def close(self) -> None:
        """End the program and give the terminal back."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._main)
        os.close(self._side)
