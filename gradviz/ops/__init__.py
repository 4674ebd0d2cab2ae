"""The primitives: declarations only. Importing this package fills the registry, and gives nodes their methods."""

from gradviz.core.handle import add_methods
from gradviz.core.primitive import FUNCTIONS
from gradviz.ops import activation, elementwise, index, linear, loop, named, reduce, rows, shape, window

__all__ = ["activation", "elementwise", "index", "linear", "loop", "named", "reduce", "rows", "shape", "window"]

add_methods(FUNCTIONS)
