"""Formulas remembered between runs: a lecture's labels are typeset once, not at every start.

A file in the user's cache folder holds typeset formulas and outlines as JSON. It is only a shortcut:
whatever is wrong with it (missing, unreadable, full disk, another version's), the formulas are typeset
anew. ``GRADVIZ_CACHE`` names another folder, or "off".
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any

from gradviz.core.files import write_atomically
from gradviz.errors import FileError

MOST_FORMULAS = 1000
_PAUSE = 5.0
"""The whole file is written, s: scripts that draw many figures write it so often at most, and when they end."""
_FORMAT = 2
_OUTLINE = re.compile(r"[Mlhvqtcz\d .-]*")


def cache_folder() -> Path | None:
    """Return the folder of the cache, None when it is off."""
    chosen = os.environ.get("GRADVIZ_CACHE")
    if chosen == "off":
        return None
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    try:
        return Path(base) / "gradviz" if base else Path.home() / ".cache" / "gradviz"
    except RuntimeError:  # there is no home
        return None


class Cache:
    """The remembered formulas, by LaTeX and text, as plain lists; and the outlines they are drawn with.

    Attributes:
        formulas, outlines: what is known; changed by `put`, written by `save`.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = folder and folder / f"formulas-{_stamp()}.json"
        self.formulas: dict[str, Any] = {}
        self.outlines: dict[str, str] = {}
        self._changed = False
        self._next = 0.0
        self._load()

    def _load(self) -> None:
        if self._file is None:
            return
        try:
            kept = json.loads(self._file.read_bytes())
            formulas, outlines = kept["formulas"], kept["outlines"]
            sound = all(_OUTLINE.fullmatch(path) for path in outlines.values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return
        if sound and isinstance(formulas, dict):
            self.formulas, self.outlines = formulas, outlines

    def put(self, key: str, formula: Any, outlines: dict[str, str]) -> None:
        """Remember a formula and the outlines that it needs."""
        self.formulas[key] = formula
        self.outlines.update(outlines)
        self._changed = True

    def save_soon(self) -> None:
        """Write what is new, now or at the end of the process."""
        if monotonic() < self._next:
            return
        if not self._next:
            atexit.register(self.save)
        self.save()
        self._next = monotonic() + _PAUSE

    def save(self) -> None:
        """Write what is new; the oldest formulas go when there are too many."""
        if self._file is None or not self._changed:
            return
        self._changed = False
        for key in list(self.formulas)[:-MOST_FORMULAS]:
            del self.formulas[key]
        text = json.dumps({"formulas": self.formulas, "outlines": self.outlines}, separators=(",", ":"))
        with contextlib.suppress(OSError, FileError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._file, text.encode("utf-8", "backslashreplace"))


def _stamp() -> str:
    """A name that changes with the typesetter, whose formulas another version must not take over."""
    found = find_spec("ziamath")
    if found is not None and found.origin is not None:
        with contextlib.suppress(OSError):
            status = Path(found.origin).with_name("zmath.py").stat()
            return f"{_FORMAT}-{status.st_size}-{status.st_mtime_ns}"
    return str(_FORMAT)
