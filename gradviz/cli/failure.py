"""Every error becomes one line on stderr and an exit status; nobody sees a traceback of ours."""

from __future__ import annotations

import os
import traceback

import click

from gradviz.cli import streams
from gradviz.errors import GradvizError


def report(error: BaseException) -> int:
    """Say in one line what went wrong, and return the exit status."""
    if os.environ.get("GRADVIZ_DEBUG"):
        streams.say_lines("".join(traceback.format_exception(error)))
    match error:
        case KeyboardInterrupt() | click.Abort():
            return 130
        case SystemExit() if isinstance(error.__context__, BrokenPipeError):
            return 141  # click ends itself when a pipe closes
        case BrokenPipeError():
            return 141
        case GradvizError():
            streams.say_lines(getattr(error, "detail", ""))
            streams.say(str(error))
            return error.exit_status
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else "gradviz"
            message = error.format_message().rstrip(".")
            streams.say(f"{message[:1].lower()}{message[1:]} (see {path} --help)")
            return 2
        case OSError() | click.ClickException():
            streams.say(describe_os_error(error) if isinstance(error, OSError) else error.format_message())
            return 1
        case MemoryError():
            streams.say("there is not enough memory")
            return 1
    kind = "".join(traceback.format_exception_only(error)).strip()
    streams.say(f"internal error: {kind} (please report it, with the traceback that GRADVIZ_DEBUG=1 shows)")
    return 1


def describe_os_error(error: OSError) -> str:
    """Return what the system says about a file, in one line."""
    reason = error.strerror or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else f"the answer cannot be written: {reason}"
