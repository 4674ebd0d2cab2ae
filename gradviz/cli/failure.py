"""Every error becomes one line on stderr and an exit status; nobody sees a traceback of ours."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import click

from gradviz.cli import streams
from gradviz.errors import GradvizError

FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 130
READER_GONE = 141

_REMEDIES = (
    (r"at=\{['\"](.+)['\"]: …\}", r"--at \1=…"),
    (r"output=['\"](.+)['\"]", r"script.py:\1"),
    (r"give it one to start from: gv\.param\(['\"](.+)['\"], …\)", r"--at \1=…"),
    (r"resume=False replaces it; without the file, too, it starts anew", "without the file it starts anew"),
    (r", or give (seed=…|the adjoint: .+)", ""),
)
"""What the hints of functions say of their arguments, and how the command line says the same."""


def report(error: BaseException) -> int:
    """Say in one line what went wrong, and return the exit status."""
    if os.environ.get("GRADVIZ_DEBUG"):
        streams.say_lines("".join(traceback.format_exception(error)))
    status, message = _judge(error)
    streams.say_lines(getattr(error, "detail", ""))
    if message:
        streams.say(message)
    return status


def describe(error: BaseException) -> str:
    """Return what went wrong in one line."""
    return _judge(error)[1]


def _judge(error: BaseException) -> tuple[int, str]:
    """Return the exit status and the line to write, "" for none."""
    # A script's SystemExit never comes this far; click ends itself with one when a pipe closes.
    if isinstance(error, (BrokenPipeError, SystemExit)):
        result = (READER_GONE, "")
    elif isinstance(error, (KeyboardInterrupt, click.Abort)):
        result = (INTERRUPTED, "")
    elif isinstance(error, GradvizError):
        result = (error.exit_status, str(error))
    elif isinstance(error, click.ClickException):
        result = _judge_click(error)
    elif isinstance(error, OSError):
        result = (FAILED, _of_system(error))
    elif isinstance(error, MemoryError):
        result = (FAILED, "there is not enough memory")
    else:
        kind = "".join(traceback.format_exception_only(error)).strip()
        advice = "please report it, with the traceback that GRADVIZ_DEBUG=1 shows"
        result = (FAILED, f"internal error: {kind} ({advice})")
    return result


def _judge_click(error: click.ClickException) -> tuple[int, str]:
    message = error.format_message().rstrip(".")
    if not isinstance(error, click.UsageError):
        return FAILED, message
    path = error.ctx.command_path if error.ctx else "gradviz"
    return WRONG_USAGE, f"{message[:1].lower()}{message[1:]} (see {path} --help)"


def _of_system(error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason


@contextmanager
def without_place() -> Iterator[None]:
    """Say of an error that no line of a script has caused no place, and its remedy in words of the command line."""
    try:
        yield
    except GradvizError as error:
        error.where = None
        for pattern, option in _REMEDIES:
            error.hint = error.hint and re.sub(pattern, option, error.hint)
        raise
