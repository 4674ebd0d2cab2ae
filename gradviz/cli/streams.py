"""The three streams: the answer alone on stdout, all else on stderr, and pipes that close early."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TextIO

_LONGEST = 600
_answers: list[TextIO] = []


def harden() -> None:
    """Let no character of a name stop the program: what a stream cannot encode is written escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def take_stdout() -> TextIO:
    """Return the real stdout for the answer, and lead everything else that is printed to stderr.

    This works on the file descriptor, so that a script, its child processes and C libraries are led
    to stderr too, and still see a genuine `sys.stdout`.
    """
    if _answers:
        return _answers[0]
    if sys.stdout is None:  # the caller has closed it; there is nobody to answer
        answer = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
    else:
        sys.stdout.flush()
        answer = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding, errors="backslashreplace")
        try:
            os.dup2(2, 1)
        except OSError:  # stderr is closed
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.close(null)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)
    _answers.append(answer)
    return answer


def one_line(text: str) -> str:
    """Return a message as one line that a terminal shows as it is: controls escaped, not too long."""
    shown = "".join(char if char.isprintable() else _escape(char) for char in text.strip())
    if len(shown) > _LONGEST:
        shown = f"{shown[: _LONGEST // 2]} … {shown[-_LONGEST // 2 :]}"
    return shown


def _escape(char: str) -> str:
    return " " if char.isspace() else char.encode("unicode_escape").decode("ascii")


def say(message: str) -> None:
    """Write one line to stderr."""
    if sys.stderr is not None:
        print(f"gradviz: {one_line(message)}", file=sys.stderr)


def say_lines(lines: str) -> None:
    """Write lines to stderr as they are, but for control characters."""
    if sys.stderr is not None and lines:
        for line in lines.splitlines():
            print("".join(char if char.isprintable() else _escape(char) for char in line), file=sys.stderr)


def flush() -> None:
    """Write out what is buffered.

    Raises:
        OSError: when a stream is closed at its other end, or its disk is full.
    """
    for stream in (*_answers, sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()


def settle() -> None:
    """Flush what can be flushed and give up the rest, so that the interpreter ends without complaint."""
    for stream in (*_answers, sys.stdout, sys.stderr):
        if stream is None or stream.closed:
            continue
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, stream.fileno())
                os.close(null)
                stream.flush()
