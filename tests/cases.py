"""Every primitive with attributes and shapes that exercise it: what is proved, mutated and listed in the docs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradviz as gv
import gradviz.ops  # fills the registry
from gradviz.core.primitive import REGISTRY, Primitive


@dataclass(frozen=True)
class Case:
    """A primitive applied to arguments of some shapes."""

    op: Primitive
    attrs: dict[str, Any]
    shapes: tuple[tuple[int, ...], ...]

    def __str__(self) -> str:
        shown = ", ".join("number" if not shape else "×".join(map(str, shape)) for shape in self.shapes)
        return f"{self.op.name}({shown})"


def _of(node: gv.Expr) -> Case:
    graph = gv.graph(node)
    row = graph.rows[-1]
    return Case(row.op, dict(row.attrs), tuple(graph.rows[arg].shape for arg in graph.args[-1]))


def cases() -> list[Case]:
    """Return them all, every primitive of the library at least once."""
    attrs = {"clip": {"low": -0.5, "high": 0.5}}
    found = [
        Case(op, attrs.get(name, {}), ((),) * len(op.partials))
        for name, op in sorted(REGISTRY.items())
        if op.elementwise and op.forward.__module__.startswith("gradviz")
    ]
    v, w, u = gv.data("v", shape=3), gv.data("w", shape=2), gv.data("u", shape=3)
    a, b = gv.data("A", shape=(2, 3)), gv.data("B", shape=(3, 4))
    square, tensor = gv.data("S", shape=(3, 3)), gv.data("T", shape=(2, 2, 3))
    nodes = [v @ u, a @ v, w @ a, a @ b, tensor @ b, w @ gv.data("U", shape=(3, 2, 2)), gv.outer(v, w)]
    nodes += [gv.einsum("ij,jk->ik", a, b), gv.einsum("ii->i", square), gv.einsum("i,j->", v, w)]
    nodes += [gv.einsum("a,ab,abc->c", w, a, gv.data("C", shape=(2, 3, 2))), gv.einsum("ij->i", a)]
    for name in "sum mean max min prod var std norm logsumexp".split():
        reduce = getattr(gv, name)
        nodes += [reduce(v), reduce(a, axis=0), reduce(a, axis=1, keepdims=True)]
    nodes += [gv.var(v, ddof=1), gv.std(a, axis=1, ddof=1)]
    for name in "softmax log_softmax cumsum".split():
        nodes += [getattr(gv, name)(v, axis=0), getattr(gv, name)(a, axis=0), getattr(gv, name)(a, axis=1)]
    nodes += [gv.reshape(a, (3, 2)), a.T, gv.transpose(tensor, (1, 2, 0)), gv.expand_dims(a, 1)]
    nodes += [gv.squeeze(gv.data("q", shape=(2, 1, 3)), 1), gv.broadcast_to(v, (2, 3)), gv.flip(a), gv.flip(a, 1)]
    nodes += [gv.concatenate([a, square], 0), gv.stack([v, u]), gv.stack([v, u], 1), gv.pad(a, ((1, 0), (0, 2)))]
    nodes += [a[1], a[:, ::-2], a[[0, 1, 1, 0], 1:], a[..., None, -1], a[:, [True, False, True]]]
    nodes += [gv.scatter(v, ([0, 1, 1], [2, 0, 0]), (2, 3)), gv.scatter(a, 1, (2, 2, 3))]
    few, one = gv.data("few", shape=(2, 2), dtype=int), gv.data("one", shape=(), dtype=int)
    nodes += [gv.take(a, few, axis=0), gv.take(v, one), gv.one_hot(few, 3), gv.segment_sum(tensor, few, 3)]
    nodes += [gv.windows(v, 2), gv.windows(gv.data("X", shape=(2, 4, 5)), (2, 3), stride=(2, 1), dilation=(1, 2))]
    nodes += [gv.fold(a, 4), gv.fold(gv.data("P", shape=(2, 1, 1, 2, 2)), (4, 3), stride=2, dilation=(2, 1))]
    nodes += [gv.scan(lambda x, h: gv.sin(x * h), u, 0.5), gv.scan(lambda x, h: x * h, u, 0.5, reverse=True)]
    return found + list(map(_of, nodes))


def choose(case: Case, rng: Any, *times: int) -> dict[int, Any]:
    """Draw the arguments that are indices, by place, so many times."""
    return {
        place: rng.integers(count(*case.shapes, **case.attrs), size=(*times, *case.shapes[place]))
        for place, count in case.op.indices.items()
    }


def graph_of(case: Case, rng: Any) -> gv.Graph:
    """Return the graph of a primitive alone, with random parameters; indices are constants."""
    args = [gv.param(f"p{place}", rng.uniform(0.2, 0.8, shape)) for place, shape in enumerate(case.shapes)]
    for place, indices in choose(case, rng).items():
        args[place] = gv.constant(indices, dtype=int)
    return gv.graph(y=case.op(*args, **case.attrs))
