"""The backends: what a plan can be printed as."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any, Protocol

from gradviz.compiler.instructions import Plan
from gradviz.compiler.task import Task
from gradviz.core.graph import Graph
from gradviz.errors import UsageError, user_location

BACKENDS = ("numpy", "numba")


class Printer(Protocol):
    """Prints the functions of a layer as source that stands alone."""

    def functions(self, task: Task, plan: Plan) -> list[list[str]]:
        """Return the lines of functions; ``make_<name>`` takes the parameters and returns the one for the task."""
        ...

    def header(self) -> list[str]:
        """Return the imports and helpers that the printed functions need."""
        ...

    def merge(self, other: Any) -> None:
        """Take along what the lines of another printer of this kind need."""
        ...


def make_printer(backend: str, graph: Graph) -> Callable[[], Printer]:
    """Return what makes the printers of a backend.

    Args:
        backend: its name.
        graph: what is printed, as the user wrote it.

    Raises:
        UsageError: for a backend that there is none of, or that lacks a package.
    """
    if backend == "numpy":
        from gradviz.compiler.numpy_source import NumpyPrinter

        return partial(NumpyPrinter, graph)
    if backend == "numba":
        for package in ("numba", "scipy"):
            if find_spec(package) is None:
                raise UsageError(
                    f'backend="numba" needs {package}, which is not installed',
                    where=user_location(),
                    hint='pip install "gradviz[numba]"',
                )
        from gradviz.compiler.numba_source import NumbaPrinter

        return NumbaPrinter
    raise UsageError(
        f"there is no backend {backend!r}", where=user_location(), hint=" or ".join(f'"{one}"' for one in BACKENDS)
    )
