"""A plan as compiled loops: source for NumPy and Numba that stands alone.

The same instructions as the NumPy printer's, but elementwise ones are fused, loops over time are real
loops, and memory is given to what has to be stored at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gradviz.compiler import numba_blas
from gradviz.compiler.instructions import Place, Plan, size
from gradviz.compiler.numba_access import Access
from gradviz.compiler.numba_fuse import Fused, FusedSteps, all_places, fuse
from gradviz.compiler.numba_header import Needs, header
from gradviz.compiler.numba_lower import Lowering, indices_first
from gradviz.compiler.numba_memory import Arena, silent
from gradviz.compiler.numba_moves import with_fewer_copies
from gradviz.compiler.numba_nests import INDENT, NestPrinter, comment, offset
from gradviz.compiler.numba_ops import Check, Product
from gradviz.compiler.numba_steps import step_by_step
from gradviz.compiler.numpy_constants import constant_text
from gradviz.compiler.numpy_forms import Forms
from gradviz.compiler.task import Task
from gradviz.core.primitive import Shape

FLAGS = '{"reassoc", "contract", "arcp", "nsz"}'
"""Sums in any order, a x + b in one rounding; but NaN and infinities are what they are."""

KEPT = ("parameter", "input", "constant")


class NumbaPrinter:
    """Prints the functions of a layer."""

    def __init__(self) -> None:
        self._needs: Needs | None = None

    def functions(self, task: Task, plan: Plan) -> list[list[str]]:
        """Return the lines of a function that takes the parameters and returns the function to be called."""
        printed = _Function(task.name, plan, task.says)
        self._add(printed.needs)
        return [printed.lines]

    def merge(self, other: NumbaPrinter) -> None:
        """Take along what the lines of another printer need."""
        if other._needs is not None:
            self._add(other._needs)

    def header(self) -> list[str]:
        """Return the imports and helpers that the printed functions need."""
        if self._needs is None:  # all functions are on single numbers
            return ["import numpy as np"]
        return header(self._needs)

    def _add(self, needs: Needs) -> None:
        if self._needs is None:
            self._needs = Needs()
        self._needs.add(needs)


class _Function:
    """One function being printed.

    Attributes:
        lines: its lines.
        needs: what they need.
        calls: what BLAS is told of each product.
        dtype: of the layer's numbers.
    """

    def __init__(self, name: str, plan: Plan, says: str) -> None:
        self._plan = plan
        outputs = list(plan.outputs.values())
        lowering = Lowering()
        indices, rest = indices_first(with_fewer_copies(lowering.body(plan.body), outputs), lowering.checks)
        first, then = fuse(indices), fuse(step_by_step(rest))
        ops = (*first, *then)
        hidden = silent(ops, outputs)
        self._arena = Arena(ops, outputs, hidden)
        self._hidden = hidden
        self.dtype = _float_of(plan)
        self._taken = {place.name for place in all_places(ops)}
        self._variables = [self._free(letter) for letter in "ijklmnpqrs"]
        self._arrays: dict[str, Place | None] = {}
        self._addressed: dict[str, None] = {}
        self._calls_at, self._lengths_at = self._free("calls"), self._free("lengths")
        self.calls: list[numba_blas.Call] = []
        self._nests = NestPrinter(self._at, lambda root: root not in hidden, self.dtype == np.float32, self._variables)
        checks = [line for number, check in enumerate(lowering.checks, 1) for line in self._check(check, number)]
        self.forms = Forms()
        self._counts = [check.count for check in lowering.checks]
        body = [*self._body(first), *checks, *self._body(then)]
        self.lines = [*self._kernel(name, body), "", "", *self._maker(name, says)]
        nests = self._nests
        self.needs = Needs(nests.numbers, nests.helpers, self.forms.helpers.texts, bool(self.calls), self.dtype)

    def _free(self, wanted: str) -> str:
        while wanted in self._taken:
            wanted += "_"
        return wanted

    def _at(self, root: Place) -> tuple[str, int]:
        """Return the name of the array in which a root stands, and where it begins."""
        if root.kind in KEPT:
            self._arrays.setdefault(root.name, root)
            return root.name, 0
        name = self._memory(root.dtype)
        self._arrays.setdefault(name, None)
        return name, self._arena.start(root)

    def _memory(self, dtype: np.dtype[np.generic]) -> str:
        return self._free("memory" if dtype == self.dtype else f"memory_{dtype}")

    def _body(self, ops: Sequence[Fused]) -> list[str]:
        lines: list[str] = []
        for op in ops:
            if isinstance(op, FusedSteps):
                loop = op.loop
                body = self._body(op.body)
                if body:
                    says = f"  # {loop.says}" if loop.says else ""
                    counted = f"{loop.variable}_back" if loop.reverse else loop.variable
                    lines.append(f"for {counted} in range({loop.length}):{says}")
                    if loop.reverse:  # a plain range, of which the compiler knows that it is not negative
                        lines.append(f"{INDENT}{loop.variable} = {loop.length - 1} - {counted}")
                    lines += [INDENT + line if line else "" for line in body]
            elif isinstance(op, Product):
                lines += self._product(op)
            else:
                lines += self._nests.lines(op)
            lines.append("")
        return lines[:-1]

    def _product(self, one: Product) -> list[str]:
        function, call, swapped = numba_blas.call_of(one)
        if call not in self.calls:
            self.calls.append(call)
        operands = (one.b, one.a) if swapped else (one.a, one.b)
        told = f"{self._calls_at}_at + {80 * self.calls.index(call)}"
        places = ", ".join(self._address(access) for access in (*operands, one.out))
        return self._looped(one.space, [f"{function}({told}, {places}){comment(one.says)}"])

    def _looped(self, space: Shape, lines: list[str]) -> list[str]:
        """Return lines within loops over a nest."""
        for variable, length in reversed(list(zip(self._variables, space, strict=False))):
            lines = [f"for {variable} in range({length}):", *(INDENT + line for line in lines)]
        return lines

    def _address(self, access: Access) -> str:
        array_name, start = self._at(access.root)
        self._addressed.setdefault(array_name)
        lead = self._variables[: len(access.strides) - 2]
        index = offset(access, start, lead)
        name = f"{array_name}_at"
        if index == "0":
            return name
        return f"{name} + {access.root.dtype.itemsize} * ({index})"

    def _check(self, check: Check, number: int) -> list[str]:
        where = self._nests.index(check.index)
        lines = [f"if ({where} < 0) | ({where} >= {check.count}):", f"{INDENT}return {number}, np.int64({where})"]
        return self._looped(check.space, lines)

    def _kernel(self, name: str, body: list[str]) -> Iterator[str]:
        yield f'@njit(fastmath={FLAGS}, error_model="numpy", no_cfunc_wrapper=True, no_rewrites=True)'
        yield f"def {name}_loops({', '.join(self._arguments())}):"
        for one in self._addressed:
            yield f"{INDENT}{one}_at = {one}.ctypes.data"
        if self.calls:
            yield f"{INDENT}{self._calls_at}_at = {self._calls_at}.ctypes.data"
        for number, length in enumerate(self._nests.lengths):
            yield f"{INDENT}n_{length} = {self._lengths_at}[{number}] & 127"
        yield from (INDENT + line if line else "" for line in body)
        yield f"{INDENT}return {'0, np.int64(0)' if self._counts else '0'}"

    def _arguments(self) -> list[str]:
        return [*self._arrays, *self._told]

    @property
    def _told(self) -> list[str]:
        """The names of the arrays that say how often loops run and what BLAS does."""
        lengths = [self._lengths_at] if self._nests.lengths else []
        return [*lengths, *([self._calls_at] if self.calls else [])]

    def _maker(self, name: str, says: str) -> Iterator[str]:
        plan = self._plan
        yield f"def make_{name}({', '.join(place.name for place in plan.parameters.values())}):"
        yield f'{INDENT}"""{says}"""'
        for dtype, length in self._arena.lengths.items():
            yield f"{INDENT}{self._memory(dtype)} = aligned({length}, np.{dtype})"
        if self._nests.lengths:
            yield f"{INDENT}{self._lengths_at} = np.array({[*self._nests.lengths]}, np.int64)"
        if self.calls:
            rows = "".join(f"\n{2 * INDENT}{call!r}," for call in self.calls)
            yield f"{INDENT}{self._calls_at} = blas_calls(({rows}\n{INDENT}), np.{self.dtype})"
        given = []
        for argument, place in self._arrays.items():
            if place is None or place.kind == "input":
                given.append(argument if place is None else f"flat({argument})")
                continue
            given.append(f"{argument}_flat")
            source = constant_text(place.value, place.dtype) if place.kind == "constant" else argument
            yield f'{INDENT}{argument}_flat = {source}.reshape(-1, order="A")'
        given += self._told
        static, moving = self._outputs()
        yield from (INDENT + line for line in static)
        yield ""
        yield f"{INDENT}def {name}({', '.join(place.name for place in plan.inputs.values())}):"
        run = f"{name}_loops({', '.join(given)})"
        if self._counts:
            yield f"{2 * INDENT}check, wrong = {run}"
            yield f"{2 * INDENT}if check:"
            yield f"{3 * INDENT}count = {tuple(self._counts)}[check - 1]"
            said = "the index {wrong} is out of range (there are {count}, counted from 0)"
            yield f'{3 * INDENT}raise IndexError(f"{said}")'
        else:
            yield f"{2 * INDENT}{run}"
        yield from (2 * INDENT + line for line in moving)
        yield f"{2 * INDENT}return {', '.join(place.name for place in plan.outputs.values())},"
        yield ""
        yield f"{INDENT}return {name}"

    def _outputs(self) -> tuple[list[str], list[str]]:
        """Return the lines that show the outputs as arrays: those made once, and those made at each call."""
        forms = self.forms
        static: list[str] = []
        moving: list[str] = []
        done: set[Place] = set()
        for output in self._plan.outputs.values():
            chain = [output]
            while chain[-1].base is not None:
                chain.append(chain[-1].base)
            for place in reversed(chain):
                if place in done:
                    continue
                done.add(place)
                if place.base is not None:
                    line = f"{place.name} = {forms.view(place.fn, place.base.name, place.attrs, len(place.shape))}"
                    (moving if place.root.kind == "input" else static).append(line)
                elif place.kind == "constant":
                    static.append(f"{place.name} = {constant_text(place.value, place.dtype)}")
                elif place in self._arena:
                    start = self._arena.start(place)
                    part = f"{self._memory(place.dtype)}[{start}:{start + size(place.shape)}]"
                    static.append(f"{place.name} = {part}.reshape({place.shape})")
                elif place.kind not in KEPT:  # without elements
                    static.append(f"{place.name} = np.empty({place.shape}, np.{place.dtype})")
        return static, moving


def _float_of(plan: Plan) -> np.dtype[np.generic]:
    """Return the dtype that a layer computes with."""
    for place in (*plan.parameters.values(), *plan.outputs.values(), *plan.inputs.values()):
        if place.dtype.kind == "f":
            return place.dtype
    return np.dtype(float)
