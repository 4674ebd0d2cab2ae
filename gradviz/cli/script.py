"""Run a user's script as `python script.py` would, and show of its errors the user's own lines only."""

from __future__ import annotations

import builtins
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType, TracebackType

from gradviz.core.handle import Handle
from gradviz.core.tape import leave_tape
from gradviz.errors import GradvizError, ScriptError, did_you_mean

_GRADVIZ = Path(__file__).parents[1]
_LIBRARY = Path(os.__file__).parent
_MOST_FRAMES = 12
_WIDEST = 100


class ScriptFailedError(ScriptError):
    """The script raised something. `detail` holds the lines of the script that led there."""

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None, detail: str = "") -> None:
        super().__init__(what, where=where, hint=hint)
        self.detail = detail


class Script:
    """A script to run, once or again and again.

    Args:
        path: the file, as the user wrote it.
        args: what the script finds in `sys.argv[1:]`.
    """

    def __init__(self, path: Path, args: Sequence[str] = ()) -> None:
        self.given = path
        self.args = tuple(args)
        self.cwd = Path.cwd()
        self.path = self.cwd / path
        self.folder = self.path.resolve().parent

    def run(self) -> dict[str, object]:
        """Run the script and return its variables.

        Raises:
            ScriptError: when it cannot be read, fails, or ends itself with a status other than 0.
            GradvizError: that the script's use of gradviz raised, with the place in the script.
        """
        try:
            source = self.path.read_bytes()
        except FileNotFoundError:
            raise ScriptError(f"there is no file {str(self.given)!r}") from None
        except IsADirectoryError:
            raise ScriptError(f"{str(self.given)!r} is a folder", hint="name a script in it") from None
        except OSError as error:
            raise ScriptError(f"{str(self.given)!r} cannot be read: {error.strerror}") from None
        if self.path.suffix == ".ipynb":
            raise ScriptError(
                f"{str(self.given)!r} is a notebook, not a script",
                hint="figures show themselves in a notebook",
            )
        module = self._prepare()
        leave_tape()  # else names would be numbered on from a run before
        with self._errors():
            exec(compile(source, str(self.path), "exec", dont_inherit=True), vars(module))
        return vars(module)

    def call(self, function: Callable[[], object]) -> object:
        """Return what a function of the script returns.

        Raises:
            ScriptError, GradvizError: as `run`.
        """
        with self._errors():
            return function()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Show of what the script raises the user's own lines only."""
        try:
            yield
        except KeyboardInterrupt:
            raise
        except SystemExit as ended:
            if ended.code not in {None, 0}:
                asked = f"with status {ended.code}" if isinstance(ended.code, int) else f"and said: {ended.code}"
                raise ScriptError(f"the script ended itself {asked}", where=self._where(ended)) from None
        except GradvizError as error:
            error.where = self._where(error) or error.where
            raise
        except BaseException as error:  # whatever a script raises is the script's
            raise self._failed(error) from None
        finally:
            with suppress(OSError, ValueError, AttributeError):  # the script may have put anything there
                sys.stdout.flush()

    def _prepare(self) -> ModuleType:
        """Arrange the interpreter as it is when a script starts."""
        module = ModuleType("__main__")
        vars(module).update(
            __file__=str(self.path),
            __cached__=None,
            __loader__=SourceFileLoader("__main__", str(self.path)),
            __builtins__=builtins,
        )
        sys.modules["__main__"] = module
        sys.argv = [str(self.given), *self.args]
        if sys.path[:1] != [str(self.folder)]:
            sys.path.insert(0, str(self.folder))
        return module

    def owns(self, filename: str) -> bool:
        """Tell whether a file is the script or a module beside it, and not a library."""
        path = Path(filename)
        if path == self.path:
            return True
        inside = self.folder in path.parents and "site-packages" not in path.parts
        return inside and _GRADVIZ not in path.parents and _LIBRARY not in path.parents

    def shown(self, filename: str) -> str:
        """Return a file's name as the user would write it here."""
        path = Path(filename)
        if path == self.path:
            return str(self.given)
        return str(path.relative_to(self.cwd)) if path.is_relative_to(self.cwd) else str(path)

    def _frames(self, trace: TracebackType | None) -> list[traceback.FrameSummary]:
        return [frame for frame in traceback.extract_tb(trace) if self.owns(frame.filename)]

    def _where(self, error: BaseException) -> str | None:
        frames = self._frames(error.__traceback__)
        return f"{self.shown(frames[-1].filename)}:{frames[-1].lineno}" if frames else None

    def _failed(self, error: BaseException) -> ScriptFailedError:
        what = "".join(traceback.format_exception_only(error)).strip()
        where = self._where(error)
        detail = _format_frames(self, self._frames(error.__traceback__))
        if isinstance(error, SyntaxError):
            what = f"{type(error).__name__}: {error.msg}"
            if error.filename and error.lineno and self.owns(error.filename):
                where = f"{self.shown(error.filename)}:{error.lineno}:{error.offset or 1}"
                detail += _point_at(error)
            else:
                where = where or str(self.given)
        return ScriptFailedError(what, where=where or str(self.given), hint=_remedy(error), detail=detail)


def loaded_files() -> Iterator[tuple[str, str]]:
    """Yield the name and the file of every module that is loaded; the script is `__main__`."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str):
            yield name, file


def _remedy(error: BaseException) -> str | None:
    """Return what to write instead, where that is plain."""
    if isinstance(error, NameError) and error.name:
        known = {"gv": "import gradviz as gv", "np": "import numpy as np", "nn": "from gradviz import nn"}
        gradviz = sys.modules["gradviz"]
        return known.get(error.name, f"write gv.{error.name}" if error.name in dir(gradviz) else None)
    if isinstance(error, AttributeError) and isinstance(error.obj, Handle):
        return did_you_mean(error.name, dir(error.obj), " ").strip() or None
    if isinstance(error, TypeError) and "not callable" in str(error):
        last = traceback.extract_tb(error.__traceback__)[-1]
        return "write .named(…)" if ".name(" in (last.line or "") else None
    return None


def _format_frames(script: Script, frames: list[traceback.FrameSummary]) -> str:
    """Return two lines a frame, the outermost first; a deep recursion is cut in its middle."""
    lines = []
    for place, frame in enumerate(frames):
        if len(frames) > _MOST_FRAMES and place == _MOST_FRAMES // 2:
            lines.append(f"  … {len(frames) - _MOST_FRAMES} more")
        if _MOST_FRAMES // 2 <= place < len(frames) - _MOST_FRAMES // 2:
            continue
        lines.append(f"  {script.shown(frame.filename)}:{frame.lineno}, in {frame.name}")
        lines.append(f"    {_shorten(frame.line or '')}")
    return "".join(f"{line}\n" for line in lines)


def _shorten(line: str) -> str:
    return line if len(line) <= _WIDEST else f"{line[: _WIDEST - 1]}…"


def _point_at(error: SyntaxError) -> str:
    """Return the line that is no Python, with a caret under the place."""
    text = (error.text or "").rstrip("\n")
    if not text:
        return ""
    line = text.lstrip()
    column = max(0, min((error.offset or 1) - 1 - (len(text) - len(line)), len(line)))
    start = max(0, column - _WIDEST // 2)
    return f"    {line[start : start + _WIDEST]}\n    {' ' * (column - start)}^\n"
