"""What a layer is given at a call: arrays by name, of some shapes and dtypes; what else is told in its own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradviz.compiler.numpy_text import tuple_text
from gradviz.core.graph import Array
from gradviz.core.primitive import Shape
from gradviz.errors import GradvizError, ShapeError, UsageError, ValueMissingError, user_location


class Inputs:
    """The inputs of a layer.

    Args:
        shapes: by name, of one sample.
        dtypes: by name.
        defaults: of inputs that have a value of their own.
        batch: the number of samples; None for one sample without a first axis.
        shared: the names of those that are the same for all samples.

    Attributes:
        defaults: the values of the inputs that may be left out.
    """

    def __init__(
        self,
        shapes: Mapping[str, Shape],
        dtypes: Mapping[str, np.dtype[Any]],
        defaults: Mapping[str, Any],
        batch: int | None,
        shared: frozenset[str],
    ) -> None:
        self.shapes = shapes
        self.batch = batch
        self._dtypes = dtypes
        self._wanted = [
            (name, shape, dtypes[name], batch is not None and name not in shared) for name, shape in shapes.items()
        ]
        optional = defaults.keys() if batch is None else shared & defaults.keys()
        self.defaults = {name: self._array(name, defaults[name]) for name in shapes if name in optional}

    def check(self, inputs: Mapping[str, Any]) -> tuple[int | None, dict[str, Any]]:
        """Return the size of the batch, and the inputs in their order, as programs want them.

        Raises:
            ShapeError, UsageError, ValueMissingError: naming the input.
        """
        given: dict[str, Any] = {}
        size: int | None = None
        for name, shape, dtype, each in self._wanted:
            value = inputs.get(name)
            if value is None:
                value = self._default(name, inputs)
            if type(value) is not np.ndarray or value.dtype != dtype or not value.flags.c_contiguous:
                value = self._array(name, value)
            found = value.shape
            if each:
                if size is None and found:
                    size = found[0]
                if found[1:] != shape or found[:1] != (size,):
                    raise self._misfit(name, value, ("samples", *shape), size)
            elif found != shape:
                raise self._misfit(name, value, shape, None)
            given[name] = value
        if len(inputs) > len(given):
            raise self._unknown(inputs)
        return self.batch if size is None else size, given

    def size(self, given: Mapping[str, Any]) -> int | None:
        """Return the size of the batch of inputs that were checked before."""
        return next((len(given[name]) for name, _, _, each in self._wanted if each), self.batch)

    def _default(self, name: str, inputs: Mapping[str, Any]) -> Any:
        if name in self.defaults:
            return self.defaults[name]
        if inputs.keys() - self.shapes.keys():
            raise self._unknown(inputs)
        raise ValueMissingError(f"the input {name!r} is missing", where=user_location(), hint=self._hint())

    def _unknown(self, inputs: Mapping[str, Any]) -> UsageError:
        unknown = next(name for name in inputs if name not in self.shapes)
        return UsageError(f"the layer has no input {unknown!r}", where=user_location(), hint=self._hint())

    def _hint(self) -> str:
        return f"the layer takes {', '.join(self.shapes)}"

    def _array(self, name: str, value: Any) -> Array:
        try:
            array = np.asarray(value)
        except (TypeError, ValueError, RuntimeError) as error:
            raise UsageError(f"the input {name!r} is no array of numbers: {error}", where=user_location()) from None
        wanted = self._dtypes[name]
        if array.dtype.kind not in "fiub" or (array.dtype.kind == "f" and wanted.kind in "iu"):
            raise UsageError(f"the input {name!r} is of {array.dtype}, not {wanted}", where=user_location())
        with np.errstate(all="ignore"):  # what is too large becomes infinite, and stays visible
            made = np.ascontiguousarray(array, wanted).reshape(array.shape)
        if wanted.kind in "iub" and not np.array_equal(made, array):
            raise UsageError(f"the input {name!r} holds numbers that are no {wanted}", where=user_location())
        return made

    def _misfit(self, name: str, value: Array, shape: tuple[Any, ...], size: int | None) -> GradvizError:
        wanted = tuple_text(list(map(str, shape)))
        if size is not None and value.shape[1:] == shape[1:]:
            first = next(iter(self.shapes))
            return ShapeError(f"{name!r} has {len(value)} samples, {first!r} has {size}", where=user_location())
        return ShapeError(f"the input {name!r} has shape {value.shape}, not {wanted}", where=user_location())
