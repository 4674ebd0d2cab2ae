"""The frozen graph: nodes in an order where every argument precedes its use.

A graph is stored in columns (one row and two argument ids a node), because a tape of a
hundred thousand scalars must not cost a hundred thousand objects; `Graph.nodes` makes the objects
when somebody looks at them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradviz.core.arguments import Arguments
from gradviz.core.handle import Handle
from gradviz.core.names import name_to_tex
from gradviz.core.primitive import DATA, PARAMETER, Primitive, Shape
from gradviz.errors import GraphError, NoNodeError, did_you_mean, user_location

Array = NDArray[Any]
Edge = tuple[int, int]


def as_array(value: Array | float) -> Array:
    """Return a leaf's value as an array, or as NumPy's scalar, which is as good."""
    return np.float64(value) if type(value) is float else value  # type: ignore[return-value]  # a scalar is no ndarray


class Row:
    """What nodes of the same kind share: operation, attributes, shape, dtype, scope. Never changed."""

    __slots__ = ("attrs", "dtype", "op", "scope", "shape")

    def __init__(self, op: Primitive, attrs: Mapping[str, Any], shape: Shape, dtype: np.dtype[Any], scope: str) -> None:
        self.op = op
        self.attrs = attrs
        self.shape = shape
        self.dtype = dtype
        self.scope = scope


class Name(NamedTuple):
    """A user's name for a node, and the LaTeX given for it, if any."""

    name: str
    given_tex: str | None = None

    @property
    def tex(self) -> str:
        """Its LaTeX: the one given, or derived from the name."""
        given = self.given_tex or ""
        return given if given.strip() else name_to_tex(self.name)


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a graph.

    Attributes:
        id: its place in the graph; every argument's id is smaller.
        op: the primitive, or the kind of leaf ("parameter", "data", "constant").
        args: the ids of the arguments; an edge is (id, slot).
        attrs: the attributes of the operation (axis, shape, …).
        name, tex: the user's name ("" if none) and its LaTeX.
        scope: the path of the scope it was built in ("lstm/forget_gate").
        shape, dtype: of its value.
        value: of a leaf, the value it was given (read-only), else None.
    """

    id: int
    op: Primitive
    args: tuple[int, ...]
    attrs: Mapping[str, Any]
    name: str
    tex: str
    scope: str
    shape: Shape
    dtype: np.dtype[Any]
    value: Array | None = None

    @property
    def path(self) -> str:
        """The name with its scope, by which `Graph.find` knows it."""
        return f"{self.scope}/{self.name}" if self.scope and self.name else self.name


@dataclass(frozen=True, eq=False)
class Graph:
    """An immutable computation graph. Made by `gradviz.graph`.

    Attributes:
        rows, arguments: the columns, one entry a node.
        distinct_rows: the rows, each once.
        leaf_ids: the ids of the leaves, increasing.
        texts: the names of the named nodes.
        given_tex: the LaTeX of those names, where some was given.
        given: the values of leaves that have one; a number may be a Python float.
        outputs: the ids of the outputs by name, in order.
        looped: whether a node may be a scan.
    """

    rows: tuple[Row, ...]
    arguments: Arguments = field(repr=False)
    leaf_ids: tuple[int, ...]
    texts: Mapping[int, str]
    given_tex: Mapping[int, str]
    given: Mapping[int, Array | float] = field(repr=False)
    outputs: Mapping[str, int]
    distinct_rows: frozenset[Row] = field(repr=False)
    looped: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"Graph({len(self)} nodes, outputs: {', '.join(self.outputs)})"

    @cached_property
    def args(self) -> tuple[tuple[int, ...], ...]:
        """The ids of the arguments of every node."""
        return tuple(self.arguments)

    @cached_property
    def constants(self) -> Mapping[int, Array]:
        """The values of leaves that have one, as arrays and NumPy's scalars."""
        return {index: as_array(value) for index, value in self.given.items()}

    @cached_property
    def names(self) -> Mapping[int, Name]:
        """The names of the named nodes, with their LaTeX."""
        return {index: Name(text, self.given_tex.get(index)) for index, text in self.texts.items()}

    def with_outputs(self, outputs: Mapping[str, int]) -> Graph:
        """Return the same nodes with other outputs."""
        return replace(self, outputs=outputs)

    def with_dtype(self, dtype: np.dtype[Any]) -> Graph:
        """Return the same nodes with values of another floating-point dtype; whole numbers stay what they are."""
        rows = {
            row: Row(row.op, row.attrs, row.shape, dtype, row.scope)
            for row in self.distinct_rows
            if row.dtype.kind == "f" and row.dtype != dtype
        }
        if not rows:
            return self
        made = tuple(rows.get(row, row) for row in self.rows)
        given = {index: np.asarray(value, made[index].dtype) for index, value in self.given.items()}
        return replace(self, rows=made, distinct_rows=frozenset(made), given=given)

    def node(self, index: int) -> Node:
        """Return the node with this id."""
        row = self.rows[index]
        name = self.names.get(index)
        return Node(
            id=index,
            op=row.op,
            args=self.arguments[index],
            attrs=row.attrs,
            name=name.name if name else "",
            tex=name.tex if name else "",
            scope=row.scope,
            shape=row.shape,
            dtype=row.dtype,
            value=self.constants.get(index),
        )

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes, arguments before their uses."""
        return tuple(self.node(index) for index in range(len(self)))

    @cached_property
    def leaves(self) -> tuple[Node, ...]:
        """The parameters, data and constants."""
        return tuple(map(self.node, self.leaf_ids))

    @cached_property
    def paths(self) -> Mapping[str, int]:
        """The ids of the named nodes, by name with scope."""
        paths: Iterable[str] = self.texts.values()
        if any(row.scope for row in self.distinct_rows):
            scopes = [self.rows[index].scope for index in self.texts]
            paths = [f"{scope}/{text}" if scope else text for scope, text in zip(scopes, paths, strict=True)]
        found = dict(zip(paths, self.texts, strict=True))
        if len(found) < len(self.texts):
            path = next(path for path, count in Counter(paths).items() if count > 1)
            first, second, *_ = (index for index, other in zip(self.texts, paths, strict=True) if other == path)
            kinds = " and ".join(
                f"{row.op.name} {row.shape or '(a number)'}" for row in (self.rows[first], self.rows[second])
            )
            raise GraphError(f"two nodes are named {path!r}: {kinds}", hint="give one of them another name")
        return found

    @cached_property
    def _short_names(self) -> Mapping[str, tuple[int, ...]]:
        short: dict[str, tuple[int, ...]] = {}
        for index, text in self.texts.items():
            short[text] = (*short.get(text, ()), index)
        return short

    def find(self, key: object) -> int:
        """Return the id of a node given by id, by name, by name with scope, or by its named handle.

        Raises:
            GraphError: for a name that no node or several nodes have.
        """
        if isinstance(key, Handle) and (path := key.path):
            key = path
        if isinstance(key, Node):
            return key.id
        if isinstance(key, (int, np.integer)) and not isinstance(key, bool) and 0 <= key < len(self):
            return int(key)
        if isinstance(key, str):
            if key in self.paths:
                return self.paths[key]
            if key in self.outputs:
                return self.outputs[key]
            several = self._short_names.get(key, ())
            if len(several) == 1:
                return several[0]
            if several:
                paths = ", ".join(self.node(index).path for index in several)
                raise GraphError(
                    f"{len(several)} nodes are named {key!r}", where=user_location(), hint=f"say which: {paths}"
                )
            names = f"its names are {', '.join(self.paths) or 'none'}"
            hint = did_you_mean(key, [*self.paths, *self.outputs], f"{names}; .named({key!r}) gives a node its name")
            raise NoNodeError(f"the graph has no node named {key!r}", where=user_location(), hint=hint)
        raise NoNodeError(
            f"{key!r} is no node of the graph",
            where=user_location(),
            hint='give it a name, as in .named("loss")'
            if isinstance(key, Handle)
            else f"use a name or an id from 0 to {len(self) - 1}",
        )

    def describe(self, index: int) -> str:
        """Name a node in a sentence: 'score (matmul)', or 'node 7 (exp)' when it has no name."""
        node = self.node(index)
        return f"{node.path or f'node {index}'} ({node.op.name})"

    def edges(self) -> Iterator[tuple[int, int, int]]:
        """Yield (parent, slot, child) for every edge."""
        for parent, args in enumerate(self.args):
            for slot, child in enumerate(args):
                yield parent, slot, child

    @cached_property
    def parents(self) -> tuple[tuple[Edge, ...], ...]:
        """For every node, the edges (parent, slot) by which it is used."""
        found: list[list[Edge]] = [[] for _ in range(len(self))]
        for parent, slot, child in self.edges():
            found[child].append((parent, slot))
        return tuple(tuple(edges) for edges in found)

    def depends_on(self, leaves: frozenset[int]) -> bytearray:
        """Return a flag a node: whether it depends on any of these nodes (or is one)."""
        if leaves.issuperset(self.leaf_ids):
            return bytearray(b"\1") * len(self)
        flags = bytearray(len(self) + 1)  # the last is the flag of an argument that a node does not have
        for index in leaves:
            flags[index] = 1
        more = self.arguments.more
        for index, (first, second) in enumerate(zip(self.arguments.first, self.arguments.second, strict=True)):
            if flags[first] or flags[second] or (index in more and any(flags[arg] for arg in more[index])):
                flags[index] = 1
        return flags[:-1]

    @property
    def all_learned(self) -> bool:
        """Whether every leaf is a parameter."""
        return all(row.op is PARAMETER for row in self.distinct_rows if row.op.leaf)

    @cached_property
    def learned(self) -> frozenset[int]:
        """The leaves that gradients are wanted for: the parameters, or all data (but integers) where there are none."""
        if self.all_learned:
            return frozenset(self.leaf_ids)
        parameters = frozenset([i for i in self.leaf_ids if self.rows[i].op is PARAMETER])
        return parameters or frozenset(
            i for i in self.leaf_ids if self.rows[i].op is DATA and self.rows[i].dtype.kind == "f"
        )
