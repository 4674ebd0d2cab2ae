"""gradviz: computation graphs as typeset lecture figures, with every derivative on its edge.

One graph, written once as on the board, gives the slide's diagram, its values and its derivatives.
Importing the package loads NumPy and the primitives, nothing else; drawing loads when it is used.

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

from gradviz import ops as _ops  # fills the registry  # noqa: F401
from gradviz.core.build import Expr, constant, data, graph, param, scope
from gradviz.core.graph import Graph, Node
from gradviz.core.primitive import FUNCTIONS as _FUNCTIONS
from gradviz.core.primitive import primitive
from gradviz.errors import GradvizError

if TYPE_CHECKING:
    from gradviz.core.expression import from_expression
    from gradviz.draw.figure import figure
    from gradviz.passes.evaluate import backprop, evaluate

__version__ = "0.1.0"

_LAZY = {
    "backprop": "gradviz.passes.evaluate",
    "evaluate": "gradviz.passes.evaluate",
    "figure": "gradviz.draw.figure",
    "from_expression": "gradviz.core.expression",
}

__all__ = [
    "Expr",
    "GradvizError",
    "Graph",
    "Node",
    "backprop",
    "constant",
    "data",
    "evaluate",
    "figure",
    "from_expression",
    "graph",
    "param",
    "primitive",
    "scope",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        found = getattr(import_module(_LAZY[name]), name)
    elif name in _FUNCTIONS:
        found = _FUNCTIONS[name]
    else:
        raise AttributeError(f"module 'gradviz' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY, *_FUNCTIONS})
