"""The primitives: declarations only. Importing this package fills the registry."""

from gradviz.ops import activation, elementwise, index, linear, reduce, shape

__all__ = ["activation", "elementwise", "index", "linear", "reduce", "shape"]
