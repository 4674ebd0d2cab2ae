"""What tests drive programs with: those that a machine may lack (`make test` installs them), and gradviz itself."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import time

import pytest


def need(program: str) -> str:
    """Return the path of a program; where the machine lacks it, skip the test, or fail it in CI."""
    found = shutil.which(program)
    if found is None:
        message = f"{program} is not installed here (make test installs it where apt-get may)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


def wait_for(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def start(gradviz, *args, **options):
    return subprocess.Popen(
        gradviz.command(*args),
        cwd=gradviz.folder,
        env=gradviz.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def without_roots_privilege():
    """Take from root the right to write everywhere (the capability is gone with the next program started)."""
    if os.geteuid() == 0:
        drop_from_bounding_set, dac_override = 24, 1
        assert ctypes.CDLL(None).prctl(drop_from_bounding_set, dac_override, 0, 0, 0) == 0


def no_room(size=100):
    """Let files grow to so many bytes: the next byte fails as it does on a full disk."""
    import resource  # there is none on Windows

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
