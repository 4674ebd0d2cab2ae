"""What the places of a plan are called in NumPy source, and the lines that make them.

A name is given when the printed lines first ask for it, so that none is made which nobody needs. Places
without a name of the user's that show the same memory in the same way are one variable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from gradviz.compiler.instructions import Block, Instruction, Place, Plan, Repeat, size
from gradviz.compiler.names import Names
from gradviz.compiler.numpy_constants import constant_text, dtype_name
from gradviz.compiler.numpy_forms import Forms
from gradviz.compiler.numpy_text import assigned
from gradviz.compiler.numpy_views import memory_of, view_text
from gradviz.core.graph import Array

ROOM = '''
def room(memory, *shape):
    """Return the beginning of some memory as an array; what is not needed at the same time may share it."""
    return memory[: math.prod(shape)].reshape(shape)
'''


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
        self._labels = labels
        self._called: dict[Any, str] = {}
        self._of_steps: set[str] = set()
        self._needed: dict[Any, Place] = {}
        self._roots: dict[Any, set[Place]] = {}
        self._whole: set[Any] = set()
        """Views that are made as buffers, since nobody needs what they show all of."""
        self.moving: dict[str, str] = {}
        """Views of what is given at every call, which need a line of their own in the function."""
        self.parameters = [self._new(place) for place in plan.parameters.values()]
        self.inputs = [self._new(place) for place in plan.inputs.values()]
        self._often = _often(plan.body)
        steps = [item for loop in _loops(plan.body) for item in loop.items if item.label]
        for item in steps:
            self._new(item)
        self._of_steps = {item.label for item in steps}

    def text(self, place: Place) -> str:
        """Return how a place is written in the body."""
        if place.kind == "view" and not place.static and not place.looped:
            if self._often[place] < MANY:
                return self.written(place)
            if self.key(place) not in self._needed:
                text = self.written(place)
                self.moving[self.name(place)] = text
        return self.name(place)

    def name(self, place: Place) -> str:
        """Return the variable of a place, which is needed from now on."""
        key = self.key(place)
        name = self._called.get(key) or self._new(place)
        self._needed.setdefault(key, place.root if self.key(place.root) == key else place)
        self._roots.setdefault(key, set()).add(place.root)
        return name

    def new(self, wanted: str) -> str:
        """Return an identifier for something else."""
        return self._names.new(wanted)

    def called(self, root: Place, array: Array) -> str | None:
        """Return the variable that shows some memory, if there is one already."""
        if not root.static:
            return None
        assert root.sample is not None
        memory = (root.block or root, memory_of(array, root.sample))
        return next((self._called[key] for key in self._needed if key[:2] == memory and key[3:] == ((),)), None)

    def written(self, place: Place) -> str:
        """Return an expression for a place that stands outside of loops."""
        return self.name(place) if self.key(place) in self._needed else self._shown(place, self._needed)[1]

    def _shown(self, place: Place, known: Collection[Any]) -> tuple[str, str]:
        """Return which variable a view is taken of, and the expression."""
        if place.base is None:
            return self.name(place), self.name(place)
        ancestor: Place | None = place.base
        while ancestor is not None:
            if ancestor.base is None:
                for key in known:
                    if place.root in self._roots[key] and (shown := _text_of(self._needed[key], place)) is not None:
                        return self._called[key], self._called[key] + shown
            if ancestor.base is None or self.key(ancestor) in known:
                shown = _text_of(ancestor, place)
                if shown is not None:
                    return self.name(ancestor), self.name(ancestor) + shown
            ancestor = ancestor.base
        nearest = place.base
        name, text = (self.name(nearest),) * 2 if self.key(nearest) in known else self._shown(nearest, known)
        return name, self._forms.view(place.fn, text, place.attrs, len(place.shape))

    def key(self, place: Place) -> Any:
        """Return what places share that are one variable."""
        root = place.root
        if place.kind in ("parameter", "input", "constant", "scalar", "fresh") or not (place.looped or root.static):
            return (place,)
        item: Place | None = place
        while item is not None and item.kind != "item":
            item = item.base
        assert place.sample is not None
        assert root.sample is not None
        time = () if item is None else (item.base, item.shift, item.period)
        return (root.block or root, memory_of(place.sample, root.sample), self._label(place), time)

    def setup(self) -> Iterator[str]:
        """Yield the lines that make what was asked for, outside of loops."""
        self._find_whole()
        views = self._views()
        yield from self._constants()
        yield from self._memory()
        yield from views

    def _label(self, place: Place) -> str:
        return place.label or self._labels.get(place, "")

    def _new(self, place: Place) -> str:
        key, label = self.key(place), self._label(place)
        if key not in self._called:
            if place.kind == "constant":
                name = self._names.new(place.name)
            elif label in self._of_steps and not place.looped:
                name = self._names.new(f"{label}_all")
            elif label:
                name = self._names.new(label)
            elif place.base is not None and place.root.kind in ("parameter", "input", "constant"):
                name = self._names.new(self.name(place.root))
            else:
                name = self._names.letter()
            self._called[key] = name
        return self._called[key]

    def _find_whole(self) -> None:
        """Make those views buffers that show all of one which nobody needs itself."""
        for key, place in self._needed.items():
            alone = place.root.kind == "buffer" and self._roots[key].isdisjoint(self._done())
            if place.kind == "view" and not place.looped and alone and _is_whole(place):
                self._whole.add(key)

    def _done(self) -> set[Place]:
        """Return the buffers that there is a variable of."""
        return {
            root for key, place in self._needed.items() if place.kind == "buffer" or key in self._whole
            for root in self._roots[key]
        }  # fmt: skip

    def _asked(self, kind: str) -> list[Place]:
        found = [(key, place) for key, place in self._needed.items() if place.static and not place.looped]
        return [place for key, place in found if ("buffer" if key in self._whole else place.kind) == kind]

    def _constants(self) -> Iterator[str]:
        places = self._asked("constant")
        texts = [constant_text(place.value, place.dtype) for place in places]
        yield from assigned([self.name(place) for place in places], texts)

    def _memory(self) -> Iterator[str]:
        """Yield the lines of buffers."""
        users: dict[Block, list[Place]] = {}
        for place in self._asked("buffer"):
            assert place.root.block is not None
            users.setdefault(place.root.block, []).append(place)
        pools: dict[np.dtype[Any], list[Block]] = {}
        texts: dict[str, str] = {}
        for block, places in users.items():
            first = places[0]
            if len(places) == 1 and size(first.shape) == block.length:
                shape = first.shape[0] if len(first.shape) == 1 else first.shape
                texts[self.name(first)] = f"np.empty({shape}, {dtype_name(block.dtype)})"
            else:
                pools.setdefault(block.dtype, []).append(block)
        for dtype, blocks in pools.items():
            memory = self._names.new("memory")
            lengths = ", ".join(str(block.length) for block in blocks)
            yield f"{memory} = [np.empty(n, {dtype_name(dtype)}) for n in ({lengths},)]"
            for number, block in enumerate(blocks):
                for place in users[block]:
                    axes = "".join(f", {length}" for length in place.shape)
                    texts[self.name(place)] = f"room({memory}[{number}]{axes})"
        yield from assigned(list(texts), list(texts.values()))

    def _views(self) -> list[str]:
        """Return the lines of static views, those of one array together; bases come first."""
        defined: dict[Any, int] = {}
        groups: dict[tuple[int, str], tuple[list[str], list[str]]] = {}
        for place in sorted(self._asked("view"), key=_depth):
            base, text = self._shown(place, defined)
            level = 1 + max((at for key, at in defined.items() if self._called[key] == base), default=0)
            defined[self.key(place)] = level
            names, texts = groups.setdefault((level, base), ([], []))
            names.append(self.name(place))
            texts.append(text)
        lines = []
        for level in sorted({level for level, _ in groups}):
            found = [group for (at, _), group in groups.items() if at == level]
            lines += assigned(
                [name for names, _ in found for name in names], [text for _, texts in found for text in texts]
            )
        return lines


def _is_whole(place: Place) -> bool:
    assert place.sample is not None
    assert place.root.sample is not None
    begins = memory_of(place.sample, place.root.sample)[0] == 0
    return begins and place.sample.size == place.root.sample.size and place.contiguous


def _text_of(base: Place, place: Place) -> str | None:
    assert base.sample is not None
    assert place.sample is not None
    return view_text(base.sample, place.sample) if base.root is place.root else None


def _depth(place: Place) -> int:
    return 0 if place.base is None else 1 + _depth(place.base)


MANY = 2
"""A view of an input that is used so often gets a line of its own."""


def _loops(body: Iterable[Instruction | Repeat]) -> Iterator[Repeat]:
    for one in body:
        if isinstance(one, Repeat):
            yield one
            yield from _loops(one.body)


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
