"""The body of a function: instructions as statements that read like formulas, with the formulas as comments.

A value that is used once, by what comes next, is written where it is used. Copies side by side are one join.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gradviz.compiler.formulas import INFIX, atom, formula
from gradviz.compiler.instructions import REDUCTIONS, Instruction, Place, Plan, Repeat, loops, walk
from gradviz.compiler.numpy_constants import numbers_of
from gradviz.compiler.numpy_forms import UFUNCS, Forms
from gradviz.compiler.numpy_joins import Join, joined
from gradviz.compiler.numpy_loops import Steps, item_of
from gradviz.compiler.numpy_places import Places
from gradviz.compiler.numpy_text import INDENT, WIDTH, tuple_text
from gradviz.core.arrays import uniform_value

MOST_WITHIN = 4
"""Instructions in one statement."""
LONGEST = 92
"""Characters of a statement with others within."""


@dataclass(frozen=True)
class Statement:
    """A printed instruction.

    Attributes:
        lines: its lines; of one line if it can stand within another.
        one: the instruction; None for a loop or a join.
        value: its last line as an expression of the result, "" if it is none.
        formula, binding: what it computes, as mathematics, and how strongly its operator binds.
        within: how many instructions it holds.
        told: lines before it.
    """

    lines: tuple[str, ...]
    one: Instruction | None = None
    value: str = ""
    formula: str = ""
    binding: int = 9
    within: int = 1
    told: tuple[str, ...] = ()


class Statements:
    """Prints the instructions of a plan.

    Args:
        plan: the plan.
        places: the variables.
        forms: how instructions are written.
        formulas: of the user's nodes, by name, in their order.
    """

    def __init__(self, plan: Plan, places: Places, forms: Forms, formulas: Mapping[str, Iterable[str]]) -> None:
        self._places = places
        self._forms = forms
        self._formulas = {name: list(texts) for name, texts in formulas.items()}
        self.steps = Steps(places, forms, self._text)
        self._used: list[tuple[frozenset[Place], dict[object, Place]]] = []
        """For each loop that is open, its items, and those that were used."""
        self._uses = Counter(arg for one in walk(plan.body) for arg in one.args if isinstance(arg, Place))
        self._kept = {*plan.outputs.values(), *(place for piece in plan.pieces for place in piece.places)}
        self._shown: dict[Place, list[Place]] = {}
        for place in (*plan.places, *(item for loop in loops(plan.body) for item in loop.items)):
            base = place.base
            while base is not None:
                self._shown.setdefault(base, []).append(place)
                base = base.base
        self._told = False
        """Whether it was said what joins of parameters are for."""
        self.tuples: list[str] = []
        """Lines that make tuples of views, to be put before the function."""

    def lines(self, body: Iterable[Instruction | Repeat]) -> list[str]:
        """Return the lines of instructions."""
        found: list[Statement] = []
        for one in joined(body):
            if isinstance(one, Repeat):
                found += self._loop(one)
            elif isinstance(one, Join):
                found.append(self._joined(one))
            else:
                self._add(one, found)
        return [line for statement in found for line in self._commented(statement)]

    def _text(self, place: Place) -> str:
        if place.looped:
            for items, used in self._used:
                if item_of(place) in items:
                    used.setdefault(self._places.key(place), place)
        return self._places.text(place)

    def _add(self, one: Instruction, found: list[Statement]) -> None:
        """Print an instruction, the statements before it within it where these are its operands."""
        inner: dict[int, Statement] = {}
        last, count = len(found), 1
        for slot in reversed(range(len(one.args))):
            arg = one.args[slot]
            if not (isinstance(arg, Place) and last and found[last - 1].one is not None):
                continue
            before = found[last - 1]
            fits = before.value and self._is_used_once(arg) and count + before.within <= MOST_WITHIN
            if before.one is not None and before.one.out is arg and fits:
                last, count = last - 1, count + before.within
                inner[slot] = before
        statement = self._statement(one, inner)
        if inner and (len(statement.lines) > 1 or len(statement.lines[0]) > LONGEST):
            statement = self._statement(one, {})
        else:
            del found[last:]
        label = self._said(one)
        found.append(replace(statement, told=(*(told for one in inner.values() for told in one.told), *label)))

    def _statement(self, one: Instruction, inner: Mapping[int, Statement]) -> Statement:
        filled = _number(one.args[0]) if one.fn == "copy" and isinstance(one.args[0], Place) else ""
        if filled:
            inline = one.out.static and not self._used
            out = self._places.written(one.out) if inline else self._text(one.out)
            return Statement((f"{out}.fill({filled})",), one)
        args, formulas = [], []
        for slot, arg in enumerate(one.args):
            if slot in inner:
                loose = _is_infix(inner[slot].one)
                args.append(f"({inner[slot].value})" if loose else inner[slot].value)
                formulas.append((inner[slot].formula, inner[slot].binding))
            elif isinstance(arg, Place):
                args.append(self._text(arg))
                formulas.append(atom(_number(arg) or args[-1]))
            else:
                args.append(repr(arg))
                formulas.append(atom(args[-1]))
        out = self._text(one.out)
        lines = self._forms.lines(one, args, out)
        value = ""
        if self._forms.gives(one) and len(lines) == 1:
            value = lines[0].removeprefix(f"{out} = ") if one.out.kind in ("scalar", "fresh") else lines[0]
        told = _is_mathematics(one) and all(text for text, _ in formulas)
        text, binding = formula(one.fn, formulas) if told else atom("")
        within = 1 + sum(statement.within for statement in inner.values())
        return Statement(tuple(lines), one, value, text, binding, within)

    def _is_used_once(self, place: Place) -> bool:
        plain = place not in self._kept and not place.label and place not in self._shown
        base = place.base
        turned = place.fn == "transpose" and base is not None and base.kind == "buffer" and self._shown[base] == [place]
        return plain and self._uses[place] == 1 and (turned or place.kind in ("buffer", "scalar", "fresh"))

    def _said(self, one: Instruction) -> list[str]:
        """Return the user's formulas of what an instruction computes, each once."""
        found = []
        for place in (one.out, *self._shown.get(one.out, ())):
            waiting = self._formulas.get(place.label)
            if waiting:
                found.append(f"# {place.label} = {waiting.pop(0)}")
        halved = one.fn == "add" and any(isinstance(arg, Place) and _number(arg) == "0.5" for arg in one.args)
        if halved and found and all(" = σ(" in line for line in found):
            found[-1] += ", where σ(z) = tanh(z / 2) / 2 + 1 / 2"
        return found

    def _commented(self, statement: Statement) -> list[str]:
        """Return the lines of a statement with what it computes."""
        lines, one = list(statement.lines), statement.one
        if statement.told:
            return [*statement.told, *lines]
        if one is None or not statement.formula or (statement.within == 1 and not one.says):
            return lines
        name = self._places.name(one.out)
        comment = f"# {statement.formula}" if lines[-1].startswith(f"{name} = ") else f"# {name} = {statement.formula}"
        if len(lines[-1]) + len(comment) + 2 <= WIDTH:
            return [*lines[:-1], f"{lines[-1]}  {comment}"]
        return [comment, *lines] if len(comment) <= WIDTH else lines

    def _joined(self, join: Join) -> Statement:
        parts = [
            self._places.written(part) if part.static and not part.looped else self._text(part) for part in join.parts
        ]
        text = tuple_text(parts)
        told = []
        if all(part.static and not part.looped for part in join.parts):
            roots = [self._places.name(part.root) for part in join.parts]
            if {part.root.kind for part in join.parts} == {"parameter"} and join.axis == 0 and not self._told:
                self._told = True
                told = [f"# The rows of {', '.join(roots)}: one product is all of theirs"]
            name = self._places.new("parts")
            self.tuples.append(f"{name} = {text}")
            text = name
        return Statement(
            (f"{self._forms.np('concatenate')}({text}, {join.axis}, {self._text(join.out)})",), told=tuple(told)
        )

    def _loop(self, loop: Repeat) -> list[Statement]:
        if not loop.length:
            return []
        self._used.append((frozenset(loop.items), {}))
        inner = self.lines(loop.body)
        _, used = self._used.pop()
        if not inner:
            return []
        header = self.steps.header(loop, list(used.values()))
        return [Statement((header, *(INDENT + line for line in inner)))]


def _is_mathematics(one: Instruction) -> bool:
    return one.fn in (*UFUNCS, *REDUCTIONS, "matmul") or not (one.attrs or one.fn == "copy")


def _is_infix(one: Instruction | None) -> bool:
    return one is not None and one.out.kind in ("scalar", "fresh") and one.fn in INFIX


def _number(place: Place) -> str:
    """Return the number that all elements of a constant are, "" if there is none."""
    found = None if place.value is None else uniform_value(place.value)
    if found is None or not math.isfinite(number := numbers_of(found)):
        return ""
    text = f"{number:.10g}"
    return text if float(text) == number else repr(number)
