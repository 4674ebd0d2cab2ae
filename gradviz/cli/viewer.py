"""Open a picture with the desktop's viewer. Where there is no desktop, nothing happens."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def open_file(path: Path) -> bool:
    """Show a file with whatever the desktop shows it with; return whether there was anything to do it."""
    if sys.platform == "win32":
        os.startfile(path)
        return True
    opener = "open" if sys.platform == "darwin" else "xdg-open"
    has_desktop = sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    command = shutil.which(opener)
    if command is None or not has_desktop:
        return False
    # On its own, so that closing the terminal does not close the viewer, and with nothing to print to.
    subprocess.Popen(
        [command, str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return True
