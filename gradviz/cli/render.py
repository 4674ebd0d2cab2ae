"""`gradviz render`: from a script or an expression to files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import click

from gradviz.cli import COMMANDS, streams
from gradviz.cli.drawing import Drawn, Look, draw, draw_frames, draw_worksheet, say_notes
from gradviz.cli.failure import report, without_place
from gradviz.cli.load import Target, parse_target
from gradviz.cli.options import EPILOG, ScriptCommand, look_options, output_option, script_args, target_options
from gradviz.cli.outputs import Naming, Output, write
from gradviz.cli.points import parse_at
from gradviz.cli.script import Script
from gradviz.cli.viewer import open_file
from gradviz.cli.watch import repeat
from gradviz.draw.picture import FORMATS, Picture
from gradviz.draw.raster import SCALE, pdf_library
from gradviz.draw.worksheet import BLANKS
from gradviz.errors import UsageError
from gradviz.terminal.progress import Tell, progress_bar


@dataclass(frozen=True)
class Job:
    """All that one run of the command was asked for."""

    target: Target
    naming: Naming
    look: Look
    at: dict[str, Any]
    with_values: bool
    as_json: bool
    frames: str = ""
    blank: tuple[str, ...] = ()
    seed: int | None = None
    scale: float = SCALE

    def run(self, answer: TextIO) -> list[Output]:
        """Draw and write everything, and answer with what was written.

        Everything is drawn before the first file is written, so that an error leaves them all as
        they were.

        Raises:
            GradvizError: for whatever goes wrong in the script, the drawing or the writing.
        """
        found = self.target.load(self.at)
        with progress_bar() as tell:
            tell("drawing", 0, None)
            drawn = draw(found, self.at, self.with_values, self.look)
            several = len(drawn) > 1
            planned = [
                made
                for item in drawn
                for output in self.naming.outputs(item.name, item.only, several)
                for made in self._encode(item, output, tell)
            ]
        say_notes(drawn)
        outputs = [output for _, output, _ in planned]
        if self.naming.stdout:
            answer.buffer.write(planned[0][2])
        else:
            self.naming.prepare()
            write([(output, data) for _, output, data in planned])
        if self.as_json:
            facts = [item.facts() | {"path": out.shown, "format": out.format} for item, out, _ in planned]
            print(json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False), file=answer)
        elif not self.naming.stdout:
            print(*(output.shown for output in outputs), sep="\n", file=answer)
        streams.finish()
        return outputs

    def _encode(self, item: Drawn, output: Output, tell: Tell) -> Iterator[tuple[Drawn, Output, bytes]]:
        """Draw a figure, or all its frames: numbered files, the pages of one PDF, the overlays of one slide."""
        if output.format == "pdf":
            pdf_library()  # if there is none, the user is told before hundreds of frames are drawn
        size = "" if item.graph is None else f" ({len(item.graph):,} nodes)"
        tell(f"drawing {item.name}{size}", 0, None)
        with without_place():
            if self.blank:
                yield from self._worksheet(item, output)
                return
            if not self.frames:
                yield item, output, item.picture.render(output.format, scale=self.scale)
                return
            pictures = draw_frames(item, self.at, self.look, self.frames)
            if output.format in ("pdf", "tex"):
                yield item, output, _pages(pictures) if output.format == "pdf" else _slide(pictures)
                return
            if output.path is None:
                raise UsageError("stdout takes one file", hint="write the frames as a PDF: --format pdf")
            for place, picture in enumerate(pictures):
                tell(f"drawing {item.name}, frame {place + 1} of {len(pictures)}", 0, None)
                yield item, output.numbered(place), picture.render(output.format, scale=self.scale)

    def _worksheet(self, item: Drawn, output: Output) -> Iterator[tuple[Drawn, Output, bytes]]:
        """Draw the sheet and its key: two files, or two pages."""
        pictures = draw_worksheet(item, self.at, self.look, self.blank, self.seed)
        if output.format == "pdf":
            yield item, output, _pages(pictures)
            return
        if output.path is None:
            raise UsageError("stdout takes one file", hint="write the sheet and its key as a PDF: --format pdf")
        yield item, output, pictures[0].render(output.format, scale=self.scale)
        yield item, output.extended("key"), pictures[1].render(output.format, scale=self.scale)

    def watch(self, answer: TextIO, script: Script, show: bool) -> None:
        """Draw again on every save, until the user interrupts it; an error is shown and watching goes on."""
        shown = False

        def once() -> bool:
            nonlocal shown
            try:
                outputs = self.run(answer)
            except BrokenPipeError:
                raise  # nobody reads the answer any more
            except Exception as error:
                report(error)
                return False
            if show and not shown:
                open_outputs(outputs)
                shown = True
            return True

        streams.say(f"watching {script.given}, Ctrl-C ends it")
        try:
            repeat(script, once)
        except KeyboardInterrupt:
            streams.say("watching has ended")


def _pages(pictures: Sequence[Picture]) -> bytes:
    from gradviz.draw.frames import frames_pdf  # brings the steps along, which a single picture does not need

    return frames_pdf(pictures)


def _slide(pictures: Sequence[Picture]) -> bytes:
    from gradviz.draw.tikz import to_beamer

    return to_beamer(pictures).encode("utf-8", "replace")


def open_outputs(outputs: Sequence[Output]) -> None:
    """Show what was written; say so where there is nothing to show it with."""
    opened = [open_file(output.path) for output in outputs if output.path is not None]
    if not any(opened):
        streams.say("there is no desktop here to open a picture with")


@click.command("render", cls=ScriptCommand, help=COMMANDS["render"], epilog=EPILOG)
@target_options
@output_option("The file, or a folder for it, or - for stdout.")
@click.option(
    "--format", "formats", multiple=True, type=click.Choice(list(FORMATS)), help="May be given several times."
)
@look_options
@click.option("--scale", type=float, help=f"Of a PNG: so many pixels for each px ({SCALE:g} by default).")
@click.option("--no-values", is_flag=True, help="Leave out f and g beside the nodes.")
@click.option("--frames", "by_step", is_flag=True, help="A picture for each step of backpropagation, numbered.")
@click.option("--phases", "by_phase", is_flag=True, help="A picture for each phase: start, values, adjoints.")
@click.option(
    "--blank",
    multiple=True,
    type=click.Choice(list(BLANKS)),
    help="Leave these out for students to fill in, and draw the key as well. May be given several times.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Of --blank: leave out half of them, chosen by this.")
@click.option("--watch", is_flag=True, help="Draw again whenever the script is saved.")
@click.option("--open", "show", is_flag=True, help="Open the picture.")
@click.option("--json", "as_json", is_flag=True, help="Answer with JSON.")
def command(
    *,
    target: str | None,
    expression: str | None,
    output: str | None,
    formats: tuple[str, ...],
    points: tuple[str, ...],
    scale: float | None,
    no_values: bool,
    by_step: bool,
    by_phase: bool,
    blank: tuple[str, ...],
    seed: int | None,
    watch: bool,
    show: bool,
    as_json: bool,
    **look: str | None,
) -> None:
    """Draw, and write the names of the files to stdout."""
    wanted = parse_target(target, expression, script_args())
    naming = Naming.choose(wanted.stem, output, formats, FORMATS, Path.cwd())
    if naming.stdout and (as_json or show or watch):
        raise UsageError("with -o - the answer is the figure itself", hint="leave out --json, --open and --watch")
    if watch and wanted.script is None:
        raise UsageError("--watch needs a script: an expression does not change")
    if sum([by_step, by_phase, bool(blank)]) > 1 or ((by_step or by_phase or blank) and (no_values or look["path"])):
        raise UsageError("--frames, --phases and --blank go with none of each other, --no-values and --path")
    if seed is not None and not blank:
        raise UsageError("--seed says which of --blank f, g or edges are left out")
    if scale is not None and "png" not in naming.formats:
        raise UsageError("--scale is of a PNG", hint="the other formats can be scaled where they are put")
    frames = "step" if by_step else "phase" if by_phase else ""
    at, size = parse_at(points), SCALE if scale is None else scale
    job = Job(wanted, naming, Look(**look), at, not no_values, as_json, frames, blank, seed, size)
    answer = streams.take_stdout()
    if watch and wanted.script is not None:
        job.watch(answer, wanted.script, show)
        return
    outputs = job.run(answer)
    if show:
        open_outputs(outputs)
