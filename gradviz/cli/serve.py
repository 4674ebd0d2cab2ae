"""`gradviz serve`: the page in a browser, made again whenever the script is saved."""

from __future__ import annotations

import threading
import webbrowser
from dataclasses import dataclass
from typing import Any

import click

from gradviz.cli import COMMANDS, streams
from gradviz.cli.drawing import Look, draw, say_notes
from gradviz.cli.failure import describe, report, without_place
from gradviz.cli.load import Target, parse_target
from gradviz.cli.options import EPILOG, ScriptCommand, look_options, script_args, target_options
from gradviz.cli.points import parse_at
from gradviz.cli.server import PageServer
from gradviz.cli.watch import repeat


@dataclass(frozen=True)
class Served:
    """What is served, and where."""

    target: Target
    look: Look
    at: dict[str, Any]
    server: PageServer

    def make(self) -> None:
        """Make the pages.

        Raises:
            GradvizError: for whatever goes wrong in the script or the drawing.
        """
        drawn = draw(self.target.load(self.at), self.at, True, self.look)
        with without_place():
            pages = {item.name: item.picture.html(live=True) for item in drawn}
        say_notes(drawn)
        self.server.show(pages)

    def update(self) -> bool:
        """Make the pages again; an error is shown here and in the browser. Return whether it went well."""
        try:
            self.make()
        except Exception as error:
            report(error)
            self.server.fail(describe(error))
            return False
        return True


@click.command("serve", cls=ScriptCommand, help=COMMANDS["serve"], epilog=EPILOG)
@target_options
@look_options
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="By default any that is free.")
@click.option("--open", "show", is_flag=True, help="Open it in a browser.")
def command(
    *,
    target: str | None,
    expression: str | None,
    points: tuple[str, ...],
    port: int,
    show: bool,
    **look: str | None,
) -> None:
    """Serve the pages until the user interrupts it; the address goes to stdout."""
    wanted = parse_target(target, expression, script_args())
    served = Served(wanted, Look(**look), parse_at(points), PageServer(port))
    answer = streams.take_stdout()
    if wanted.script is None:
        served.make()
    try:
        print(served.server.address, file=answer, flush=True)
        streams.say(f"serving {wanted.stem}, Ctrl-C ends it")
        if show and not webbrowser.open(served.server.address):
            streams.say("there is no browser here to open it with")
        if wanted.script is None:
            threading.Event().wait()
        else:
            repeat(wanted.script, served.update)
    except KeyboardInterrupt:
        streams.say("serving has ended")
    finally:
        served.server.close()
