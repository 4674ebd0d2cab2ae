"""What an evaluation starts from: the values of the leaves, the output that is meant, its adjoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gradviz.core.arrays import to_array
from gradviz.core.graph import Graph, Node, as_array
from gradviz.core.handle import Handle
from gradviz.errors import GraphError, ValueMissingError, user_location


def leaf_values(graph: Graph, at: Mapping[str, Any]) -> Mapping[int, Any]:
    """Return the value of every leaf, an array or NumPy's scalar: its own, or the one given by name."""
    return {index: as_array(value) for index, value in given_values(graph, at).items()}


def given_values(graph: Graph, at: Mapping[str, Any]) -> Mapping[int, Any]:
    """Return the value of every leaf as it was given: of a number, perhaps Python's float.

    Raises:
        ValueMissingError: for a leaf without a value, or a value of the wrong shape.
        GraphError: for a name that no leaf has.
    """
    values = {**graph.given, **_checked(graph, at)} if at else graph.given
    if len(values) < len(graph.leaf_ids):
        name = next(leaf.path for leaf in graph.leaves if leaf.id not in values)
        raise ValueMissingError(f"{name!r} has no value", where=user_location(), hint=f"give one: at={{{name!r}: …}}")
    return values


def with_values(graph: Graph, at: Mapping[str, Any]) -> Graph:
    """Return the graph whose leaves have these values as their own.

    Raises:
        ValueMissingError, GraphError: as `given_values`, for what is given.
    """
    return replace(graph, given={**graph.given, **_checked(graph, at)}) if at else graph


def without_value(graph: Graph, at: Mapping[str, Any]) -> list[Node]:
    """Return the leaves that have no value of their own and are given none.

    Raises:
        ValueMissingError, GraphError: as `given_values`, for what is given.
    """
    known = graph.given.keys() | _checked(graph, at).keys()
    return [leaf for leaf in graph.leaves if leaf.id not in known]


def _checked(graph: Graph, at: Mapping[str, Any]) -> dict[int, Any]:
    """Return what is given by name, if all of it fits."""
    given: dict[int, Any] = {}
    for name, value in at.items():
        index = graph.find(name)
        row = graph.rows[index]
        if not row.op.leaf:
            raise GraphError(f"{graph.describe(index)} is computed and cannot be given a value", where=user_location())
        if isinstance(value, Handle):
            what = f"{name!r} is given a node for a value"
            raise ValueMissingError(what, where=user_location(), hint="give numbers")
        try:
            array = to_array(value, row.dtype)
        except GraphError as error:
            raise ValueMissingError(f"the value of {name!r} is {error.what}", where=user_location()) from None
        if array.shape != row.shape:
            raise ValueMissingError(
                f"{name!r} has shape {row.shape}, the value given has {array.shape}", where=user_location()
            )
        given[index] = array
    return given


def root_of(graph: Graph, output: str | None) -> int:
    """Return the id of an output by its name; of the only one for None."""
    return graph.outputs[output_name(graph, output)]


def output_name(graph: Graph, output: str | None) -> str:
    """Return the name of an output as it is, and of the only one for None.

    Raises:
        GraphError: for a name that no output has, or None where there are several.
    """
    if output is None:
        if len(graph.outputs) > 1:
            raise GraphError(
                f"the graph has {len(graph.outputs)} outputs",
                where=user_location(),
                hint=f"say which: output={next(iter(graph.outputs))!r}",
            )
        return next(iter(graph.outputs))
    if output not in graph.outputs:
        raise GraphError(
            f"the graph has no output {output!r}", where=user_location(), hint=f"it has {', '.join(graph.outputs)}"
        )
    return output


def scalar_root_of(graph: Graph, output: str | None) -> int:
    """Return the id of an output that is a single number.

    Raises:
        GraphError: for an array; or as `root_of`.
    """
    root = root_of(graph, output)
    shape = graph.rows[root].shape
    if shape != ():
        what = f"{graph.describe(root)} has shape {shape}; a derivative is of a single number"
        raise GraphError(what, where=user_location(), hint="sum it, or index it")
    return root


def seed_of(graph: Graph, root: int, seed: Any) -> Any:
    """Return the adjoint of the output to start from: the one given, or 1 for a single number."""
    row = graph.rows[root]
    if row.dtype.kind != "f":
        raise GraphError(f"{graph.describe(root)} is no floating-point number", where=user_location())
    if seed is None:
        if row.shape not in ((), (1,), (1, 1)):
            raise GraphError(
                f"{graph.describe(root)} has shape {row.shape}; backpropagation starts at a single number",
                where=user_location(),
                hint="sum it, or give seed=…",
            )
        return np.ones(row.shape, row.dtype)
    array = to_array(seed, row.dtype)
    if array.shape != row.shape:
        raise GraphError(f"the seed has shape {array.shape}, not {row.shape}", where=user_location())
    return array
