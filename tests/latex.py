"""pdflatex for the tests: what it says of a file, and what the pages read."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tools import need


def compile_latex(path: Path) -> Path:
    """Compile a file, which pdflatex must take without a complaint, and return the PDF."""
    command = [need("pdflatex"), "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", path.name]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, check=False, timeout=120)
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, log[-2000:]
    assert not re.findall(r"^(?:!|Overfull|Underfull|LaTeX Warning).*", log, re.MULTILINE), log[-2000:]
    return path.with_suffix(".pdf")


def read_pages(pdf: Path) -> list[str]:
    """Return the words on every page."""
    done = subprocess.run([need("pdftotext"), "-raw", pdf, "-"], capture_output=True, check=True, timeout=60)
    text = done.stdout.decode("utf-8").replace("\N{MINUS SIGN} ", "\N{MINUS SIGN}")
    return [" ".join(page.split()) for page in text.split("\f")[:-1]]


def reads(page: str, text: str) -> bool:
    """Whether a page has these words next to each other."""
    return f" {text} " in f" {page} "


def page_size(pdf: Path) -> tuple[float, float]:
    """Return the width and height of the first page, pt of TeX."""
    done = subprocess.run([need("pdfinfo"), pdf], capture_output=True, check=True, text=True, timeout=60)
    width, height = re.search(r"Page size: +([\d.]+) x ([\d.]+) pts", done.stdout).groups()
    return float(width) * 72.27 / 72, float(height) * 72.27 / 72
