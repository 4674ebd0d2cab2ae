"""What the places of a plan are called in NumPy source.

A name is given when the printed lines first ask for it, so that none is made which nobody needs. Places
without a name of the user's that show the same memory in the same way are one variable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from gradviz.compiler.addresses import memory_of
from gradviz.compiler.instructions import Instruction, Place, Plan, Repeat, loops
from gradviz.compiler.names import Names
from gradviz.compiler.numpy_forms import Forms
from gradviz.compiler.numpy_views import view_text
from gradviz.core.graph import Array


class Places:
    """The variables of a function.

    Args:
        plan: its plan.
        forms: how views are written.
        names: the identifiers; those that are taken already are no variables.
        labels: names for places that have none of the user's.
    """

    def __init__(self, plan: Plan, forms: Forms, names: Names, labels: Mapping[Place, str]) -> None:
        self._plan = plan
        self._forms = forms
        self._names = names
        self._labels = dict(labels)
        self.called: dict[Any, str] = {}
        self._of_steps: set[str] = set()
        self._same: dict[tuple[Place, Any], str] = {}
        """Names by the array, and how it is shown."""
        self._fixed: dict[Place, Any] = {}
        """The keys of places that lines have asked for."""
        self.needed: dict[Any, Place] = {}
        self.roots: dict[Any, set[Place]] = {}
        self.moving: dict[str, str] = {}
        """Views of what is given at every call, which need a line of their own in the function."""
        self.parameters = [self._new(place) for place in plan.parameters.values()]
        self.inputs = [self._new(place) for place in plan.inputs.values()]
        self._labels |= self._changes()
        self._often = _often(plan.body)
        items = [item for loop in loops(plan.body) for item in loop.items]
        self._name_wholes(items)
        steps = [item for item in items if self._label(item)]
        for item in steps:
            self._new(item)
        self._of_steps = {self._label(item) for item in steps}

    def _changes(self) -> dict[Place, str]:
        """Return names for gradients, after the variables of the leaves that they are by."""
        plan = self._plan
        variables = dict(zip((*plan.parameters, *plan.inputs), (*self.parameters, *self.inputs), strict=True))
        parts = Counter(piece.path for piece in plan.pieces)
        found = {}
        for piece in plan.pieces:
            if piece.column is None:
                leaf = variables.get(piece.path, piece.path.rpartition("/")[2])  # one that nothing needs has none
                found[piece.place] = f"d_{leaf}{'_part' if parts[piece.path] > 1 else ''}"
        return found

    def text(self, place: Place) -> str:
        """Return how a place is written in the body."""
        if place.kind == "view" and not place.static and not place.looped:
            if self._often[place] < MANY:
                return self.written(place)
            if self.key(place) not in self.needed:
                text = self.written(place)
                self.moving[self.name(place)] = text
        return self.name(place)

    def name(self, place: Place) -> str:
        """Return the variable of a place, which is needed from now on."""
        key = self._fixed[place] = self.key(place)
        name = self.called.get(key) or self._new(place)
        if self.key(place.root) == key:
            self._fixed[place.root] = key  # whatever else gets a name: this variable is made by the root
            self.needed.setdefault(key, place.root)
        self.needed.setdefault(key, place)
        self.roots.setdefault(key, set()).add(place.root)
        return name

    def new(self, wanted: str) -> str:
        """Return an identifier for something else."""
        return self._names.new(wanted)

    def known(self, root: Place, array: Array) -> str | None:
        """Return the variable that shows some memory, if there is one already."""
        if not root.static:
            return None
        assert root.sample is not None
        memory = (root.home, memory_of(array, root.sample))
        return next((self.called[key] for key in self.needed if key[:2] == memory and key[3:] == ((),)), None)

    def written(self, place: Place) -> str:
        """Return an expression for a place that stands outside of loops."""
        return self.name(place) if self.key(place) in self.needed else self.shown(place, self.needed)[1]

    def shown(self, place: Place, known: Collection[Any]) -> tuple[Place, str]:
        """Return which variable a view is taken of, and the expression."""
        if place.base is None:
            return place, self.name(place)
        for ancestor in ancestors(place):
            others = (self.needed[key] for key in known if place.root in self.roots[key])
            if ancestor.base is None:
                for one in others:
                    together = one.root is place.root and _time(one) == _time(place)
                    if together and (shown := _text_of(one, place)) is not None:
                        return one, self.name(one) + shown
            if ancestor.base is None or self.key(ancestor) in known:
                shown = _text_of(ancestor, place)
                if shown is not None:
                    return ancestor, self.name(ancestor) + shown
        nearest = place.base
        base, text = (nearest, self.name(nearest)) if self.key(nearest) in known else self.shown(nearest, known)
        return base, self._forms.view(place.fn, text, place.attrs, len(place.shape))

    def key(self, place: Place) -> Any:
        """Return what places share that are one variable."""
        root = place.root
        if place in self._fixed:
            return self._fixed[place]
        if place.kind in ("parameter", "input", "constant", "scalar", "fresh") or not (place.looped or root.static):
            return (place,)
        assert place.sample is not None
        assert root.sample is not None
        time = _time(place)
        memory, label = memory_of(place.sample, root.sample), self._label(place)
        key = (root.home, memory, label, time)
        if label or time or key in self.called:
            return key
        return (root.home, memory, self._same.get((root, memory), ""), time)

    def _name_wholes(self, items: Iterable[Place]) -> None:
        """Let the values of all steps be called after the value of one, and the other way round."""
        for item in items:
            if item.kind == "item" and item.base is not None and self._label(item) and not self._label(item.base):
                self._labels[item.base] = f"{self._label(item)}_all"
        for item in items:
            whole = "" if item.base is None or item.kind != "item" else self._label(item.base)
            if whole.endswith("_all") and not self._label(item):
                self._labels[item] = whole.removesuffix("_all")

    def _label(self, place: Place) -> str:
        return place.label or self._labels.get(place, "")

    def _new(self, place: Place) -> str:
        key, label = self.key(place), self._label(place)
        if key not in self.called:
            if place.kind == "constant":
                name = self._names.new(place.name)
            elif label in self._of_steps and not place.looped:
                name = self._names.new(f"{label}_all")
            elif label:
                name = self._names.new(label)
                if len(key) > 1 and not place.looped:
                    self._same[place.root, key[1]] = label
            elif place.base is not None and place.root.kind in ("parameter", "input", "constant"):
                turned = "_T" if place.fn == "transpose" and place.base is place.root else ""
                name = self._names.new(f"{self.name(place.root)}{turned}")
            else:
                name = self._names.letter()
            self.called[key] = name
        return self.called[key]


def ancestors(place: Place) -> list[Place]:
    """Return what a view is a view of, the nearest first."""
    return [] if place.base is None else [place.base, *ancestors(place.base)]


def _time(place: Place) -> tuple[Any, ...]:
    """Return at which step of which array a place stands; () where it is the same at all steps."""
    item: Place | None = place
    while item is not None and item.kind != "item":
        item = item.base
    return () if item is None else (item.base, item.shift, item.period)


def _text_of(base: Place, place: Place) -> str | None:
    assert base.sample is not None
    assert place.sample is not None
    return view_text(base.sample, place.sample)


MANY = 2
"""A view of an input that is used so often gets a line of its own."""


def _often(body: Iterable[Instruction | Repeat], weight: int = 1) -> Counter[Place]:
    """Count how often places are used; within a loop is often."""
    found: Counter[Place] = Counter()
    for one in body:
        if isinstance(one, Repeat):
            found += _often(one.body, MANY)
        else:
            for place in (*one.args, one.out):
                if isinstance(place, Place):
                    found[place] += weight
    return found
