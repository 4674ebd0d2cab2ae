"""What `gv.compile` is asked for, looked at before anything is made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from gradviz.core.arrays import native
from gradviz.core.expr import Expr
from gradviz.core.graph import Graph
from gradviz.core.handle import as_keys
from gradviz.core.primitive import Primitive
from gradviz.errors import UsageError, user_location


def checked_batch(size: Any) -> int | None:
    """Return a number of samples, or None for one sample without a first axis."""
    if size is None or (isinstance(size, (int, np.integer)) and not isinstance(size, bool) and size > 0):
        return None if size is None else int(size)
    raise UsageError(f"batch={size!r}: a whole number, 1 or more, is wanted", where=user_location())


def checked_leaves(
    graph: Graph, what: str, names: str | Expr | Iterable[str | Expr], kinds: tuple[Primitive, ...]
) -> tuple[str, ...]:
    """Return the paths of leaves, each once."""
    found = [graph.node(graph.find(name)) for name in as_keys(names)]
    for node in found:
        if node.op not in kinds:
            wanted = " or ".join(f"{kind.name} leaf" for kind in kinds)
            raise UsageError(f"{what}={node.path or node.id!r}: a {wanted} is wanted", where=user_location())
        if what == "wrt" and node.dtype.kind != "f":
            raise UsageError(f"wrt={node.path!r}: {node.dtype} has no derivative", where=user_location())
    return tuple(dict.fromkeys(node.path for node in found))


def checked_dtype(dtype: Any) -> np.dtype[Any]:
    """Return what the numbers of a layer are."""
    try:
        found = native(np.dtype(dtype))
    except TypeError:
        found = np.dtype(object)
    if found not in (np.float64, np.float32):
        raise UsageError(f"a layer computes with float64 or float32, not {dtype!r}", where=user_location())
    return found


def chosen_root(graph: Graph, output: str | None) -> str:
    """Return the name of the output that is differentiated."""
    if output is not None:
        if output not in graph.outputs:
            raise UsageError(
                f"the graph has no output {output!r}", where=user_location(), hint=f"it has {', '.join(graph.outputs)}"
            )
        return output
    numbers = [name for name, index in graph.outputs.items() if graph.rows[index].shape == ()]
    if "loss" in graph.outputs:
        return "loss"
    return numbers[0] if len(numbers) == 1 else next(iter(graph.outputs))
