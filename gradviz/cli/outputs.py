"""Say which file each figure is written to, before anything is drawn."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from gradviz.errors import UsageError

STDOUT = "-"


@dataclass(frozen=True)
class Output:
    """One file of one figure.

    Attributes:
        path: where it is written; None for stdout.
        shown: the path as the user would write it.
        format: svg, png, …
    """

    path: Path | None
    shown: str
    format: str


@dataclass(frozen=True)
class Naming:
    """How the files of a run are called.

    Args:
        stem: the name of a figure's file, when none is given.
        output: what `-o` says: a file, a folder, `-`, or nothing.
        formats: what `--format` says.
        folder: the current folder, which a script may leave.
    """

    stem: str
    output: str | None
    formats: tuple[str, ...]
    folder: Path

    @classmethod
    def choose(
        cls, stem: str, output: str | None, formats: Sequence[str], known: Collection[str], folder: Path
    ) -> Naming:
        """Check the options against each other and against the formats that there are.

        Raises:
            UsageError: for a file name that does not say its format.
        """
        wanted = tuple(dict.fromkeys(formats))
        if output is None or output == STDOUT or (folder / output).is_dir():
            if output == STDOUT and len(wanted) > 1:
                raise UsageError("stdout takes one format", hint="give one --format, or a file with -o")
            return cls(stem, output, wanted or ("svg",), folder)
        suffix = Path(output).suffix[1:].lower()
        if not wanted and suffix not in known:
            which = f"is not a format: .{suffix}" if suffix else "does not say its format"
            raise UsageError(f"-o {output!r} {which}", hint=f"there are .{', .'.join(known)}, or give --format")
        if len(wanted) > 1 and suffix in known:
            output = str(Path(output).with_suffix(""))
        return cls(stem, output, wanted or (suffix,), folder)

    def outputs(self, name: str, only: bool, several: bool) -> list[Output]:
        """Return the files of one figure.

        Args:
            name: of the figure.
            only: whether its target holds no other.
            several: whether other figures are written in this run.

        Raises:
            UsageError: for several figures on stdout.
        """
        if self.output == STDOUT:
            if several:
                raise UsageError("stdout takes one figure", hint="name it: script.py:loss")
            return [Output(None, STDOUT, self.formats[0])]
        is_folder = self.output is None or (self.folder / self.output).is_dir()
        if is_folder:
            stem = self.stem if only else f"{self.stem}-{name}"
            base = Path(self.output or "") / stem
        else:
            base = Path(self.output or "")
        result = []
        for kind in self.formats:
            if is_folder or len(self.formats) > 1:
                path = base.with_name(f"{base.name}{f'-{name}' if several and not is_folder else ''}.{kind}")
            else:
                path = base.with_name(f"{base.stem}-{name}{base.suffix}") if several else base
            result.append(Output(self.folder / path, str(path), kind))
        return result
