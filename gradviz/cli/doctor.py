"""`gradviz doctor`: what gradviz draws with on this machine, and what is missing."""

from __future__ import annotations

import importlib
import json
import platform
import re
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import click

from gradviz.cli import COMMANDS
from gradviz.cli.tables import print_table

_CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Check:
    """One line of the report.

    Attributes:
        name: what was looked for.
        found: what was found, or why nothing was.
        ok: whether it is there.
        advice: what to do when it is not there.
    """

    name: str
    found: str
    ok: bool = True
    advice: str = ""


@click.command("doctor", help=COMMANDS["doctor"])
@click.option("--json", "as_json", is_flag=True, help="Answer with JSON.")
def command(as_json: bool) -> int:
    """Look at everything; the status is 0 when gradviz can draw."""
    checks = list(_checks())
    ok = checks[-1].ok
    if as_json:
        click.echo(json.dumps({"ok": ok, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        _print(checks, ok)
    return 0 if ok else 1


def _print(checks: list[Check], ok: bool) -> None:
    marks = {True: "ok", False: "missing"}
    rows = [
        [
            check.name,
            marks[check.ok],
            check.found + (f" — {check.advice}" if check.advice and not check.ok else ""),
        ]
        for check in checks
    ]
    print_table(["", "", "found"], rows, caption="gradviz can draw" if ok else "gradviz cannot draw here")


def _checks() -> Iterator[Check]:
    yield Check("gradviz", f"{importlib.import_module('gradviz').__version__} in {Path(__file__).parents[1]}")
    yield Check("Python", f"{platform.python_version()} ({sys.executable})")
    yield from _requirements()
    yield _try("Graphviz", _graphviz, "pip install pygraphviz, or install Graphviz so that dot is on the PATH")
    yield _try("mathematics", _mathematics, "pip install ziamath")
    yield _text_fonts()
    yield from _products()
    yield _try("drawing", _drawing, "the lines above say what is missing")


def _try(name: str, look: Callable[[], str], advice: str) -> Check:
    """Run one look; whatever goes wrong in it is the finding."""
    try:
        return Check(name, look())
    except Exception as error:
        return _broken(name, error, advice)


def _broken(name: str, error: Exception, advice: str) -> Check:
    return Check(name, f"{type(error).__name__}: {error}", ok=False, advice=advice)


def _requirements() -> Iterator[Check]:
    """Yield a check for each library that the package asks for, the optional ones with their extra."""
    for text in _requirement_texts():
        matched = re.match(r"[\w.-]+", text)
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", text)
        if matched is None or (extra and extra[1] == "test"):
            continue
        name = matched[0]
        label = f"{name} ({extra[1]})" if extra else name
        advice = f"pip install 'gradviz[{extra[1]}]'" if extra else f"pip install {name}"
        try:
            yield Check(label, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Check(label, "not installed", ok=False, advice=advice)


def _requirement_texts() -> list[str]:
    """Return the requirements as the installed package has them, or the checkout it is run from."""
    try:
        return list(metadata.requires("gradviz") or ())
    except metadata.PackageNotFoundError:
        project = tomllib.loads((_CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        extras = project["optional-dependencies"].items()
        optional = [f'{text}; extra == "{extra}"' for extra, texts in extras for text in texts]
        return [*project["dependencies"], *optional]


def _graphviz() -> str:
    """Say which Graphviz places the boxes."""
    return str(importlib.import_module("gradviz.draw.layout").backend())


def _mathematics() -> str:
    """Typeset a fraction."""
    typeset = importlib.import_module("gradviz.draw.typeset").typeset
    # The typesetter falls back to plain text, which has no fraction bar.
    if not typeset(r"\frac{1}{2}", "1/2").rules:
        raise RuntimeError("a fraction is not typeset")
    return f"STIX Two, inside ziamath {metadata.version('ziamath')}"


def _text_fonts() -> Check:
    """Draw a character, and one that no font has: a font is there when they look different."""
    name = "CJK fonts"
    advice = "PNG and PDF show boxes for such text; install a font, such as Noto Sans CJK"
    try:
        from gradviz.draw.raster import to_png
        from gradviz.draw.svg import FALLBACK_FONTS

        samples = (_SAMPLE.format(fonts=FALLBACK_FONTS, char=char) for char in "\U0010fffd字かガ한")
        nothing, *seen = (to_png(sample, 40, 40, 1.0) for sample in samples)
    except Exception as error:  # whatever goes wrong is the finding
        return _broken(name, error, advice)
    if nothing in seen:
        return Check(name, "none", ok=False, advice=advice)
    return Check(name, "Chinese, Japanese and Korean are drawn")


_SAMPLE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40">'
    '<text x="4" y="30" font-size="24" font-family="{fonts}">{char}</text></svg>'
)


def _products() -> Iterator[Check]:
    """Say what multiplies matrices, and whether it is as quick as the processor allows: layers live on it.

    A processor newer than OpenBLAS gets the functions for an old one, half as quick.
    """
    try:
        blas = importlib.import_module("gradviz.compiler.blas")
        found = blas.library()
    except Exception as error:  # whatever goes wrong is the finding
        yield _broken("matrix products", error, "pip install threadpoolctl")
        return
    if found is None:
        return  # not in this build of NumPy
    threads = found["num_threads"]
    yield Check("matrix products", f"{blas.describe(found)}, on {threads} thread{'s'[: threads != 1]}")
    if found["internal_api"] == "openblas" and blas.processor_has_avx512():
        advice = "try OPENBLAS_CORETYPE=SkylakeX in the environment, layers may take half the time"
        used = blas.uses_avx512(found)
        yield Check("AVX-512 in products", "used" if used else "not used", ok=used, advice=advice)


def _drawing() -> str:
    """Draw a small figure as `gradviz render` does."""
    start = time.perf_counter()
    gv = importlib.import_module("gradviz")
    picture = gv.figure(gv.from_expression("max(1 - w*x, 0)"))
    size = len(picture.svg())
    return f"a small figure of {size / 1000:.0f} kB in {time.perf_counter() - start:.2f} s"
