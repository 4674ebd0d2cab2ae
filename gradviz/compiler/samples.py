"""Data to train with: checked once, before the first step, and dealt out in batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gradviz.compiler.numpy_text import tuple_text
from gradviz.compiler.trainable import Trainable
from gradviz.core.graph import Array
from gradviz.core.primitive import Shape
from gradviz.errors import TrainingError, did_you_mean, user_location

Data = Mapping[str, Any] | Sequence[Any]
Batch = dict[str, Any]


class Samples:
    """Arrays whose first axis counts the samples, one for each input of a layer.

    A layer without inputs is a function to be minimized: it has one sample, which is empty.

    Args:
        layer: whose inputs are wanted.
        data: by the name of the input, or in the order of the inputs.
        what: how an error calls them.

    Raises:
        TrainingError: for a missing or unknown input; for values of another shape or dtype, numbers of
            samples that differ, none at all, or a NaN or an infinity among them.
    """

    def __init__(self, layer: Trainable, data: Data, what: str = "the data") -> None:
        named = _by_name(layer, data, what)
        self._batched = layer.batch is not None
        shared = layer.shared if self._batched else frozenset[str]()
        checked = {
            name: _checked(value, name, layer.inputs[name], layer.input_dtypes[name], what, several=name not in shared)
            for name, value in named.items()
        }
        self.arrays = {name: array for name, array in checked.items() if name not in shared}
        self.shared = {name: array for name, array in checked.items() if name in shared}
        self.count = _count(self.arrays, what)

    def batches(self, size: int, order: Array | None = None, first: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch; the last one may be smaller.

        What is yielded may be overwritten by the next batch.

        Args:
            size: the number of samples in a batch.
            order: the numbers of the samples in the order in which they are taken; None for that of the data.
            first: the number of batches to leave out.
        """
        for batch in self._batches(size, order, first):
            yield batch | self.shared if self.shared else batch

    def _batches(self, size: int, order: Array | None, first: int) -> Iterator[Batch]:
        starts = range(first * size, self.count, size)
        arrays = self.arrays.items()
        if not self._batched:
            for index in starts if order is None else order[first:].tolist():
                yield {name: array[index, ...] for name, array in arrays}
        elif order is None:
            for start in starts:
                yield {name: array[start : start + size] for name, array in arrays}
        elif size == 1:  # a view costs less than a copy
            for index in order[first:].tolist():
                yield {name: array[index : index + 1] for name, array in arrays}
        else:
            yield from self._gathered(starts, size, order)

    def _gathered(self, starts: range, size: int, order: Array) -> Iterator[Batch]:
        """Yield batches that are gathered into the same arrays again and again."""
        full = {name: np.empty((size, *array.shape[1:]), array.dtype) for name, array in self.arrays.items()}
        for start in starts:
            chosen = order[start : start + size]
            batch = {name: buffer[: len(chosen)] for name, buffer in full.items()}
            for name, array in self.arrays.items():
                np.take(array, chosen, axis=0, out=batch[name], mode="clip")  # "raise" would gather twice
            yield batch


def _by_name(layer: Trainable, data: Data, what: str) -> Mapping[str, Any]:
    names = list(layer.inputs)
    if not layer.parameters:
        raise TrainingError("the layer has no parameters to learn", where=user_location(), hint="gv.param makes one")
    wanted = f"the layer's inputs are {', '.join(names)}" if names else "the layer has no inputs: give {}"
    if isinstance(data, Mapping):
        for name in data:
            if name not in names:
                hint = did_you_mean(name, names, wanted)
                raise TrainingError(f"{what} have {name!r}, which is no input", where=user_location(), hint=hint)
        for name in names:
            if name not in data and name not in layer.optional:
                raise TrainingError(f"{what} lack {name!r}", where=user_location(), hint=wanted)
        return {name: data[name] for name in names if name in data}
    if not isinstance(data, (tuple, list)):
        raise TrainingError(
            f"{what} are of type {type(data).__name__}",
            where=user_location(),
            hint="give arrays by the names of the inputs",
        )
    if len(data) != len(names):
        raise TrainingError(f"{what} have {len(data)} arrays, not {len(names)}", where=user_location(), hint=wanted)
    return dict(zip(names, data, strict=True))


def _checked(value: Any, name: str, shape: Shape, dtype: np.dtype[Any], what: str, *, several: bool) -> Array:
    """Return the samples of one input, or what is shared by all, as an array of the layer's dtype."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TrainingError(f"{what} for {name!r} are no array: {error}", where=user_location()) from None
    if array.dtype.kind not in "fiub":
        raise TrainingError(f"{what} for {name!r} are no real numbers: {array.dtype}", where=user_location())
    found = array.shape[1:] if several and array.ndim else array.shape
    if found != shape or (several and not array.ndim):
        wanted = tuple_text([*["samples"] * several, *map(str, shape)])
        hint = "the first axis counts the samples" if several and array.shape == shape else None
        raise TrainingError(
            f"{what} for {name!r} have shape {array.shape}; {wanted} is wanted", where=user_location(), hint=hint
        )
    _refuse_nonfinite(array, name, what)
    with np.errstate(over="ignore", invalid="ignore"):  # what does not fit is found below
        made = np.require(array, dtype, "C")
    if dtype.kind in "iub" and array.dtype.kind == "f" and not np.array_equal(made, array):
        raise TrainingError(f"{what} for {name!r} are no whole numbers", where=user_location(), hint=f"it is {dtype}")
    if dtype.kind in "iu" and array.dtype.kind in "iu" and not np.array_equal(made, array):
        raise TrainingError(f"{what} for {name!r} do not fit into {dtype}", where=user_location())
    if made.dtype != array.dtype:
        _refuse_nonfinite(made, name, what)
    return made


def _refuse_nonfinite(array: Array, name: str, what: str) -> None:
    if array.dtype.kind != "f" or not array.size or np.isfinite([array.min(), array.max()]).all():
        return
    wrong = np.argwhere(~np.isfinite(array))
    first = tuple(int(index) for index in wrong[0])
    kind = "NaN" if np.isnan(array[first]) else f"inf as {array.dtype}"
    place = f"sample {first[0]}" + (f" at {list(first[1:])}" if first[1:] else "")
    more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    raise TrainingError(f"{what} for {name!r} hold {kind} in {place}{more}", where=user_location())


def _count(arrays: Mapping[str, Array], what: str) -> int:
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise TrainingError(f"{what} have different numbers of samples: {listed}", where=user_location())
    count = next(iter(counts.values()), 1)  # a function of the parameters alone is its own sample
    if count == 0:
        raise TrainingError(f"{what} have no samples", where=user_location())
    return count
