"""Say which file each answer is written to, before anything is drawn; and write them, never over the user's sources."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gradviz.cli.script import loaded_files
from gradviz.core.files import write_atomically
from gradviz.errors import FileError, UsageError

STDOUT = "-"


@dataclass(frozen=True)
class Output:
    """One file, of one figure or of another answer.

    Attributes:
        path: where it is written; None for stdout.
        shown: the path as the user would write it.
        format: svg, png, …
    """

    path: Path | None
    shown: str
    format: str = ""

    @classmethod
    def here(cls, shown: str, format: str = "") -> Output:  # noqa: A002 - as the attribute
        """Return the file of this name in the current folder, which a script may leave later.

        Raises:
            UsageError: for the name of a folder.
        """
        if _is_folder(shown):
            raise UsageError(f"{shown!r} is a folder", hint="name a file in it")
        return cls(Path.cwd() / shown, shown, format)

    def numbered(self, place: int) -> Output:
        """Return the file of one of several frames."""
        return self.extended(f"{place:03}")

    def extended(self, what: str) -> Output:
        """Return the file of what belongs to this one."""
        assert self.path is not None
        name = f"{self.path.stem}-{what}{self.path.suffix}"
        return Output(self.path.with_name(name), str(Path(self.shown).with_name(name)), self.format)


@dataclass(frozen=True)
class Naming:
    """How the files of a run are called.

    Attributes:
        base: the file, or where there is none given, what the names begin with.
        given: whether the user has named a file.
        formats: at least one.
        cwd: the current folder, which a script may leave.
        stdout: whether the answer is the figure itself.
        new_folder: whether the folder is made if there is none, because the user's name for it ends with a slash.
    """

    base: Path
    given: bool
    formats: tuple[str, ...]
    cwd: Path
    stdout: bool = False
    new_folder: bool = False

    @classmethod
    def choose(cls, stem: str, output: str | None, formats: Sequence[str], known: Collection[str], cwd: Path) -> Naming:
        """Check the options against each other and against the formats that there are.

        Args:
            stem: the name of a figure's file, when none is given.
            output: what `-o` says: a file, a folder, `-`, or nothing.
            formats: what `--format` says.
            known: the formats that there are.
            cwd: the current folder.

        Raises:
            UsageError: for a file name that does not say its format, or says another one.
        """
        wanted = tuple(dict.fromkeys(formats))
        if output == STDOUT:
            if len(wanted) > 1:
                raise UsageError("stdout takes one format", hint="give one --format, or a file with -o")
            return cls(Path(stem), given=False, formats=wanted or ("svg",), cwd=cwd, stdout=True)
        new = output is not None and _is_folder(output)
        if output is None or new or (cwd / output).is_dir():
            return cls(Path(output or "") / stem, given=False, formats=wanted or ("svg",), cwd=cwd, new_folder=new)
        path = Path(output)
        said = said_format(output, {one: one for one in known}, wanted)
        if len(wanted) > 1 and said:
            path = path.with_suffix("")
        return cls(path, given=True, formats=wanted or (said,), cwd=cwd)

    def outputs(self, name: str, only: bool, several: bool) -> list[Output]:
        """Return the files of one figure.

        Args:
            name: of the figure.
            only: whether its target holds no other.
            several: whether other figures are written in this run.

        Raises:
            UsageError: for several figures on stdout.
        """
        if self.stdout:
            if several:
                raise UsageError("stdout takes one figure", hint="name it: script.py:loss")
            return [Output(None, STDOUT, self.formats[0])]
        whole = self.given and len(self.formats) == 1
        stem = self.base.stem if whole else self.base.name
        if several or not (self.given or only):
            stem = f"{stem}-{name}"
        paths = [self.base.with_name(stem + (self.base.suffix if whole else f".{kind}")) for kind in self.formats]
        return [Output(self.cwd / path, str(path), kind) for path, kind in zip(paths, self.formats, strict=True)]

    def prepare(self) -> None:
        """Make the folder, if it is to be made.

        Raises:
            FileError: where there can be none.
        """
        if self.new_folder:
            try:
                (self.cwd / self.base.parent).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                what = f"cannot make the folder {self.base.parent}: {error.strerror}"
                raise FileError(what, hint="choose another place") from None


def said_format(file: str, known: Mapping[str, str], wanted: Sequence[str] = (), option: str = "-o") -> str:
    """Return the format that a file's name says; "" where it says none and need not, because formats are wanted.

    Args:
        file: the name.
        known: the formats by their endings, which may be in capitals in the name.
        wanted: the formats that another option says.
        option: that the name was given with.

    Raises:
        UsageError: for a name that does not say a format, or another one than is wanted.
    """
    said = known.get(Path(file).suffix[1:].lower(), "")
    if not said and not wanted:
        raise UsageError(f"{option} {file!r} does not say its format", hint=f"name it .{', .'.join(known)}")
    if said and wanted and said not in wanted:
        raise UsageError(f"{option} {file!r} says {said}, not {', '.join(wanted)}")
    return said


def _is_folder(shown: str) -> bool:
    return shown.endswith(("/", os.sep))


def write(files: Sequence[tuple[Output, bytes]]) -> None:
    """Write files; an error speaks of them as the user does.

    Raises:
        UsageError: for a file that must be spared; then none is written.
        FileError: for one that cannot be written.
    """
    spare_sources(output for output, _ in files)
    with as_shown([output for output, _ in files]):
        for output, data in files:
            assert output.path is not None
            write_atomically(output.path, data)


@contextmanager
def as_shown(outputs: Sequence[Output]) -> Iterator[None]:
    """Let errors speak of files as the user does."""
    try:
        yield
    except FileError as error:
        for output in outputs:
            error.what = error.what.replace(str(output.path), output.shown)
        raise


def check_apart(outputs: Sequence[Output]) -> None:
    """Refuse two answers in one file, of which the last would be all that is left.

    Raises:
        UsageError: naming the file.
    """
    known: set[str] = set()
    for output in outputs:
        assert output.path is not None
        place = os.path.realpath(output.path)
        if place in known:
            raise UsageError(f"{output.shown} is named twice: one answer would replace another", hint="name two files")
        known.add(place)


def spare_sources(outputs: Iterable[Output]) -> None:
    """Refuse to write over the script that has run, or over a module that is loaded.

    Raises:
        UsageError: naming the file.
    """
    sources = {_identity(Path(file)) for _, file in loaded_files()} - {None}
    for output in outputs:
        if output.path is not None and _identity(output.path) in sources:
            raise UsageError(
                f"{output.shown} is the script itself, or a module that it imports", hint="name another file"
            )


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from all others, whatever it is called; None where there is none."""
    with suppress(OSError, ValueError):
        status = path.stat()
        return status.st_dev, status.st_ino
    return None
