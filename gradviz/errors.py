"""What can go wrong, said in one line: what happened, where, and what to do.

Every error that a user can cause is a `GradvizError`. The floors above never print; they raise, and
the command line turns the error into its one line and its exit status.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Collection, Iterable, Mapping
from types import FrameType

_PACKAGE = __file__.removesuffix("errors.py")
_NOT_THE_USERS = (_PACKAGE, contextlib.__file__, "<frozen")


class GradvizError(Exception):
    """An error with its place and its remedy.

    Args:
        what: what happened, a sentence without a final period.
        where: the user's ``file:line``, when it is known.
        hint: what to do about it.
    """

    exit_status = 1

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.what}{remedy}"


class GraphError(GradvizError):
    """A graph cannot be built so: shapes, names, dtypes, scopes."""


class NoNodeError(GraphError, KeyError):
    """A node was asked for that the graph does not have."""

    __str__ = GradvizError.__str__


class ShapeError(GraphError):
    """The shapes of an operation's arguments do not fit together."""


class RuleError(GraphError):
    """A primitive's rule raised what it should not."""


class ValueMissingError(GradvizError):
    """A leaf has no value, or was given one that does not fit it."""


class ExpressionError(GradvizError):
    """A text is not an expression that gradviz reads."""


class ScriptError(GradvizError):
    """The user's script failed, or has no graph in it."""


class UsageError(GradvizError):
    """A command or function was called with an option it does not have."""

    exit_status = 2


class DrawError(GradvizError):
    """A figure could not be laid out, typeset or turned into a format."""


class FileError(GradvizError):
    """A file could not be written, or is not what it should be."""


class TrainingError(GradvizError):
    """Training cannot start with these data, or has left the numbers that can be computed with."""


def did_you_mean(name: object, choices: Iterable[str], otherwise: str = "") -> str:
    """Return a hint for a name that there is not.

    Args:
        name: what was asked for.
        choices: what there is.
        otherwise: the hint where none of them is near; that lists them, if not given.

    Example:
        >>> did_you_mean("drak", ["slide", "dark"]), did_you_mean("blue", ["slide", "dark"])
        ("did you mean 'dark'?", 'choose one of slide, dark')
    """
    from difflib import get_close_matches  # only an error needs it

    known = list(choices)
    near = get_close_matches(str(name), known, n=1)
    return f"did you mean {near[0]!r}?" if near else otherwise or f"choose one of {', '.join(known)}"


def no_attribute(module: str, name: str, elsewhere: Mapping[str, str], known: Iterable[str]) -> AttributeError:
    """Return the error for a name that a module does not have, with the one that may be meant.

    Args:
        module: its name.
        name: what was asked for.
        elsewhere: by the names that other libraries use, what stands for them here.
        known: the names that the module has.
    """
    near = did_you_mean(name, known, " ") if known else " "
    remedy = f"write {elsewhere[name]}" if name in elsewhere else near.strip()
    return AttributeError(f"module {module!r} has no attribute {name!r}" + (f" ({remedy})" if remedy else ""))


def check_choice(what: str, name: object, choices: Collection[str]) -> None:
    """Refuse a name that is none of the choices.

    Raises:
        UsageError: with the one that may be meant, or all of them.
    """
    if name not in choices:
        raise UsageError(f"there is no {what} {name!r}", hint=did_you_mean(name, choices))


def short_repr(value: object) -> str:
    """Return how Python writes a value, on one line and not much of it.

    Example:
        >>> short_repr("a" * 100)
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…"
    """
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "…"


def user_location() -> str | None:
    """Return ``file:line`` of the innermost caller outside gradviz, or None.

    Read off the stack only when an error is raised, so that building a graph costs nothing for it.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        generated = filename == "<string>" and frame.f_code.co_name == "__init__"  # a dataclass's
        if not generated and not filename.startswith(_NOT_THE_USERS):
            return f"{filename}:{frame.f_lineno}"
        frame = frame.f_back
    return None


def error_location(error: BaseException) -> str | None:
    """Return ``file:line`` of the innermost frame of the user's that an error went through, or None."""
    found = None
    trace = error.__traceback__
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if not filename.startswith((*_NOT_THE_USERS, "<")) and "site-packages" not in filename:
            found = f"{filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found
