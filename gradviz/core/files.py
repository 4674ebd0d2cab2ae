"""Files: written beside their target, then put in its place, so that a failure never harms what was there."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from gradviz.errors import FileError, UsageError


def write_atomically(path: Path | str, data: bytes) -> None:
    """Write a file whole or not at all.

    Args:
        path: the file; a symbolic link is written through.
        data: its content.

    Raises:
        FileError: naming the file and the reason; what was there is as it was.
    """
    target = Path(path)
    try:
        target = _resolved(target)
        if target.exists() and not target.is_file():
            _write_device(target, data)
            return
        _replace(target, data)
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None


def format_of(path: Path, formats: Iterable[str]) -> str:
    """Return the format that a file's suffix tells, which need not be one of the formats.

    Raises:
        UsageError: for a file without a suffix, listing the formats.
    """
    if not path.suffix:
        raise UsageError(f"{path} has no suffix to tell the format", hint=f"one of .{', .'.join(formats)}")
    return path.suffix[1:].lower()


def check_room(path: Path | str, size: int = 1) -> None:
    """Find out before long work whether a file of so many bytes can be written; nothing is left behind.

    Raises:
        FileError: as `write_atomically`.
    """
    target = Path(path)
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not target.exists() or target.is_file():
            target = _resolved(target)
            with tempfile.TemporaryFile(prefix=f".{target.name[:80]}.", suffix=".part", dir=target.parent) as stream:
                stream.write(bytes(size))
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None


def _resolved(target: Path) -> Path:
    """Return what a symbolic link leads to; one that leads to itself is taken as it stands."""
    with contextlib.suppress(RuntimeError):
        return target.resolve()
    return target


def _write_device(target: Path, data: bytes) -> None:
    """Write to what cannot be replaced (a pipe, a terminal); a folder raises here."""
    with target.open("wb", buffering=0) as stream:
        view = memoryview(data)
        while view:
            view = view[stream.write(view) :]


def _replace(target: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:80]}.", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(name).chmod(_mode(target))
        Path(name).replace(target)
    except BaseException:  # Ctrl-C included: the part file must not stay
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _mode(target: Path) -> int:
    """The permissions that the file has, or that a new one would get."""
    try:
        return target.stat().st_mode & 0o777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _unwritable(path: Path | str, error: OSError | ValueError) -> FileError:
    if isinstance(error, ValueError):  # a character that no name of a file has
        return FileError(f"cannot write {str(path)!r}: {error}", hint="choose another name")
    remedies = {
        FileNotFoundError: "its folder does not exist",
        PermissionError: "choose a folder that you may write to",
        IsADirectoryError: "name a file, not a folder",
    }
    hint = remedies.get(type(error), "free some space, or choose another place")
    return FileError(f"cannot write {path}: {error.strerror or error}", hint=hint)
