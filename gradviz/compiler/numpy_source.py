"""A plan as NumPy source that stands alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradviz.compiler.instructions import Instruction, Place, Plan, Repeat, walk
from gradviz.compiler.numpy_forms import Forms, array, dtype_name

INDENT = "    "


class NumpyPrinter:
    """Prints the functions of a layer.

    Attributes:
        forms: how instructions are printed, and what they need.
    """

    def __init__(self) -> None:
        self.forms = Forms()

    def function(self, name: str, plan: Plan, says: str) -> list[str]:
        """Return the lines of a function that takes the parameters and returns the function to be called."""
        lines = [f"def make_{name}({', '.join(place.name for place in plan.parameters.values())}):"]
        lines.append(f'{INDENT}"""{says}"""')
        lines += [INDENT + line for line in self._memory(plan)]
        steps: list[str] = []
        inner: list[str] = []
        self._body(plan.body, inner, steps)
        inputs = list(plan.inputs.values())
        moving = [place for place in plan.places if place.kind == "view" and not place.static]
        lines += [INDENT + line for line in steps]
        lines.append("")
        lines.append(f"{INDENT}def {name}({', '.join(place.name for place in inputs)}):")
        body = [f"{place.name} = {self._view(place)}" for place in moving] + inner
        body.append(f"return {', '.join(place.name for place in plan.outputs.values())},")
        lines += [2 * INDENT + line for line in body]
        lines += ["", f"{INDENT}return {name}"]
        return lines

    def merge(self, other: NumpyPrinter) -> None:
        """Take along what the lines of another printer need."""
        self.forms.functions |= other.forms.functions
        self.forms.helpers |= other.forms.helpers

    def header(self) -> list[str]:
        """Return the imports and helpers that the printed functions need."""
        lines = ["from __future__ import annotations", ""]
        lines += ["import math", ""] if any("math." in text for text in self.forms.helpers.values()) else []
        lines += ["import numpy as np"]
        if self.forms.functions:
            lines.append(f"from numpy import {', '.join(sorted(self.forms.functions))}")
        for text in self.forms.helpers.values():
            lines += ["", "", *text.rstrip().splitlines()]
        return lines

    def _memory(self, plan: Plan) -> Iterator[str]:
        for place in plan.constants:
            yield f"{place.name} = {array(place)}"
        used = {one.block for one in plan.places if one.kind == "buffer"}
        for block in plan.blocks:
            if block in used:
                yield f"{block.name} = np.empty({block.length}, {dtype_name(block.dtype)})"
        for place in plan.places:
            if place.kind == "buffer" and place.block is not None:
                whole = place.block.name
                length = int(np.prod(place.shape, dtype=int))
                cut = whole if length == place.block.length else f"{whole}[:{length}]"
                yield f"{place.name} = {cut}" + ("" if place.shape == (length,) else f".reshape({place.shape})")
            elif place.kind == "view" and place.static:
                yield f"{place.name} = {self._view(place)}"

    def _view(self, place: Place) -> str:
        assert place.base is not None
        return self.forms.view(place.fn, place.base.name, place.attrs, len(place.shape))

    def _body(self, body: tuple[Instruction | Repeat, ...], lines: list[str], setup: list[str]) -> None:
        for one in body:
            if isinstance(one, Repeat):
                self._loop(one, lines, setup)
            else:
                printed = self.forms.lines(one)
                comment = f"  # {_comment(one.says)}" if one.says else ""
                lines += [*printed[:-1], printed[-1] + comment] if printed else []

    def _loop(self, loop: Repeat, lines: list[str], setup: list[str]) -> None:
        inner: list[str] = []
        self._body(loop.body, inner, setup)
        used = _used(loop)
        names = [item.name for item in loop.items if item in used]
        if not loop.length or not inner:
            return
        steps = f"{names[0] if names else 'step'}_in_turn"
        where = setup if all(item.static for item in loop.items if _needed(item, loop, used)) else lines
        times = f"range({loop.length})"
        where.append(f"{steps} = []")
        where.append(f"for t in {f'reversed({times})' if loop.reverse else times}:")
        for item in loop.items:
            if _needed(item, loop, used):
                where.append(f"{INDENT}{item.name} = {self._item(item)}")
        where.append(f"{INDENT}{steps}.append(({', '.join(names)},))")
        lines.append(f"for {', '.join(names)}, in {steps}:" if names else f"for _ in {steps}:")
        lines += [INDENT + line for line in inner]

    def _item(self, item: Place) -> str:
        if item.kind == "view":
            return self._view(item)
        assert item.base is not None
        at = f"t + {item.shift}" if item.shift else "t"
        at = f"({at}) % {item.period}" if item.period else at
        return f"{item.base.name}[{at}{', ...' if item.shape == () else ''}]"


def _used(loop: Repeat) -> set[Place]:
    found: set[Place] = set()
    for one in walk(loop.body):
        found.update(place for place in (*one.args, one.out) if isinstance(place, Place))
    inner = (one for one in loop.body if isinstance(one, Repeat))
    found.update(item.base for one in inner for item in one.items if item.base is not None)
    return found


def _needed(item: Place, loop: Repeat, used: set[Place]) -> bool:
    """Whether an item is used itself, or shown by one that is."""
    return item in used or any(other.base is item and _needed(other, loop, used) for other in loop.items)


def _comment(text: str) -> str:
    return " ".join(text.split())[:60]
