"""Screenshots for README and docs: `make pictures` runs this with the folder that they go to."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from browser import chromium
from gallery import ROOT
from latex import compile_latex
from rich.console import Console

import gradviz as gv
from gradviz.draw.tikz import to_beamer
from gradviz.passes.walk import Walk
from gradviz.terminal.step import Screen

SCRIPT = ROOT / "examples" / "hinge_loss.py"
STEP = 7
WIDTH, HEIGHT = 80, 16
TERMINAL = (
    "<style>body {{ margin: 0; display: inline-block; background: {background}; color: {foreground}; }}"
    "pre {{ margin: 0; padding: 14px 18px; font: 15px/1.3 'DejaVu Sans Mono', monospace; }} {stylesheet}</style>"
    "<pre>{code}</pre>"
)


def drawn(graph: gv.Graph, folder: Path) -> None:
    """The pictures that gradviz draws alone: the same bytes on every machine."""
    gv.frames(graph)[STEP].save(folder / "frame.svg")
    sheet, key = gv.worksheet(graph, blank=["f", "g"])
    sheet.save(folder / "worksheet.svg")
    key.save(folder / "worksheet-key.svg")


def slide(graph: gv.Graph, path: Path) -> None:
    """An overlay of the beamer slide."""
    with TemporaryDirectory() as folder:
        tex = Path(folder) / "slide.tex"
        tex.write_text(to_beamer(gv.frames(graph)), encoding="utf-8")
        page = str(STEP + 1)
        command = ["pdftoppm", "-png", "-singlefile", "-r", "180", "-f", page, compile_latex(tex), path.with_suffix("")]
        subprocess.run(command, check=True)


def terminal(graph: gv.Graph) -> str:
    """A screen of `gradviz step` as HTML."""
    walk = Walk(graph, gv.steps(graph))
    walk.move(STEP)
    with Path("/dev/null").open("w", encoding="utf-8") as nowhere:
        console = Console(
            record=True, width=WIDTH, file=nowhere, force_terminal=True, color_system="truecolor", legacy_windows=False
        )
        for line in Screen(walk, "loss").draw(WIDTH, HEIGHT):
            console.print(line, no_wrap=True)
    return console.export_html(code_format=TERMINAL)


def main(folder: Path) -> None:
    """Make them all."""
    folder.mkdir(parents=True, exist_ok=True)
    graph = gv.graph(runpy.run_path(str(SCRIPT))["loss"])
    drawn(graph, folder)
    slide(graph, folder / "slide.png")
    page = gv.figure(graph).save(folder / "page.html")
    with chromium() as browser:
        for scheme, name in (("light", "page"), ("dark", "page-dark")):
            tab = browser.new_page(
                viewport={"width": 1040, "height": 600},
                color_scheme=scheme,
                device_scale_factor=1.5,
                reduced_motion="reduce",
            )
            tab.goto(page.resolve().as_uri())
            tab.keyboard.press("Home")
            for _ in range(STEP):
                tab.keyboard.press("ArrowRight")
            tab.screenshot(path=folder / f"{name}.png", animations="disabled")
        tab = browser.new_page(viewport={"width": 900, "height": 600})
        tab.set_content(terminal(graph))
        tab.locator("body").screenshot(path=folder / "step.png")
    page.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
