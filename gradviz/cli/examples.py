"""`gradviz examples`: list, show or copy the scripts that are shipped."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import click

from gradviz.cli import COMMANDS
from gradviz.cli.tables import print_table
from gradviz.errors import GradvizError, UsageError, did_you_mean

_PACKAGE = Path(__file__).parents[1]


def folder() -> Path:
    """Return where the examples are: in the installed package, or beside it in a checkout."""
    shipped = _PACKAGE / "_examples"
    return shipped if shipped.is_dir() else _PACKAGE.parent / "examples"


def all_examples() -> dict[str, Path]:
    """Return the scripts by name."""
    return {path.stem: path for path in sorted(folder().glob("*.py")) if not path.stem.startswith("_")}


def about(path: Path) -> str:
    """Return the first line of a script's docstring."""
    text = ast.get_docstring(ast.parse(path.read_bytes())) or ""
    return text.partition("\n")[0]


@click.command("examples", help=COMMANDS["examples"])
@click.argument("name", required=False)
@click.option("--copy", "copied", is_flag=True, help="Copy the script into the folder that follows, or here.")
@click.argument("target", required=False, metavar="[FOLDER]", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Let --copy replace a file.")
@click.option("--json", "as_json", is_flag=True, help="Answer with JSON.")
def command(name: str | None, copied: bool, target: Path | None, force: bool, as_json: bool) -> None:
    """List all, or show or copy one."""
    found = all_examples()
    if not found:
        raise GradvizError(f"there are no examples in {folder()}", hint="install gradviz anew")
    if name is None:
        if copied:
            raise UsageError("--copy needs the name of an example", hint="gradviz examples lists them")
        if as_json:
            listed = [{"name": key, "about": about(path), "path": str(path)} for key, path in found.items()]
            click.echo(json.dumps(listed, indent=2, ensure_ascii=False))
        else:
            _print_table(found)
        return
    path = _find(name, found)
    if target is not None and not copied:
        raise UsageError(f"{str(target)!r} is one argument too many", hint="--copy takes a folder")
    if copied:
        written = _copy(path, target or Path(), force)
        click.echo(json.dumps({"name": path.stem, "path": str(written)}) if as_json else written)
    elif as_json:
        source = path.read_text(encoding="utf-8")
        click.echo(json.dumps({"name": path.stem, "about": about(path), "path": str(path), "source": source}, indent=2))
    else:
        click.echo(path.read_text(encoding="utf-8"), nl=False)


def _find(name: str, found: dict[str, Path]) -> Path:
    stem = name.removesuffix(".py")
    if stem not in found:
        hint = did_you_mean(stem, found, "gradviz examples lists them")
        raise UsageError(f"there is no example {name!r}", hint=hint)
    return found[stem]


def _copy(path: Path, target: Path, force: bool) -> Path:
    """Copy a script, never over a file of the user's unless told to."""
    written = target / path.name
    try:
        target.mkdir(parents=True, exist_ok=True)
        with written.open("wb" if force else "xb") as file:
            file.write(path.read_bytes())
    except FileExistsError:
        if target.is_dir():
            raise GradvizError(f"{written} is there already", hint="--force replaces it") from None
        raise GradvizError(f"{target} is no folder") from None
    except OSError as error:
        raise GradvizError(f"{written} cannot be written: {error.strerror}") from None
    return written


def _print_table(found: dict[str, Path]) -> None:
    """Print a line for each; a terminal gets a table, a program gets tabs."""
    if not sys.stdout.isatty():
        for name, path in found.items():
            click.echo(f"{name}\t{about(path)}")
        return
    print_table(
        ["example", "what it shows"],
        [[name, about(path)] for name, path in found.items()],
        caption="gradviz examples NAME shows one, gradviz examples NAME --copy copies it here",
    )
