"""A plan as NumPy source that stands alone, and that a student can follow: memory, forward, backward, update."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from gradviz.compiler.addresses import aligned
from gradviz.compiler.formulas import formulas
from gradviz.compiler.helpers import untyped
from gradviz.compiler.instructions import Instruction, Piece, Place, Plan, Repeat, part, walk
from gradviz.compiler.names import Names, in_docstring
from gradviz.compiler.numpy_constants import dtype_name
from gradviz.compiler.numpy_forms import Forms, key_text
from gradviz.compiler.numpy_places import Places
from gradviz.compiler.numpy_setup import ROOM, Setup
from gradviz.compiler.numpy_statements import Statements
from gradviz.compiler.numpy_text import INDENT, WIDTH, folded, returned, tuple_text
from gradviz.compiler.numpy_views import view_text
from gradviz.compiler.outer import AT_ONCE, in_parts, is_turned, subtract_outer
from gradviz.compiler.task import RATE, Task
from gradviz.core.graph import Graph

GRADIENTS = "The loss, and its gradients times the learning rate: what a step subtracts, part by part."


class NumpyPrinter:
    """Prints the functions of a layer.

    Args:
        graph: the graph, as the user wrote it.

    Attributes:
        forms: how instructions are printed, and what they need.
        ufuncs: the functions of NumPy that the printed lines call.
        tools: what else they call: "cycle", "islice", "room".
    """

    def __init__(self, graph: Graph) -> None:
        self.forms = Forms()
        self.ufuncs: set[str] = set()
        self.tools: set[str] = set()
        self._graph = graph

    def functions(self, task: Task, plan: Plan) -> list[list[str]]:
        """Return the lines of functions; ``make_<name>`` takes the parameters and returns the one for the task.

        Gradients are computed by a function of their own, which a step of descent uses, too.
        """
        name, says = ("gradients", GRADIENTS) if plan.pieces else (task.name, task.says)
        made = _Function(name, plan, self.forms, self._graph)
        functions = [made.lines(says)]
        if plan.pieces:
            functions.append(made.step(task) if task.updating else made.value_and_grad(task))
        text = "\n".join(line for lines in functions for line in lines)
        used = set(re.findall(r"(?<![\w.])\w+(?=[.(])", text))
        self.tools |= used & {"cycle", "islice", "room"}
        self.ufuncs |= used & self.forms.functions
        if "aligned" in used:
            self.forms.helpers.texts["aligned"] = untyped(inspect.getsource(aligned))
        for tool in (in_parts, subtract_outer):
            if tool.__name__ in used:
                self.forms.helpers.texts[tool.__name__] = untyped(inspect.getsource(tool))
        return functions

    def merge(self, other: NumpyPrinter) -> None:
        """Take along what the lines of another printer need."""
        self.ufuncs |= other.ufuncs
        self.forms.helpers.texts |= other.forms.helpers.texts
        self.tools |= other.tools

    def header(self) -> list[str]:
        """Return the imports and helpers that the printed functions need."""
        helpers = [*self.forms.helpers.texts.values(), *([ROOM] if "room" in self.tools else [])]
        lines = ["import math"] if any("math." in text for text in helpers) else []
        tools = ", ".join(sorted(self.tools - {"room"}))
        lines += [f"from itertools import {tools}"] if tools else []
        lines += ["", "import numpy as np"] if lines else ["import numpy as np"]
        if self.ufuncs:
            names = textwrap.wrap(
                ", ".join(sorted(self.ufuncs)), WIDTH - len("from numpy import "), break_long_words=False
            )
            several = ["from numpy import (", *(INDENT + line for line in names), ")"]
            lines += [f"from numpy import {names[0]}"] if len(names) == 1 else several
        for text in helpers:
            lines += ["", "", *text.strip().splitlines()]
        return lines


class _Function:
    """One function being printed, and those that call it."""

    def __init__(self, name: str, plan: Plan, forms: Forms, graph: Graph) -> None:
        self._name, self._plan, self._forms = name, plan, forms
        names = Names()
        words = list(_WORDS if plan.pieces else ())
        if any(piece.column is not None for piece in plan.pieces):
            words += ["row", "column", "rows"]
            words += [f"{word}_{number}" for word in ("product", "parts") for number in range(len(plan.pieces))]
        for taken in (name, f"make_{name}", *words):
            names.new(taken)
        self._places = Places(plan, forms, names, _labels(plan))
        self._parameters = self._places.parameters
        called = dict(zip(plan.parameters, self._parameters, strict=True))
        self._printed = Statements(plan, self._places, forms, formulas(graph, called))

    def lines(self, says: str) -> list[str]:
        """Return the lines of the function."""
        places, printed = self._places, self._printed
        body = list(self._body())
        results = [places.text(place) for place in self._plan.outputs.values()]
        for piece in self._plan.pieces:
            texts = [places.text(place) for place in piece.places]
            results.append(texts[0] if piece.column is None else tuple_text(texts))
        moving = [f"{name} = {text}" for name, text in places.moving.items()]
        setup = [*Setup(places).lines(), *printed.tuples]
        if printed.steps.setup:
            setup += ["# What is used at each step of a loop", *printed.steps.setup]
        begin = 1 if self._plan.pieces else 0  # the title of a section
        body = [*body[:begin], *moving, *body[begin:], returned(results)]
        return self._made(self._name, says, setup, places.inputs, body, told=True)

    def value_and_grad(self, task: Task) -> list[str]:
        """Return the lines of the function that gives the loss and its gradients."""
        setup = [self._make()]
        given, inputs = list(self._places.inputs), list(self._places.inputs)
        for number, (path, place) in enumerate(self._plan.inputs.items()):
            if path == RATE:
                given[number] = "rate"
                setup.append(f"rate = np.array(1, {dtype_name(place.dtype)})")
                inputs.remove(self._places.inputs[number])
        results, start = [], 0
        for _, group in groupby(self._plan.pieces, lambda piece: piece.path):
            pieces = list(group)
            texts = []
            for number, piece in enumerate(pieces, start):
                texts.append(f"d[{number}]")
                if piece.column is not None:
                    setup.append(f"product_{number} = {self._whole(piece)}")
                    texts[-1] = f"{self._forms.np('multiply')}(*d[{number}], product_{number})"
            stop = start + len(pieces)
            plain = all(piece.column is None for piece in pieces)
            parts = f"d[{start}:{stop}]" if plain else tuple_text(texts)
            whole = f"{self._forms.np('concatenate')}({parts}, {len(pieces[0].key) - 1})"
            results.append(texts[0] if len(pieces) == 1 else whole)
            start = stop
        called = f"gradients({', '.join(given)})"
        body = [f"return {called}"]
        if results != [f"d[{number}]" for number in range(start)]:
            body = [f"loss, *d = {called}", returned(["loss", *results])]
        return self._made(task.name, task.says, setup, inputs, body)

    def _whole(self, piece: Piece) -> str:
        """Return new memory for a column times a row, as the parameter lies in memory."""
        rows, columns = piece.places[0].shape[0], piece.place.shape[1]
        dtype = dtype_name(piece.place.dtype)
        target = self._plan.parameters.get(piece.path)
        if target is not None and is_turned(target):
            return f"aligned(({columns}, {rows}), {dtype}).T"
        return f"aligned(({rows}, {columns}), {dtype})"

    def step(self, task: Task) -> list[str]:
        """Return the lines of the function that makes a step of gradient descent."""
        setup = [self._make()]
        learned: list[str] = []
        changes: list[str] = []
        products: list[str] = []
        names = dict(zip(self._plan.parameters, self._parameters, strict=True))
        for number, piece in enumerate(self._plan.pieces):
            if piece.path not in names:
                continue
            whole = self._plan.parameters[piece.path]
            text = names[piece.path] + _part_text(whole, piece.key)
            if piece.column is None:
                learned.append(text)
                changes.append(f"changes[{number}]")
            else:
                turned = ".T" if is_turned(part(whole, piece.key, "")) else ""
                if not products:
                    setup.append(f"rows = aligned({AT_ONCE}, {dtype_name(whole.dtype)})")
                setup.append(f"parts_{number} = in_parts({text}{turned}, rows)")
                products.append(f"column, row = changes[{number}]")
                factors = "row.T, column.T" if turned else "column, row"
                products.append(f"subtract_outer(parts_{number}, {factors})")
        given = [
            f"np.asarray({name}, {dtype_name(place.dtype)})" if path == RATE else name
            for name, (path, place) in zip(self._places.inputs, self._plan.inputs.items(), strict=True)
        ]
        every = len(changes) == len(self._plan.pieces)
        subtract = self._forms.np("subtract")
        body = [f"loss, *changes = gradients({', '.join(given)})", *products]
        if learned:
            setup.append(f"parameters = {tuple_text(learned)}")
            body.append(f"for parameter, change in zip(parameters, {'changes' if every else tuple_text(changes)}):")
            body.append(f"{INDENT}{subtract}(parameter, change, parameter)")
        body.append("return loss,")
        return self._made(task.name, task.says, setup, self._places.inputs, body)

    def _body(self) -> Iterator[str]:
        """Yield the lines of the instructions, by sections."""
        plan = self._plan
        if not plan.pieces:
            yield from self._printed.lines(plan.body)
            return
        (root,) = plan.outputs.values()
        forward = _until(plan.body, root)
        yield "# Forward"
        yield from self._printed.lines(plan.body[:forward])
        yield from ["", "# Backward"]
        yield from self._printed.lines(plan.body[forward:])

    def _make(self) -> str:
        return f"gradients = make_gradients({', '.join(self._parameters)})"

    def _made(
        self, name: str, says: str, setup: Sequence[str], inputs: Sequence[str], body: Sequence[str], told: bool = False
    ) -> list[str]:
        """Return the lines of a function that makes a function; the parameters are told once for two."""
        lines = [f"def make_{name}({', '.join(self._parameters)}):"]
        lines += (
            self._docstring(says) if told else [f'{INDENT}"""{says} The parameters are those of make_gradients."""']
        )
        lines += [INDENT + line for line in setup]
        lines += ["", f"{INDENT}def {name}({', '.join(inputs)}):"]
        lines += [2 * INDENT + line if line else "" for line in body]
        lines += ["", f"{INDENT}return {name}"]
        return [part for line in lines for part in folded(line)]

    def _docstring(self, says: str) -> list[str]:
        told = [
            f"{name} is {path} {str(place.shape).replace(' ', '')}"
            for name, (path, place) in zip(self._parameters, self._plan.parameters.items(), strict=True)
        ]
        if not told:
            return [f'{INDENT}"""{says}"""']
        text = in_docstring(f"{', '.join(told)}.")
        lines = textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
        return [f'{INDENT}"""{says}', "", *(INDENT + line for line in lines), f'{INDENT}"""']


_WORDS = ("step", "value_and_grad", "gradients", "parameters", "rate")
"""What the functions that call others are made of; no input may be called so."""


def _part_text(place: Place, key: tuple[Any, ...]) -> str:
    """Return what is written behind a parameter to get a part of it."""
    view = part(place, key, "").sample
    assert place.sample is not None
    assert view is not None
    shown = view_text(place.sample, view)
    return f"[{key_text(key)}]" if shown is None else shown


_FUNCTIONS = ("tanh", "exp", "log", "sqrt")
"""Values of these are called after what they are of."""


def _labels(plan: Plan) -> dict[Place, str]:
    """Return names for places that have none of the user's: results, and gradients."""
    found = {place: _free(name, plan) for name, place in plan.outputs.items()}
    for one in walk(plan.body):
        places = [arg for arg in one.args if isinstance(arg, Place)]
        if one.out.label or not places:
            continue
        first, *others = places
        if one.fn in _FUNCTIONS and first.label:
            found.setdefault(one.out, f"{one.fn}_{first.label}")
        if one.fn == "multiply" and first.root.kind == "parameter" and [other.label for other in others] == ["half"]:
            found.setdefault(one.out, f"half_{first.root.label}")
    return found


def _free(name: str, plan: Plan) -> str:
    """Return a name for an output; the mean over samples is not called as what it is the mean of."""
    return f"mean_{name}" if any(place.label == name for place in plan.places) else name


def _until(body: Sequence[Instruction | Repeat], root: Place) -> int:
    """Return how many instructions it takes to a result."""
    found = [count for count, one in enumerate(body, 1) if isinstance(one, Instruction) and one.out is root]
    return max(found, default=0)
