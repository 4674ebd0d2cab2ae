"""What a printed loop goes along: a list of the views of each step, made once and not at every call."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gradviz.compiler.instructions import Place, Repeat
from gradviz.compiler.numpy_forms import Forms
from gradviz.compiler.numpy_places import Places
from gradviz.compiler.numpy_text import WIDTH, tuple_text
from gradviz.compiler.numpy_views import view_text
from gradviz.core.graph import Array
from gradviz.namespaces import numpy as numbers


class Steps:
    """Prints what loops go along.

    Args:
        places: the variables.
        forms: how views are written.
        text: how a place is written in the body.

    Attributes:
        setup: the lines to be put before the function.
    """

    def __init__(self, places: Places, forms: Forms, text: Callable[[Place], str]) -> None:
        self._places = places
        self._text = text
        self._forms = forms
        self.setup: list[str] = []

    def header(self, loop: Repeat, used: Sequence[Place]) -> str:
        """Return the line that begins a loop which uses these items."""
        if not used:
            return f"for _ in range({loop.length}):"
        static = [item for item in used if _stays(item)]
        moving = [item for item in used if not _stays(item)]
        targets = [self._places.name(item) for item in moving]
        texts = [self._column(item, loop.length) + ("[::-1]" if loop.reverse else "") for item in moving]
        if static:
            steps = self._places.new("steps_back" if loop.reverse else "steps")
            self.setup.append(f"{steps} = {self._listed(static, loop)}")
            targets.insert(0, self._targets(static, moving))
            texts.insert(0, steps)
        if len(targets) == 1:
            return f"for {targets[0]} in {texts[0]}:"
        return f"for {', '.join(targets)} in zip({', '.join(texts)}):"

    def _targets(self, items: Sequence[Place], moving: Sequence[Place]) -> str:
        names = [self._places.name(item) for item in items]
        long = len(", ".join(names)) > WIDTH // 2
        return tuple_text(names) if len(names) == 1 or long or moving else ", ".join(names)

    def _listed(self, items: Sequence[Place], loop: Repeat) -> str:
        """Return a list of what does not change its place from call to call, step by step."""
        text = f"zip({', '.join(self._column(item, loop.length) for item in items)})"
        if all(item_of(item).period for item in items):
            text = f"islice({text}, {loop.length})"
        return f"list({text}){'[::-1]' if loop.reverse else ''}"

    def _column(self, place: Place, length: int) -> str:
        """Return an expression that gives a place step by step, in the order of time."""
        text, shown = self._lifted(place, length)
        item = item_of(place)
        entries = item.period or length
        if shown is not None and shown.ndim == 1:
            text = f"[{text}[t, ...] for t in range({entries})]"  # arrays of no axes, and no numbers
        if not item.period:
            return text
        return f"cycle({text if item.shift % item.period == 0 else f'{text}[::-1]'})"

    def _lifted(self, place: Place, length: int) -> tuple[str, Array | None]:
        """Return an array of the values at all steps; or an expression of a list of them, and None."""
        assert place.base is not None
        if place.kind == "item":
            whole = place.base
            assert whole.sample is not None
            text = self._whole(whole)
            if place.period:
                return text, whole.sample
            steps = whole.sample[place.shift : place.shift + length]
            if not steps.size:  # arrays without elements are nowhere in memory
                return f"{text}[{place.shift}:{place.shift + length}]", steps
            return self._seen(whole, whole, text, steps)
        text, array = self._lifted(place.base, length)
        if array is not None:
            shown = _lift(place, array)
            if shown is not None:
                item = item_of(place)
                assert item.base is not None
                return self._seen(place, item.base, text, shown, array)
        rows = f"[{text}[t, ...] for t in range({len(array)})]" if array is not None and array.ndim == 1 else text
        return f"[{self._forms.view(place.fn, 'row', place.attrs, len(place.shape))} for row in {rows}]", None

    def _seen(
        self, place: Place, whole: Place, text: str, shown: Array, base: Array | None = None
    ) -> tuple[str, Array | None]:
        """Return how an array of all steps is written: as a variable, as a part of the whole, or of another one."""
        known = None if whole.looped else self._places.known(whole.root, shown)  # of an outer loop: its first step
        if known is not None:
            return known, shown
        assert whole.sample is not None
        behind = view_text(whole.sample, shown)
        if behind is not None:
            return self._whole(whole) + behind, shown
        behind = None if base is None else view_text(base, shown)
        if behind is not None:
            return text + behind, shown
        if place.kind == "item":
            return text, shown
        fn, attrs = _lifted_view(place, len(shown))
        return self._forms.view(fn, text, attrs, shown.ndim), shown

    def _whole(self, place: Place) -> str:
        return self._text(place) if place.looped else self._places.written(place)


def item_of(place: Place) -> Place:
    """Return the item of a loop that a view shows, or the item itself."""
    while place.kind != "item":
        assert place.base is not None
        place = place.base
    return place


def _stays(place: Place) -> bool:
    """Whether an item is part of the same memory at every call, and in a loop within a loop at every step of that."""
    base = item_of(place).base
    return place.static and base is not None and not base.looped


def _lifted_view(place: Place, length: int) -> tuple[str, tuple[object, ...]]:
    """Return the view of all steps that is this view at each."""
    (first, *rest) = place.attrs
    if place.fn == "getitem":
        return place.fn, ((slice(None), *first),)
    if place.fn == "reshape":
        return place.fn, ((length, *first),)
    if place.fn == "transpose":
        return place.fn, ((0, *(axis + 1 for axis in first)),)
    if place.fn == "flip":
        return place.fn, (tuple(axis + 1 for axis in first),)
    return place.fn, (first, *rest)


def _lift(place: Place, array: Array) -> Array | None:
    """Return a view of all steps that shows at each what a place does; None if there is none."""
    if place.fn == "broadcast_to":
        return None
    fn, attrs = _lifted_view(place, len(array))
    shown = np.asarray(getattr(numbers, fn)(array, *attrs))
    return shown if np.may_share_memory(shown, array) and shown.shape == (len(array), *place.shape) else None
