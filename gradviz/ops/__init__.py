"""The primitives: declarations only. Importing this package fills the registry."""

from gradviz.ops import activation, elementwise, index, linear, loop, reduce, rows, shape, window

__all__ = ["activation", "elementwise", "index", "linear", "loop", "reduce", "rows", "shape", "window"]
