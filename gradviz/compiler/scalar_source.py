"""A function of a layer as straight-line Python on single numbers, that stands alone.

Arrays are read and written by `struct`, all numbers of one in one call. Everything is computed before anything
is written, so that a step that raises an error has changed nothing.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from gradviz.compiler.gradients import GRADIENT
from gradviz.compiler.names import Names, in_docstring
from gradviz.compiler.scalar_body import ScalarBody
from gradviz.compiler.scalar_forms import FUNCTIONS
from gradviz.compiler.scalar_terms import Terms
from gradviz.compiler.scalars import Scalars, UnsuitableError
from gradviz.compiler.storage import Storage
from gradviz.compiler.task import RATE, Task
from gradviz.core.graph import Graph
from gradviz.core.primitive import DATA, PARAMETER
from gradviz.core.visible import visible
from gradviz.namespaces.record import Term

INDENT = "    "
WIDTH = 96

TAKEN = (
    *FUNCTIONS,
    *"abs float32 float64 inf nan np math parameters read results struct write TypeError".split(),
)
"""Names that the printed source has for something else."""


@dataclass(frozen=True)
class ScalarFunction:
    """A function of single numbers, printed.

    Attributes:
        lines: of a function that takes the parameters and returns the function to be called.
        inputs: the paths of its inputs, by the names that it has for them, in order.
        operations: how many operations it makes.
    """

    lines: list[str]
    inputs: Mapping[str, str]
    operations: int


def print_scalars(task: Task, graph: Graph, scalars: Scalars, storage: Storage) -> ScalarFunction:
    """Print a function."""
    return _Printing(task, graph, scalars, storage).run()


class _Printing:
    def __init__(self, task: Task, graph: Graph, scalars: Scalars, storage: Storage) -> None:
        self._task = task
        self._graph = graph
        self._scalars = scalars
        self._storage = storage
        self._names = Names()
        for name in TAKEN:
            self._names.new(name)
        self._make: list[str] = []
        self._inputs = {leaf.path: leaf for leaf in graph.leaves if leaf.op is DATA}
        self._called = {path: self._names.new(leaf.name or "x") for path, leaf in self._inputs.items()}
        self._parameters = [leaf.path for leaf in graph.leaves if leaf.op is PARAMETER]

    def run(self) -> ScalarFunction:
        """Print it."""
        task, scalars = self._task, self._scalars
        outputs = {name: one for name, one in scalars.outputs.items() if name == task.number or not task.updating}
        first = [one[()] for name, one in outputs.items() if name == task.number]
        body = ScalarBody(self._names, self._symbols(), {**dict.fromkeys(first, task.number), **scalars.hints})
        updates = dict(self._updates())
        runs = list(_runs(sorted(place for terms in updates.values() for place in terms)))
        written = {name: one for name, one in outputs.items() if name != task.number}
        new = [term for terms in updates.values() for term in terms.values()]
        wanted = [*first, *(term for one in written.values() for term in one.flat), *new]
        body.compute(wanted, [*first, *(new if len(runs) > 1 else ())])
        inner = [*self._checks(), *self._reads(body), *body.lines]
        views = self._results(written)
        inner += self._written(body, written)
        for run in runs:
            inner += self._updated(body, updates, run)
        texts = [views[name] if name in views else body.text(one[()]) for name, one in outputs.items()]
        inner.append(f"return {', '.join(texts)},")
        return ScalarFunction(self._whole(body, inner), {name: path for path, name in self._called.items()}, body.count)

    def _is_rate(self, path: str) -> bool:
        return self._task.updating and path == RATE

    def _symbols(self) -> dict[Term, str]:
        """Return the names of the symbols; an input of one number is called like its array."""
        found = {}
        for path, terms in self._scalars.leaves.items():
            if path in self._called and terms.size == 1:
                found[terms.flat[0]] = self._called[path]
            else:
                found |= {term: self._names.new(term.args[0]) for term in terms.flat}
        return found

    def _updates(self) -> Iterator[tuple[str, dict[int, Term]]]:
        """Yield the new values of parameters, by their place."""
        for path in self._parameters if self._task.updating else ():
            gradient = self._scalars.outputs.get(GRADIENT + path)
            if gradient is not None:
                before, places = self._scalars.leaves[path], self._storage.places[path]
                after = {
                    int(place): self._scalars.terms.make("subtract", old, change)
                    for place, old, change in zip(places.flat, before.flat, gradient.flat, strict=True)
                }
                changed = {place: term for place, term in after.items() if term.fn != "symbol"}
                if changed:
                    yield path, changed

    def _whole(self, body: ScalarBody, inner: list[str]) -> list[str]:
        task = self._task
        lines = [f"def make_{task.name}(parameters):", f'{INDENT}"""{task.says}', ""]
        lines += [INDENT + line for line in self._told()]
        lines.append(f'{INDENT}"""')
        bound = sorted(body.functions)
        if bound:
            lines.append(f"{INDENT}{', '.join(bound)} = {', '.join(f'math.{name}' for name in bound)}")
        lines += [INDENT + line for line in self._make]
        lines += ["", f"{INDENT}def {task.name}({', '.join(self._called.values())}):"]
        return [*lines, *(2 * INDENT + line for line in inner), "", f"{INDENT}return {task.name}"]

    def _told(self) -> list[str]:
        whole = self._storage.whole
        assert whole is not None
        shapes = {path: str(one.shape).replace(" ", "") for path, one in self._storage.arrays.items()}
        arrays = ", ".join(f"{path} {shape}" for path, shape in shapes.items())
        told = f"The parameters are one array of {whole.size} {whole.dtype} numbers, one after another: {arrays}."
        return [
            *textwrap.wrap(in_docstring(told), WIDTH),
            "Where NumPy would go on with inf or nan, Python may raise an error.",
        ]

    def _checks(self) -> Iterator[str]:
        arrays = [(self._called[path], leaf) for path, leaf in self._inputs.items() if not self._is_rate(path)]
        if not arrays:
            return
        kinds = {dtype: self._dtype(dtype) for dtype in dict.fromkeys(leaf.dtype for _, leaf in arrays)}
        tests = [f"{name}.dtype is not {kinds[leaf.dtype]}" for name, leaf in arrays]
        tests += [f"{name}.shape != {leaf.shape}" for name, leaf in arrays]
        yield f"if {' or '.join(tests)}:"
        told = ", ".join(f"{name} is {leaf.dtype} of shape {leaf.shape}" for name, leaf in arrays)
        yield f'{INDENT}raise TypeError("{told}")'

    def _dtype(self, dtype: np.dtype[Any]) -> str:
        name = str(dtype) if str(dtype) in TAKEN else self._names.new(f"{dtype}")
        self._make.append(f"{name} = np.dtype(np.{dtype})")
        return name

    def _reads(self, body: ScalarBody) -> Iterator[str]:
        whole = self._storage.whole
        assert whole is not None
        found: dict[int, Term] = {}
        for path in self._parameters:
            found |= zip(self._storage.places[path].flat, self._scalars.leaves[path].flat, strict=True)
        yield from self._read("read", "parameters", found, whole.dtype, body)
        for path, leaf in self._inputs.items():
            if not self._is_rate(path):
                name = self._called[path]
                terms = dict(enumerate(self._scalars.leaves[path].flat))
                yield from self._read(f"read_{name}", name, terms, leaf.dtype, body)

    def _read(
        self, read: str, array: str, terms: Mapping[int, Term], dtype: np.dtype[Any], body: ScalarBody
    ) -> Iterator[str]:
        used = {place: terms[place] for place in sorted(terms) if terms[place] in body.used}
        if used:
            if read not in TAKEN:
                read = self._names.new(read)
            self._make.append(f'{read} = struct.Struct("{layout(list(used), dtype)}").unpack_from')
            names = list(map(body.text, used.values()))
            targets = ", ".join(names) if len(names) > 1 else f"({names[0]},)"
            if len(targets) <= WIDTH:
                yield f"{targets} = {read}({array})"
            else:
                yield from ("(", *(INDENT + line for line in _filled(names)), f") = {read}({array})")

    def _results(self, written: Mapping[str, Terms]) -> dict[str, str]:
        """Make the memory of the results, and return the names of the arrays in it."""
        if not written:
            return {}
        dtypes = {self._graph.rows[self._graph.outputs[name]].dtype for name in written}
        if len(dtypes) > 1 or min(dtypes).kind != "f":
            raise UnsuitableError
        ends = list(accumulate((one.size for one in written.values()), initial=0))
        (dtype,) = dtypes
        self._make.append(f"results = np.empty({ends[-1]}, np.{dtype})")
        self._make.append(f'write = struct.Struct("{ends[-1]}{dtype.char}").pack_into')
        found = {}
        for (name, one), (start, stop) in zip(written.items(), pairwise(ends), strict=True):
            found[name] = self._names.new(name.replace(GRADIENT, "gradient_"))
            self._make.append(f"{found[name]} = results[{start}:{stop}].reshape({one.shape})")
        return found

    def _written(self, body: ScalarBody, written: Mapping[str, Terms]) -> list[str]:
        groups = {name: [body.text(term) for term in one.flat] for name, one in written.items()}
        return _call("write(results, 0", groups) if groups else []

    def _updated(self, body: ScalarBody, updates: Mapping[str, Mapping[int, Term]], run: range) -> list[str]:
        whole = self._storage.whole
        assert whole is not None
        groups = {}
        for path, terms in updates.items():
            texts = [body.text(term) for place, term in terms.items() if place in run]
            if texts:
                groups[f"update {path}"] = texts
        write = self._names.new("write_parameters")
        self._make.append(f'{write} = struct.Struct("{len(run)}{whole.dtype.char}").pack_into')
        return _call(f"{write}(parameters, {run.start * whole.itemsize}", groups)


def layout(places: Sequence[int], dtype: np.dtype[Any]) -> str:
    """Return how `struct` is told to take the numbers at these places of an array, and to pass over the others.

    Example:
        >>> layout([0, 1, 4], np.dtype(np.float32))
        '2f8x1f'
    """
    parts, end = [], 0
    for run in _runs(places):
        gap = (run.start - end) * dtype.itemsize
        parts.append(f"{gap}x" * (gap > 0) + f"{len(run)}{dtype.char}")
        end = run.stop
    return "".join(parts)


def _runs(places: Sequence[int]) -> Iterator[range]:
    """Yield the runs of increasing places that stand one beside the other."""
    start = 0
    for end in range(1, len(places) + 1):
        if end == len(places) or places[end] != places[end - 1] + 1:
            yield range(places[start], places[end - 1] + 1)
            start = end


def _call(start: str, groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the lines of a call, its arguments in groups, each with a comment."""
    if len(groups) == 1:
        ((comment, texts),) = groups.items()
        line = f"{', '.join([start, *texts])})  # {visible(comment)}"
        if len(line) <= WIDTH:
            return [line]
    opened, _, first = start.partition("(")
    lines = [f"{opened}(", f"{INDENT}{first},"]
    for comment, texts in groups.items():
        lines += [INDENT + line for line in _filled(texts)]
        lines[-1] += f"  # {visible(comment)}"
    return [*lines, ")"]


def _filled(texts: Sequence[str]) -> list[str]:
    """Return arguments in as few lines as they need."""
    lines = [""]
    for text in texts:
        if lines[-1] and len(lines[-1]) + len(text) > WIDTH:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else ''}{text},"
    return lines
