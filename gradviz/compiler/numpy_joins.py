"""Copies that fill an array part by part are one join, which NumPy does in one call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from gradviz.compiler.instructions import Instruction, Place, Repeat


@dataclass(frozen=True)
class Join:
    """Arrays put one behind another.

    Attributes:
        parts: the arrays.
        axis: along which they are put.
        out: the whole.
    """

    parts: tuple[Place, ...]
    axis: int
    out: Place


def joined(body: Iterable[Instruction | Repeat]) -> Iterator[Instruction | Repeat | Join]:
    """Yield instructions; copies of all parts of an array, one after another, as a join."""
    run: list[Instruction] = []
    for one in body:
        if isinstance(one, Repeat) or not _is_part(one):
            yield from run
            run = []
            yield one
            continue
        if run and one.out.base is not run[0].out.base:
            yield from run
            run = []
        run.append(one)
        made = _join(run)
        if made is not None:
            yield made
            run = []
    yield from run


def _is_part(one: Instruction) -> bool:
    """Whether an instruction copies an array to a part of another one that a join has made."""
    out, source = one.out, one.args[0]
    if one.fn != "copy" or not isinstance(source, Place) or source.shape != out.shape or source.kind == "constant":
        return False
    return source.shape != () and out.kind == "view" and out.fn == "getitem" and out.base is not None


def _join(run: list[Instruction]) -> Join | None:
    """Return what copies do if they fill an array from its beginning to its end."""
    base = run[0].out.base
    assert base is not None
    assert base.sample is not None
    keys = [one.out.attrs[0] for one in run]
    axis = len(keys[0]) - 2
    if axis < 0 or any(len(key) != axis + 2 or key[-1] is not Ellipsis for key in keys):
        return None
    if any(part != slice(None) for key in keys for part in key[:axis]):
        return None
    parts = tuple(one.args[0] for one in run if isinstance(one.args[0], Place))
    single = isinstance(keys[0][axis], int)
    starts = [key[axis] if isinstance(key[axis], int) else key[axis].start for key in keys]
    lengths = [1 if single else part.shape[axis] for part in parts]
    if starts != [sum(lengths[:place]) for place in range(len(run))] or sum(lengths) != base.shape[axis]:
        return None
    if not single:
        return Join(parts, axis, base)
    if axis or not base.contiguous:
        return None
    shape = (base.shape[0] * base.shape[1], *base.shape[2:])
    sample = base.sample.reshape(shape)
    flat = Place("", shape, base.dtype, "view", base=base, fn="reshape", attrs=(shape,), sample=sample)
    return Join(parts, 0, replace(flat, label=_rows(parts)))


def _rows(parts: Iterable[Place]) -> str:
    """Return a name for rows of parameters one below another, "" for other arrays."""
    roots = [part.root for part in parts]
    beginnings = {root.label.partition("_")[0] for root in roots}
    alike = len(beginnings) == 1 and all(root.kind == "parameter" for root in roots)
    return f"{beginnings.pop()}_rows" if alike else ""
