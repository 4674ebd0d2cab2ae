"""The edges of a graph checked: each kind of operation proved once, each edge measured at the point.

Equal operations are one kind. Elementwise ones are measured together, as one array, so that a hundred
thousand scalar nodes take seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy

from gradviz.core.arrays import uniform_value
from gradviz.core.graph import Array, Graph
from gradviz.core.primitive import CONSTANT, Primitive, Shape, attrs_key
from gradviz.errors import error_location
from gradviz.namespaces import numpy as xp
from gradviz.passes.differences import EPSILON, TINY, Slope, measure_slope
from gradviz.passes.limit import TimeIsUpError, time_limit
from gradviz.passes.proof import ArgumentProof, Proof, Verdict
from gradviz.passes.regions import DIGITS, OnBorderError, Region, value_at
from gradviz.passes.values import Column

TOLERANCE = 1e-6
MOST_MEASURED = 200
"""So many nodes of a kind are measured one by one, where that has to be; a proof covers the others."""
_BLOCK = 1 << 16
"""So many entries are measured together; all steps of a large array at once would fill the memory."""


@dataclass
class Kind:
    """Nodes with the same operation, attributes and shapes.

    Attributes:
        op, attrs, shapes: what they share; shapes are those of the arguments.
        fixed: the constant arguments that the proof is for, where the point is outside the domain.
        parents: the nodes.
        proof: what is known of the rule; None before it is sought.
        difference: by slot and parent, rule minus central difference at the point, the largest entry
            in size, in proportion to the derivative where that is above 1; NaN where not measured.
        kink, wrong: by slot and parent, whether the point is at a kink, and whether the numbers differ.
        notes: what else there is to say of an edge.
    """

    op: Primitive
    attrs: Mapping[str, Any]
    shapes: tuple[Shape, ...]
    fixed: Mapping[int, float]
    parents: list[int]
    proof: Proof | None = None
    difference: list[dict[int, float]] = field(default_factory=list)
    kink: list[set[int]] = field(default_factory=list)
    wrong: list[dict[int, str]] = field(default_factory=list)
    notes: dict[tuple[int, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.shapes)
        self.difference = [{} for _ in range(count)]
        self.kink = [set() for _ in range(count)]
        self.wrong = [{} for _ in range(count)]

    def slot_proof(self, slot: int) -> ArgumentProof:
        """Return what is known of the derivative by one argument."""
        assert self.proof is not None
        return self.proof.slots[slot]

    def verdict(self, parent: int, slot: int) -> Verdict:
        """Return the verdict on one edge."""
        if self.slot_proof(slot).verdict == "WRONG" or parent in self.wrong[slot]:
            return "WRONG"
        return "kink" if parent in self.kink[slot] else self.slot_proof(slot).verdict

    def note(self, parent: int, slot: int) -> str:
        """Return what there is to say of one edge, beyond its verdict."""
        if parent in self.wrong[slot] and self.slot_proof(slot).verdict != "WRONG":
            return self.wrong[slot][parent]
        return self.notes.get((parent, slot)) or self.slot_proof(slot).reason


def find_kinds(graph: Graph, values: Column | None) -> list[Kind]:
    """Sort the operations of a graph into kinds.

    Args:
        graph: the graph.
        values: of its nodes; where they lie outside a primitive's domain, the kind is one with its
            constant arguments fixed.
    """
    found: dict[Any, Kind] = {}
    keys: dict[int, Any] = {}
    for index, (row, args) in enumerate(zip(graph.rows, graph.args, strict=True)):
        if row.op.leaf:
            continue
        shapes = tuple(graph.rows[arg].shape for arg in args)
        fixed = _fixed(graph, index, values) if row.op.domain and values is not None else {}
        known = keys.setdefault(id(row), (row.op.name, id(row.op), attrs_key(row.attrs)))
        key = (known, tuple(fixed.items()), None if row.op.elementwise else shapes)
        if key not in found:
            found[key] = Kind(row.op, row.attrs, shapes, fixed, [])
        found[key].parents.append(index)
    return list(found.values())


def _fixed(graph: Graph, index: int, values: Column) -> dict[int, float]:
    """Return the constant arguments of a node that has an argument outside its domain."""
    row, args = graph.rows[index], graph.args[index]
    inside = all(
        np.all((values[arg] > low) & (values[arg] < high)) for arg, (low, high) in zip(args, row.op.domain, strict=True)
    )
    if inside:
        return {}
    numbers = {slot: uniform_value(values[arg]) for slot, arg in enumerate(args) if graph.rows[arg].op is CONSTANT}
    return {slot: float(number) for slot, number in numbers.items() if number is not None}


def checked_slots(graph: Graph, parent: int) -> Iterator[int]:
    """Yield the arguments that are no constants and no integers: the edges there is something to check about."""
    rows = graph.rows
    return (
        slot
        for slot, arg in enumerate(graph.args[parent])
        if rows[arg].op is not CONSTANT and rows[arg].dtype.kind == "f"
    )


def measure(graph: Graph, kind: Kind, values: Column, seed: int) -> None:
    """Measure every edge of a kind at the point; broken rules become notes.

    Args:
        graph: the graph.
        kind: its differences, kinks and wrong edges are filled in.
        values: of all nodes.
        seed: of the random directions for operations that are not elementwise.
    """
    with np.errstate(all="ignore"):
        if kind.op.elementwise:
            _measure_together(graph, kind, values)
        else:
            for parent in kind.parents[:: max(1, len(kind.parents) // MOST_MEASURED)]:
                _measure_one(graph, kind, parent, values, seed)


def _measure_together(graph: Graph, kind: Kind, values: Column) -> None:
    """Measure all nodes of an elementwise kind as one long array."""
    shapes = [graph.rows[parent].shape for parent in kind.parents]
    sizes = [int(np.prod(shape, dtype=int)) for shape in shapes]
    owners = np.repeat(np.arange(len(sizes)), sizes)
    columns = []
    for slot in range(len(kind.shapes)):
        parts = [values[graph.args[parent][slot]] for parent in kind.parents]
        if any(shapes):
            parts = [np.broadcast_to(part, shape).ravel() for part, shape in zip(parts, shapes, strict=True)]
            columns.append(np.concatenate(parts).astype(np.float64))
        else:
            columns.append(np.array(parts, dtype=np.float64))
    assert kind.op.partials is not None
    try:
        value = kind.op.forward(xp, *columns, **kind.attrs)
        claims = [np.broadcast_to(rule(xp, value, *columns, **kind.attrs), owners.shape) for rule in kind.op.partials]
        at_kink = _declared_kink(kind, columns, owners.shape)
    except Exception as error:  # the rule may be a user's
        _broken(graph, kind, kind.parents, error)
        return
    for slot, claimed in enumerate(claims):
        chosen = [
            place
            for place, parent in enumerate(kind.parents)
            if graph.rows[graph.args[parent][slot]].op is not CONSTANT
        ]
        if chosen:
            _compare(kind, slot, claimed, columns, at_kink, owners)


def _declared_kink(kind: Kind, arguments: Sequence[Any], shape: Shape) -> Array:
    if kind.op.kink is None:
        return np.zeros(shape, dtype=bool)
    distance = np.abs(kind.op.kink(xp, *arguments, **kind.attrs))
    return np.asarray(
        np.broadcast_to(distance == 0, shape) if np.ndim(distance) <= len(shape) else np.any(distance == 0)
    )


def _compare(kind: Kind, slot: int, claimed: Array, columns: Sequence[Array], at_kink: Array, owners: Array) -> None:
    """Compare the rule's derivative by one argument with central differences, entry by entry."""
    starts = range(0, max(owners.size, 1), _BLOCK)
    blocks = [[column[start : start + _BLOCK] for column in columns] for start in starts]
    slope = Slope.join([_slope(kind, slot, block) for block in blocks])
    known = np.isfinite(claimed)
    measured = known & slope.trusted
    odd = slope.kink | (slope.trusted & ~slope.agrees(claimed, TOLERANCE))
    kink, doubtful = at_kink.copy(), np.zeros(at_kink.shape, dtype=bool)
    confirmed = True
    for count, place in enumerate(np.flatnonzero(known & ~at_kink & odd)):
        if count < MOST_MEASURED:  # what they all show, the others will show as well
            confirmed = _confirmed(kind, slot, [column[place] for column in columns], claimed[place])
        kink[place] = slope.kink[place] and not confirmed
        doubtful[place] = not slope.kink[place] and not confirmed
    gap = np.where(measured & ~kink, np.abs(claimed - slope.value) / np.maximum(np.abs(slope.value), 1), 0)
    worst = np.zeros(len(kind.parents))
    np.maximum.at(worst, owners, gap)
    has_gap = np.zeros(len(kind.parents), dtype=bool)
    np.logical_or.at(has_gap, owners, measured & ~kink)
    kind.difference[slot] = {
        parent: float(one) for parent, one, is_known in zip(kind.parents, worst, has_gap, strict=True) if is_known
    }
    kind.kink[slot] = {kind.parents[place] for place in np.unique(owners[kink])}
    for place in np.flatnonzero(doubtful):
        parent = kind.parents[owners[place]]
        point = ", ".join(f"{column[place]:.6g}" for column in columns)
        kind.wrong[slot].setdefault(
            parent, f"at {point} the rule gives {claimed[place]:.6g}, differences give {slope.value[place]:.6g}"
        )
    for place in np.flatnonzero(~known | (np.isfinite(slope.error) & ~slope.trusted & ~kink)):
        kind.notes.setdefault((kind.parents[owners[place]], slot), _unmeasured(claimed[place]))


def _slope(kind: Kind, slot: int, columns: Sequence[Array]) -> Slope:
    def moved(h: Any) -> Any:
        return kind.op.forward(xp, *columns[:slot], columns[slot] + h, *columns[slot + 1 :], **kind.attrs)

    return measure_slope(moved, size=np.abs(columns[slot]))


def _unmeasured(claimed: float) -> str:
    if np.isfinite(claimed):
        return "central differences settle on no number at this point"
    return f"the derivative is {claimed} at this point"


def _confirmed(kind: Kind, slot: int, point: Sequence[float], claimed: float) -> bool:
    """Whether SymPy's derivative, worked out with many digits at the point, is the claimed one."""
    proof = kind.proof
    if proof is None or proof.slots[slot].verdict not in ("proved", "sampled"):
        return False
    symbols = [symbol.item() for symbol in proof.symbols]
    place = {
        symbol: sympy.Float(float(one), DIGITS) for symbol, one in zip(symbols, point, strict=True) if symbol.is_Symbol
    }
    with suppress(OnBorderError, TypeError, TimeIsUpError), time_limit(1.0):
        for answer, conditions in proof.slots[slot].answers:
            if all(Region(place).holds(condition) for condition in conditions):
                correct = value_at(answer, place)
                return bool(abs(correct - claimed) <= TOLERANCE * max(abs(correct), abs(claimed)) + TINY)
    return False


def _measure_one(graph: Graph, kind: Kind, parent: int, values: Column, seed: int) -> None:
    """Measure the edges of one node along random directions, for a random adjoint."""
    source = np.random.default_rng((seed, parent))
    inputs = [np.asarray(values[arg], dtype=np.float64) for arg in graph.args[parent]]
    g = source.normal(size=graph.rows[parent].shape)
    try:
        assert kind.op.vjp is not None
        value = kind.op.forward(xp, *inputs, **kind.attrs)
        products = list(kind.op.vjp(xp, g, value, *inputs, **kind.attrs))
        at_kink = bool(np.any(_declared_kink(kind, inputs, ())))
    except Exception as error:  # the rule may be a user's
        _broken(graph, kind, [parent], error)
        return
    for slot in checked_slots(graph, parent):
        direction: Array = np.asarray(source.normal(size=inputs[slot].shape))
        product = products[slot] if slot < len(products) else None
        if product is None or np.shape(product) not in (inputs[slot].shape, ()):
            given = "nothing" if product is None else f"shape {np.shape(product)}"
            kind.wrong[slot][parent] = f"the rule gives {given} for an argument of shape {inputs[slot].shape}"
            continue
        claimed = float(np.sum(product * direction))

        def moved(h: float, slot: int = slot, direction: Array = direction) -> Any:
            changed = [*inputs[:slot], inputs[slot] + h * direction, *inputs[slot + 1 :]]
            return np.sum(g * kind.op.forward(xp, *changed, **kind.attrs))

        size = float(np.max(np.abs(inputs[slot]), initial=0))
        slope = measure_slope(moved, size=size, rounding=EPSILON * float(np.linalg.norm(g * value)))
        if at_kink or (slope.kink and not slope.agrees(claimed, TOLERANCE)):
            kind.kink[slot].add(parent)
        elif not np.isfinite(claimed) or (np.isfinite(slope.error) and not slope.trusted):
            kind.notes[parent, slot] = _unmeasured(claimed)
        elif slope.trusted:
            kind.difference[slot][parent] = abs(claimed - float(slope.value)) / max(abs(float(slope.value)), 1.0)
            proved = kind.slot_proof(slot).verdict in ("proved", "sampled")
            # a proof outweighs a difference, but for what only careless arithmetic can explain
            if not slope.agrees(claimed, 1e-3 if proved else TOLERANCE):
                kind.wrong[slot][parent] = (
                    f"along a random direction the rule gives {claimed:.6g}, differences give {float(slope.value):.6g}"
                )


def _broken(graph: Graph, kind: Kind, parents: Sequence[int], error: Exception) -> None:
    place = error_location(error)
    what = f"{type(error).__name__}: {error}" + (f" ({place})" if place else "")
    for parent in parents:
        for slot in checked_slots(graph, parent):
            kind.wrong[slot][parent] = f"the rule of {kind.op.name} failed: {what}"
