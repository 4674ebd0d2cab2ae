"""Run something again whenever a script, or a module beside it, is saved."""

from __future__ import annotations

import importlib
import linecache
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

from gradviz.cli.script import Script, loaded_files

INTERVAL = 0.15
Stamps = dict[Path, tuple[int, int] | None]


class Watcher:
    """Knows the files of a script, and waits until one of them is saved.

    Args:
        script: its folder's modules are forgotten before each run, so that they are read again.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self._files = {script.path}
        # A module saved twice within a second would be taken from its cached byte code.
        sys.dont_write_bytecode = True

    def forget(self) -> None:
        """Forget the script's own modules."""
        for name, file in list(_modules(self._script)):
            self._files.add(file)
            del sys.modules[name]
        importlib.invalidate_caches()
        linecache.clearcache()

    def stamps(self, failed: bool = False) -> Stamps:
        """Return when each file was saved last.

        Args:
            failed: whether the last run stopped at an error. The modules that it has not got to are
                unknown then, so every one beside the script counts.
        """
        self._files.update(file for _, file in _modules(self._script))
        beside = self._script.folder.glob("*.py") if failed else ()
        return {file: _stamp(file) for file in sorted({*self._files, *beside})}

    def wait(self, before: Stamps, failed: bool) -> None:
        """Return when a file differs from before, and has been at rest for a moment."""
        now = self.stamps(failed)
        before = now | before  # a file that the run has met for the first time
        while now == before:
            time.sleep(INTERVAL)
            now = self.stamps(failed)
        while True:
            time.sleep(INTERVAL)
            later = self.stamps(failed)
            if later == now:
                return
            now = later


def repeat(script: Script, action: Callable[[], bool]) -> NoReturn:
    """Do something now and after each save, until the user interrupts it.

    Args:
        script: whose files are watched.
        action: returns whether it went well.
    """
    watcher = Watcher(script)
    while True:
        watcher.forget()
        before = watcher.stamps()
        watcher.wait(before, failed=not action())


def _modules(script: Script) -> Iterable[tuple[str, Path]]:
    """Yield the imported modules that lie beside the script."""
    for name, file in loaded_files():
        if name != "__main__" and script.owns(file):
            yield name, Path(file)


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:  # an editor may be replacing it just now
        return None
    return status.st_mtime_ns, status.st_size
