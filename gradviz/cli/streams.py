"""The three streams: the answer alone on stdout, all else on stderr, and pipes that close early."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TextIO

from gradviz.core.visible import visible
from gradviz.errors import GradvizError

_LONGEST = 600
_answers: list[TextIO] = []
# As they were at the start: a script may put anything into sys.stdout and sys.stderr.
_genuine: list[TextIO] = []


def harden() -> None:
    """Make the streams usable whatever they are.

    A stream that the caller has closed leads nowhere, so that no file that is opened later takes its
    place; and no character of a name can stop the program: what a stream cannot encode is escaped.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number, which is this one
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
    _genuine[:] = [sys.stdout, sys.stderr]
    for stream in _genuine:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def take_stdout() -> TextIO:
    """Return the real stdout for the answer, and lead everything else that is printed to stderr.

    This works on the file descriptor, so that a script, its child processes and C libraries are led
    to stderr too, and still see a genuine `sys.stdout`.
    """
    if not _answers:
        sys.stdout.flush()
        _answers.append(os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding, errors="backslashreplace"))
        os.dup2(2, 1)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)
    return _answers[0]


def say(message: str) -> None:
    """Write a message to stderr as one line: controls escaped, not too long."""
    _write(f"gradviz: {visible(message.strip(), _LONGEST)}")


def say_lines(lines: str) -> None:
    """Write lines to stderr as they are, but for control characters."""
    for line in lines.splitlines():
        _write(visible(line, sys.maxsize))


def _write(line: str) -> None:
    if not _genuine[1].closed:
        print(line, file=_genuine[1])


def finish() -> None:
    """Write out what is buffered.

    Raises:
        BrokenPipeError: when a stream is closed at its other end.
        GradvizError: when its disk is full.
    """
    try:
        for stream in (*_answers, *_genuine):
            if not stream.closed:
                stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise GradvizError(f"the answer cannot be written: {error.strerror}") from None


def settle() -> None:
    """Flush what can be flushed and give up the rest, so that the interpreter ends without complaint."""
    sys.stdout, sys.stderr = _genuine
    for stream in (*_answers, *_genuine):
        if stream.closed:
            continue
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, stream.fileno())
                os.close(null)
                stream.flush()
