"""Cutting a graph out of the tape: what a function has built between its arguments and its results."""

from __future__ import annotations

from collections.abc import Sequence

from gradviz.core.apply import make_leaf
from gradviz.core.arguments import Arguments
from gradviz.core.expr import Expr, handle_at
from gradviz.core.graph import Graph
from gradviz.core.primitive import CONSTANT, DATA, PARAMETER, Shape
from gradviz.core.tape import current_tape


def placeholders(like: Sequence[Expr], shapes: Sequence[Shape], suffix: str, tex_suffix: str) -> list[Expr]:
    """Make data leaves that stand for a part of other nodes, named after them."""
    tape = like[0].tape if like else current_tape()
    made = []
    for handle, shape in zip(like, shapes, strict=True):
        leaf = make_leaf(DATA, None, tape.lane(shape, handle.dtype))
        name = tape.name(handle.id)
        if name is not None:
            leaf.named(name.name + suffix, f"{{{name.tex}}}{tex_suffix}")
        made.append(leaf)
    return made


def trace(arguments: Sequence[Expr], results: Sequence[Expr]) -> tuple[Graph, tuple[int, ...], list[Expr]]:
    """Return the graph between arguments and results.

    What the results need from before the arguments were made, and leaves that the function has made
    itself, become further leaves of the graph; numbers stay constants in it.

    Returns:
        The graph; the ids of its leaves, those of the arguments first; and the handles that the further
        leaves stand for.
    """
    tape = arguments[0].tape
    first = arguments[0].id
    own = {argument.id for argument in arguments}
    needed: set[int] = set(own)
    waiting = [result.id for result in results]
    while waiting:
        index = waiting.pop()
        if index not in needed:
            needed.add(index)
            if index >= first:
                waiting.extend(tape.args[index])
    ids = sorted(needed)
    place = {old: new for new, old in enumerate(ids)}
    outer = [old for old in ids if old not in own and (old < first or not tape.args[old])]
    captured = [old for old in outer if tape.rows[old].op is not CONSTANT]
    cut = set(outer)
    rows = []
    for old in ids:
        row = tape.rows[old]
        kept = row.op if row.op in (PARAMETER, CONSTANT) else DATA
        rows.append(type(row)(kept, {}, row.shape, row.dtype, row.scope) if old in cut else row)
    graph = Graph(
        rows=tuple(rows),
        distinct_rows=frozenset(rows),
        arguments=Arguments(() if old in cut else tuple(place[arg] for arg in tape.args[old]) for old in ids),
        leaf_ids=tuple(place[old] for old in ids if old in cut or not tape.args[old]),
        texts={place[old]: tape.names[old] for old in ids if old in tape.names},
        given_tex={place[old]: tape.tex[old] for old in ids if old in tape.tex},
        given={place[old]: tape.values[old] for old in outer if tape.rows[old].op is CONSTANT},
        outputs={f"next{number}": place[result.id] for number, result in enumerate(results)},
    )
    inputs = (*(place[argument.id] for argument in arguments), *(place[old] for old in captured))
    return graph, inputs, [handle_at(tape, old) for old in captured]
