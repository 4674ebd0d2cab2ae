"""A nest of statements as lines of Python: loops, and inside of them numbers with names."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from gradviz.compiler.instructions import COMPARISONS, Place
from gradviz.compiler.numba_access import Access
from gradviz.compiler.numba_forms import STARTS, constant_name, form
from gradviz.compiler.numba_fuse import Nest
from gradviz.compiler.numba_ops import Gather, Operand, Statement, collapse, summed
from gradviz.core.primitive import Shape

INDENT = "    "
VECTOR, LONGEST_HIDDEN = 16, 64
TAKEN = {"sum": "{0} + {1}", "prod": "{0} * {1}", "max": "larger({0}, {1})"}


class NestPrinter:
    """Prints nests.

    Args:
        at: what an array's root is called, and where it begins there.
        stored: whether a root has memory.
        single: whether the layer computes in float32.
        variables: the names of the loops' indices, the outermost first.

    Attributes:
        numbers: the constants that were used, by name.
        helpers: the functions that were used.
        lengths: the lengths of loops that are given by name, n_5 for 5.
    """

    def __init__(
        self,
        at: Callable[[Place], tuple[str, int]],
        stored: Callable[[Place], bool],
        single: bool,
        variables: list[str],
    ) -> None:
        self.numbers: dict[str, float] = {}
        self.helpers: set[str] = set()
        self.lengths: dict[int, None] = {}
        self._at = at
        self._stored = stored
        self._single = single
        self._variables = variables
        self._values: dict[tuple[object, ...], tuple[str, str]] = {}
        """By access, the name and kind ("f", "i", "b") of what is known to stand there."""
        self._used: set[str] = set()
        """The names of the nest's numbers."""
        self._stores: dict[tuple[object, ...], int] = {}
        """By access, the line that stores a number there."""

    def lines(self, nest: Nest) -> list[str]:
        """Return the lines of a nest."""
        statements = collapse(nest.statements)
        nest = Nest(statements[0].space, statements)
        self._values, self._used, self._stores = {}, set(), {}
        depth = len(nest.space)
        before: list[list[str]] = [[] for _ in range(depth + 1)]
        after: list[list[str]] = [[] for _ in range(depth + 1)]
        inner: list[str] = []
        for one in nest.statements:
            self._statement(one, inner, before, after)
        return self._loops(nest, 0, before, after, [line for line in inner if line])

    def _loops(
        self, nest: Nest, level: int, before: list[list[str]], after: list[list[str]], inner: list[str]
    ) -> list[str]:
        if level == len(nest.space):
            return [*before[level], *inner, *after[level]]
        found = self._loops(nest, level + 1, before, after, inner)
        if not found:  # what nobody reads, and is not stored
            return [*before[level], *after[level]]
        head = f"for {self._variables[level]} in range({self._length(nest.space, level)}):"
        return [*before[level], head, *(INDENT + line for line in found), *after[level]]

    def _length(self, space: Shape, level: int) -> str:
        """Return how often a loop runs: a short one by a name, lest the compiler write it out time after time."""
        length = space[level]
        whole_vectors = level == len(space) - 1 and length % VECTOR == 0
        if length > LONGEST_HIDDEN or whole_vectors or math.prod(space) <= LONGEST_HIDDEN:
            return str(length)
        self.lengths.setdefault(length)
        return f"n_{length}"

    def _statement(self, one: Statement, inner: list[str], before: list[list[str]], after: list[list[str]]) -> None:
        known = tuple(arg if isinstance(arg, (int, float)) else None for arg in one.args)
        kinds: list[str] = []
        names: list[str] = []
        for arg in one.args:
            name, kind = self._operand(arg, inner, before)
            names.append(name)
            kinds.append(kind)
        truth = one.fn in COMPARISONS
        if not (truth and all(kind == "i" for kind in kinds)) and not (one.fn == "copy" and kinds[0] != "f"):
            names = [self._number(name, kind) for name, kind in zip(names, kinds, strict=True)]
        text = form(one.fn, known, self._single)
        text = re.sub(r"<([^<>= ]+)>", lambda found: self.constant(float(found[1])), text).format(*names)
        self.helpers.update(re.findall(r"fast_\w+", text))
        kind = "b" if truth else kinds[0] if one.fn == "copy" else "f"
        says = comment(one.says)
        if isinstance(one.out, Gather):
            value = self._named(f"{one.out.access.place.name}_part", text, inner)
            where = self._place(one.out)
            inner.append(f"{where} {'+=' if one.reduce else '='} {value}{says}")
        elif one.reduce:
            self._reduction(one, text, inner, before, after)
        else:
            self._result(one, text, kind, inner, says)

    def _result(self, one: Statement, text: str, kind: str, inner: list[str], says: str) -> None:
        assert isinstance(one.out, Access)
        root = one.out.root
        if one.fn == "copy" and re.fullmatch(r"\w+", text):
            name = text
        else:
            name = self._named(self._local(one.out), text, inner, says)
        self._values[one.out.key] = (name, kind)
        if self._stored(root):
            wanted = "b" if root.dtype.kind == "b" else "f" if root.dtype.kind == "f" else "i"
            value = self._number(name, kind) if wanted == "f" else name
            if wanted == "b" and kind != "b":
                value = f"{name} != {self.constant(0.0)}"
            if one.out.key in self._stores:  # what is written over need not be stored
                inner[self._stores[one.out.key]] = ""
            self._stores[one.out.key] = len(inner)
            inner.append(f"{self._place(one.out)} = {value}")

    def _reduction(
        self, one: Statement, text: str, inner: list[str], before: list[list[str]], after: list[list[str]]
    ) -> None:
        assert isinstance(one.out, Access)
        gone = summed(one)
        level = len(one.space)
        while level - 1 in gone:
            level -= 1
        where, total = self._place(one.out), self._local(one.out)
        if level < len(one.space):
            before[level].append(f"{total} = {self.constant(STARTS[one.reduce])}")
            self._taken(one.reduce, total, total, text, inner)
        else:
            total = self._named(total, text, inner)
        if len(gone) == len(one.space) - level > 0:
            after[level].append(f"{where} = {total}")
        else:
            self._taken(one.reduce, where, f"{total}_before", total, after[level] if level < len(one.space) else inner)

    def _taken(self, kind: str, where: str, held: str, text: str, lines: list[str]) -> None:
        """Take one more number into what was summed up so far."""
        if kind == "sum":
            lines.append(f"{where} += {text}")
            return
        if kind == "max":
            self.helpers.add("larger")
        if not re.fullmatch(r"\w+", text):
            text = self._named(f"{held}_part", text, lines)
        if held != where:
            lines.append(f"{held} = {where}")
        lines.append(f"{where} = {TAKEN[kind].format(held, text)}")

    def _named(self, name: str, text: str, inner: list[str], says: str = "") -> str:
        inner.append(f"{name} = {text}{says}")
        return name

    def _local(self, access: Access, made: bool = True) -> str:
        """Return the name of the number at an access: that of its place, but another one for each lane of it."""
        base = access.place.name
        own = access.root.kind in ("parameter", "input", "constant") and access.place is access.root
        base = f"{base}_{'new' if made else 'value'}" if own else base
        name, number = base, 0
        while name in self._used:
            number += 1
            name = f"{base}_{number}"
        self._used.add(name)
        return name

    def _operand(self, arg: Operand, inner: list[str], before: list[list[str]]) -> tuple[str, str]:
        """Return the name of an argument and its kind, loading it where it is not known.

        What is the same at all steps of the inner loops is loaded in front of them.
        """
        if isinstance(arg, (int, float)):
            return self.constant(float(arg)), "f"
        access = arg.access if isinstance(arg, Gather) else arg
        key: tuple[object, ...] = access.key if isinstance(arg, Access) else (access.key, arg.index.key, arg.stride)
        if key not in self._values:
            kind = {"f": "f", "b": "b"}.get(access.root.dtype.kind, "i")
            name = self._local(access, made=False)
            self._values[key] = (name, kind)
            moving = [axis for axis, stride in enumerate(access.strides) if stride]
            level = 1 + max(moving, default=-1)
            front = isinstance(arg, Access) and level < len(access.strides)
            (before[level] if front else inner).append(f"{name} = {self._place(arg)}")
        return self._values[key]

    def _number(self, name: str, kind: str) -> str:
        if kind == "f":
            return name
        if kind == "b":
            return f"({self.constant(1.0)} if {name} else {self.constant(0.0)})"
        return f"{'np.float32' if self._single else 'np.float64'}({name})"

    def constant(self, value: float) -> str:
        """Return the name of a number."""
        name = constant_name(value)
        self.numbers[name] = value
        return name

    def _place(self, operand: Access | Gather) -> str:
        if isinstance(operand, Gather):
            text, more = self.index(operand.access), self._place(operand.index)
            stride = f" * {operand.stride}" if operand.stride != 1 else ""
            return f"{text[:-1]} + {more}{stride}]"
        return self.index(operand)

    def index(self, access: Access) -> str:
        """Return the element of an access, at the indices of the loops around."""
        array, start = self._at(access.root)
        return f"{array}[{offset(access, start, self._variables)}]"


def comment(says: str) -> str:
    """Return what stands behind a line that computes something of the user's."""
    return f"  # {' '.join(says.split())[:60]}" if says else ""


def offset(access: Access, start: int, variables: list[str]) -> str:
    """Return the index of an element: its offset, and what the steps and the nest add."""
    parts = []
    for term in access.terms:
        step = f"({term.variable} + {term.shift})" if term.shift else term.variable
        step = f"{step} & 1" if term.period == 2 else f"{step} % {term.period}"
        parts.append((term.coefficient, f"({step})" if term.period else term.variable))
    parts += [(stride, name) for stride, name in zip(access.strides, variables, strict=False) if stride]
    found = [name if factor == 1 else f"{factor} * {name}" for factor, name in parts]
    whole = start + access.offset
    text = " + ".join([*([str(whole)] if whole or not found else []), *found])
    return text.replace("+ -", "- ")
