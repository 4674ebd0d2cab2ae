"""The primitives: declarations only. Importing this package fills the registry."""

from gradviz.ops import activation, elementwise, linear, reduce, shape

__all__ = ["activation", "elementwise", "linear", "reduce", "shape"]
