"""gradviz: computation graphs as typeset lecture figures, with every derivative on its edge.

One graph, written once as on the board, gives the slide's diagram, its values and its derivatives.
Importing the package costs nothing; each part loads when it is used.

Example:
    >>> import gradviz as gv
    >>> w, x = gv.param("w", 2.0), gv.data("x", 3.0)
    >>> loss = gv.square(w * x - 1).named("loss")
    >>> float(gv.backprop(loss).grad["w"])
    30.0
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradviz import nn
    from gradviz.compiler import optimizers, schedules
    from gradviz.compiler.history import History
    from gradviz.compiler.interrupt import TrainingInterrupted
    from gradviz.compiler.layer import Layer, compile  # noqa: A004 - its public name
    from gradviz.core.batched import batched
    from gradviz.core.build import Expr, constant, data, graph, param, scope
    from gradviz.core.expression import from_expression
    from gradviz.core.graph import Graph, Node
    from gradviz.core.primitive import primitive
    from gradviz.core.unroll import unroll
    from gradviz.draw.figure import figure
    from gradviz.draw.frames import frames
    from gradviz.draw.picture import Picture
    from gradviz.draw.plot import Plot
    from gradviz.draw.worksheet import worksheet
    from gradviz.errors import GradvizError
    from gradviz.interop.from_sympy import from_sympy
    from gradviz.interop.to_sympy import to_sympy
    from gradviz.passes.check import check
    from gradviz.passes.derivative import derivative, hessian_vector
    from gradviz.passes.evaluate import backprop, evaluate
    from gradviz.passes.explain import Explanation, explain
    from gradviz.passes.report import Report
    from gradviz.passes.steps import Step, steps
    from gradviz.passes.values import Values

__version__ = "0.1.0"

_LAZY = {
    "Explanation": "gradviz.passes.explain",
    "Expr": "gradviz.core.build",
    "Layer": "gradviz.compiler.layer",
    "GradvizError": "gradviz.errors",
    "Graph": "gradviz.core.graph",
    "History": "gradviz.compiler.history",
    "Node": "gradviz.core.graph",
    "Picture": "gradviz.draw.picture",
    "Plot": "gradviz.draw.plot",
    "Report": "gradviz.passes.report",
    "Step": "gradviz.passes.steps",
    "TrainingInterrupted": "gradviz.compiler.interrupt",
    "Values": "gradviz.passes.values",
    "backprop": "gradviz.passes.evaluate",
    "batched": "gradviz.core.batched",
    "check": "gradviz.passes.check",
    "compile": "gradviz.compiler.layer",
    "constant": "gradviz.core.build",
    "data": "gradviz.core.build",
    "derivative": "gradviz.passes.derivative",
    "evaluate": "gradviz.passes.evaluate",
    "explain": "gradviz.passes.explain",
    "figure": "gradviz.draw.figure",
    "frames": "gradviz.draw.frames",
    "from_expression": "gradviz.core.expression",
    "from_sympy": "gradviz.interop.from_sympy",
    "graph": "gradviz.core.build",
    "hessian_vector": "gradviz.passes.derivative",
    "param": "gradviz.core.build",
    "primitive": "gradviz.core.primitive",
    "scope": "gradviz.core.build",
    "steps": "gradviz.passes.steps",
    "to_sympy": "gradviz.interop.to_sympy",
    "unroll": "gradviz.core.unroll",
    "worksheet": "gradviz.draw.worksheet",
}

_OF_OTHERS = {
    **dict.fromkeys(("concat", "cat", "hstack", "vstack"), "gv.concatenate or gv.stack"),
    **dict.fromkeys(("Parameter", "Variable", "variable", "Value"), "gv.param, a leaf that learns, or gv.data"),
    **dict.fromkeys(("array", "asarray", "tensor", "Tensor"), "gv.constant, or gv.param and gv.data"),
    **dict.fromkeys(("render", "plot", "draw", "show"), "gv.figure"),
    "grad": "gv.backprop(loss).grad, or gv.derivative",
}
"""What is called otherwise in other libraries, and here."""

_MODULES = {"nn": "gradviz.nn", "optimizers": "gradviz.compiler.optimizers", "schedules": "gradviz.compiler.schedules"}

__all__ = [
    "Explanation",
    "Expr",
    "GradvizError",
    "Graph",
    "History",
    "Layer",
    "Node",
    "Picture",
    "Plot",
    "Report",
    "Step",
    "TrainingInterrupted",
    "Values",
    "backprop",
    "batched",
    "check",
    "compile",
    "constant",
    "data",
    "derivative",
    "evaluate",
    "explain",
    "figure",
    "frames",
    "from_expression",
    "from_sympy",
    "graph",
    "hessian_vector",
    "nn",
    "optimizers",
    "param",
    "primitive",
    "schedules",
    "scope",
    "steps",
    "to_sympy",
    "unroll",
    "worksheet",
]


def _functions() -> dict[str, Any]:
    """Return what the primitives offer, by NumPy's names; importing them fills the registry."""
    import_module("gradviz.ops")
    return import_module("gradviz.core.primitive").FUNCTIONS  # type: ignore[no-any-return]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        _functions()
        found = import_module(_MODULES[name])
    elif name in _LAZY:
        _functions()  # a handle's operators are primitives
        found = getattr(import_module(_LAZY[name]), name)
    elif name.startswith("_") or name not in _functions():
        known = [] if name.startswith("_") else __dir__()
        raise import_module("gradviz.errors").no_attribute("gradviz", name, _OF_OTHERS, known)
    else:
        found = _functions()[name]
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY, *_MODULES, *_functions()})
