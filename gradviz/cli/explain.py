"""`gradviz explain`: where a gradient comes from, path by path."""

from __future__ import annotations

import click

import gradviz as gv
from gradviz.cli import COMMANDS, streams
from gradviz.cli.failure import without_place
from gradviz.cli.load import check_known, has, load_graphs, parse_target
from gradviz.cli.options import EPILOG, ScriptCommand, output_option, script_args, target_options
from gradviz.cli.outputs import Output, said_format, write
from gradviz.cli.points import parse_at
from gradviz.cli.tables import show
from gradviz.errors import UsageError

_FORMATS = {"latex": gv.Explanation.to_latex, "markdown": gv.Explanation.to_markdown, "json": gv.Explanation.to_json}
_ENDINGS = {"tex": "latex", "md": "markdown", "json": "json"}


@click.command("explain", cls=ScriptCommand, help=COMMANDS["explain"], epilog=EPILOG)
@target_options
@click.option("--wrt", metavar="NAME", required=True, help="The leaf to differentiate by.")
@click.option("--format", "kind", type=click.Choice(list(_FORMATS)), help="Instead of text for the terminal.")
@click.option("--json", "as_json", is_flag=True, help="Answer with JSON, as --format json.")
@output_option("Write the answer to a file: .tex, .md or .json.")
def command(
    *,
    target: str | None,
    expression: str | None,
    points: tuple[str, ...],
    wrt: str,
    kind: str | None,
    as_json: bool,
    output: str | None,
) -> None:
    """Explain the gradient of every graph that has the leaf."""
    wanted = parse_target(target, expression, script_args())
    if as_json and kind not in (None, "json"):
        raise UsageError(f"--json is --format json, not {kind}")
    kind = "json" if as_json else kind
    file = Output.here(output, said_format(output, _ENDINGS, [kind] if kind else [])) if output else None
    kind = kind or (file.format if file else None)
    answer = streams.take_stdout()
    graphs = load_graphs(wanted, parse_at(points))
    check_known(wrt, [graph for _, graph, _ in graphs], "--wrt")
    with without_place():
        found = [gv.explain(graph, wrt, at) for _, graph, at in graphs if has(graph, wrt)]
    if kind is None:
        from gradviz.terminal.explain import explanation

        for place, one in enumerate(found):
            show(explanation(one), answer, gap=place > 0)
        return
    text = "\n\n".join(_FORMATS[kind](one) for one in found)
    if kind == "json" and len(found) > 1:
        text = f"[{', '.join(map(gv.Explanation.to_json, found))}]"
    if file is None:
        print(text.rstrip("\n"), file=answer)
    else:
        write([(file, (text.rstrip("\n") + "\n").encode())])
        print(output, file=answer)
