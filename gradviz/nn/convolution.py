"""Convolution, pooling and flattening of images (channels, height, width).

A convolution is the slide's: at each place, the sum of a patch times a kernel (which signal processing
calls correlation). It is built of windows and one sum of products, so that its derivative is theirs.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from gradviz.core.apply import constant
from gradviz.core.expr import Expr
from gradviz.core.primitive import FUNCTIONS
from gradviz.errors import GraphError, ShapeError, user_location
from gradviz.nn.initializers import Initializer
from gradviz.nn.parts import Activation, Parameters, activated, as_floats, layer, positive, wrong_shape
from gradviz.ops.linear import einsum
from gradviz.ops.reduce import max_
from gradviz.ops.shape import expand_dims, pad, reshape
from gradviz.ops.window import steps_of, windows

Pair = tuple[int, int]
Border = tuple[Pair, Pair]


def conv2d(
    x: Any,
    filters: int | None = None,
    kernel: int | Pair | None = None,
    *,
    stride: int | Pair = 1,
    padding: int | Pair | str = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
    bias: bool = True,
    activation: Activation = None,
    kernels: Any = None,
    b: Any = None,
    init: str | Initializer = "he_uniform",
    seed: int = 0,
    name: str | None = None,
) -> Expr:
    """Return the feature maps of an image: each kernel's sum of products at each place.

    Args:
        x: (channels, height, width).
        filters: how many kernels, and feature maps.
        kernel: the size of a kernel, (height, width) or one length for both.
        stride: from one place to the next.
        padding: how many zeros stand around the image, (vertically, horizontally) or one number; "same"
            for as many as give ⌈length / stride⌉ places, "valid" for none.
        dilation: from one pixel of a patch to the next.
        groups: the channels and kernels are split into so many parts that do not see each other.
        bias: whether there is a b, one number a feature map.
        activation: a function of gradviz or its name.
        kernels: instead of new parameters (filters and kernel are then read off it), a node or an array
            of shape (filters, channels / groups, height, width); an array becomes a fixed constant.
        b: a node or an array of shape (filters,), likewise.
        init: draws the kernels; b starts at 0.
        seed: of the initial values.
        name: of the scope, in which the parameters are called K and b; by default "conv2d", then "conv2d_2", …

    Returns:
        (filters, rows, columns), with ⌊(length + padding - reach) / stride⌋ + 1 rows and columns, where a
        kernel reaches over dilation · (size - 1) + 1.

    Raises:
        ShapeError: for an x that is no image, or is smaller than a kernel.
        GraphError: for groups that do not divide channels and filters, or sizes that are no positive integers.

    Example:
        >>> import gradviz as gv
        >>> x = gv.data("x", shape=(1, 28, 28))
        >>> gv.nn.conv2d(x, 8, 3, padding="same", activation="relu").shape
        (8, 28, 28)
    """
    x = as_floats(x)
    with layer(name, "conv2d") as path:
        channels = _image(path, x)[0]
        if kernels is not None and filters is None:
            filters, kernel = _sizes_of(path, kernels)
        if filters is None or kernel is None:
            raise GraphError(
                f"{path}: how many filters of what size?", where=user_location(), hint="nn.conv2d(x, 8, 3)"
            )
        filters, groups = positive(filters, f"{path}: filters"), positive(groups, f"{path}: groups")
        size = _pair(kernel, f"{path}: kernel")
        if channels % groups or filters % groups:
            raise GraphError(
                f"{path}: {groups} groups divide {channels} channels and {filters} filters unevenly",
                where=user_location(),
            )
        steps, spread = _pair(stride, f"{path}: stride"), _pair(dilation, f"{path}: dilation")
        border = _border(path, padding, x.shape[1:], size, steps, spread)
        reach = tuple((length - 1) * step + 1 for length, step in zip(size, spread, strict=True))
        if any(sum(pair) + length < r for pair, length, r in zip(border, x.shape[1:], reach, strict=True)):
            raise wrong_shape(path, f"the image must be at least {reach[0]}×{reach[1]}, as the kernels are", x)
        parameter = Parameters(path, x.dtype, seed)
        K = parameter("K", (filters, channels // groups, *size), init, given=kernels)
        patches = windows(pad(x, ((0, 0), *border)) if border != _NONE else x, size, steps, spread)
        maps = _products(patches, K, groups)
        if bias or b is not None:
            maps = maps + expand_dims(parameter("b", (filters,), "zeros", given=b), (1, 2))
        return activated(maps, activation)


_NONE: Border = ((0, 0), (0, 0))


def _products(patches: Expr, kernels: Expr, groups: int) -> Expr:
    """Sum patch times kernel over channels and places of the kernel."""
    if groups == 1:
        return einsum("cijkl,fckl->fij", patches, kernels)
    filters, depth = kernels.shape[:2]
    patches = reshape(patches, (groups, depth, *patches.shape[1:]))
    kernels = reshape(kernels, (groups, filters // groups, *kernels.shape[1:]))
    maps = einsum("gcijkl,gfckl->gfij", patches, kernels)
    return reshape(maps, (filters, *maps.shape[2:]))


def max_pool2d(
    x: Any,
    size: int | Pair,
    *,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
    ceil_mode: bool = False,
    name: str | None = None,
) -> Expr:
    """Return the largest number of each block of an image; at a tie in a block none of it gets a gradient.

    Args:
        x: (channels, height, width).
        size: of a block, (height, width) or one length.
        stride: from one block to the next; by default the size, so that blocks do not overlap.
        padding: how far blocks may reach over the border, at most half their size; nothing there counts.
        ceil_mode: whether a block at the end counts that is not whole, if it begins inside.
        name: of the scope; by default "max_pool2d", then "max_pool2d_2", …

    Raises:
        ShapeError: for an x that is no image, or is smaller than a block.
        GraphError: for sizes that are no positive integers, or a padding above half of the size.

    Example:
        >>> import gradviz as gv
        >>> x = gv.data("x", [[[1.0, 2.0], [4.0, 3.0]]])
        >>> gv.evaluate(gv.nn.max_pool2d(x, 2)).output.tolist()
        [[[4.0]]]
    """
    x = as_floats(x)
    with layer(name, "max_pool2d") as path:
        blocks, _ = _blocks(path, x, size, stride, padding, ceil_mode, -math.inf)
        return max_(blocks, axis=(-2, -1))


def avg_pool2d(
    x: Any,
    size: int | Pair,
    *,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    name: str | None = None,
) -> Expr:
    """Return the mean of each block of an image.

    The arguments are those of `max_pool2d`, and

    Args:
        x, size, stride, padding, ceil_mode, name: as there.
        count_include_pad: whether the zeros of the padding count in a mean; what an unfinished block
            has beyond it never does.

    Raises:
        ShapeError, GraphError: as there.

    Example:
        >>> import gradviz as gv
        >>> x = gv.data("x", [[[1.0, 2.0], [4.0, 3.0]]])
        >>> gv.evaluate(gv.nn.avg_pool2d(x, 2)).output.tolist()
        [[[2.5]]]
    """
    x = as_floats(x)
    with layer(name, "avg_pool2d") as path:
        blocks, spans = _blocks(path, x, size, stride, padding, ceil_mode, 0.0)
        counts = np.multiply.outer(*(_counts(span, count_include_pad) for span in spans))
        if np.all(counts == blocks.shape[-2] * blocks.shape[-1]):
            return blocks.mean((-2, -1))
        return blocks.sum((-2, -1)) / constant(counts, x.dtype)


def flatten(x: Any) -> Expr:
    """Return all numbers of an image as one vector, channel by channel, row by row.

    Example:
        >>> import gradviz as gv
        >>> gv.nn.flatten(gv.data("x", shape=(8, 4, 4))).shape
        (128,)
    """
    return FUNCTIONS["reshape"](x, -1)


class Span(NamedTuple):
    """How blocks stand along one axis of an image: so many of a width, a step apart, the border before and after."""

    blocks: int
    width: int
    step: int
    border: Pair
    length: int


def _blocks(
    path: str, x: Expr, size: Any, stride: Any, padding: Any, ceil_mode: bool, fill: float
) -> tuple[Expr, list[Span]]:
    """Return the blocks of an image, and how they stand along each axis."""
    _image(path, x)
    size = _pair(size, f"{path}: size")
    steps = size if stride is None else _pair(stride, f"{path}: stride")
    edges = _pair(padding, f"{path}: padding", least=0)
    if any(2 * edge > length for edge, length in zip(edges, size, strict=True)):
        raise GraphError(
            f"{path}: a padding of {padding} is more than half of a block of {size}", where=user_location()
        )
    spans: list[Span] = []
    for length, width, step, edge in zip(x.shape[1:], size, steps, edges, strict=True):
        room = length + 2 * edge - width
        if room < 0:
            raise wrong_shape(path, f"the image must be at least as large as a block of {size[0]}×{size[1]}", x)
        count = room // step + 1
        if ceil_mode and room % step and count * step < length + edge:
            count += 1
        after = max((count - 1) * step + width - length - edge, 0)
        spans.append(Span(count, width, step, (edge, after), length))
    border = tuple(span.border for span in spans)
    padded = pad(x, ((0, 0), *border), fill) if border != _NONE else x
    # padding that no whole block needs would make one block too many
    wanted = tuple((span.blocks - 1) * span.step + span.width for span in spans)
    if padded.shape[1:] != wanted:
        padded = padded[:, : wanted[0], : wanted[1]]
    return windows(padded, size, steps), spans


def _counts(span: Span, with_padding: bool) -> Any:
    """Return how many pixels count in each block along one axis."""
    starts = np.arange(span.blocks) * span.step - span.border[0]
    ends = np.minimum(starts + span.width, span.length + span.border[0])
    return ends - starts if with_padding else np.minimum(ends, span.length) - np.maximum(starts, 0)


def _image(path: str, x: Expr) -> tuple[int, ...]:
    if x.ndim != 3:
        raise wrong_shape(path, "an image has the shape (channels, height, width)", x, "x[None] adds a channel's axis")
    return x.shape


def _sizes_of(path: str, kernels: Any) -> tuple[int, Pair]:
    shape = np.shape(kernels) if not isinstance(kernels, Expr) else kernels.shape
    if len(shape) != 4:
        raise ShapeError(
            f"{path}: kernels have the shape (filters, channels / groups, height, width), not {shape}",
            where=user_location(),
        )
    return shape[0], (shape[2], shape[3])


def _pair(value: Any, what: str, least: int = 1) -> Pair:
    """Return (vertical, horizontal) from one number or two."""
    given = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    try:
        first, second = steps_of(tuple(one + 1 - least for one in given), 2, what)
    except (TypeError, ShapeError):
        kind = "positive integer" if least else "integer from 0"
        raise GraphError(
            f"{what} {value!r} is no {kind}", where=user_location(), hint="a number, or (vertical, horizontal)"
        ) from None
    return first - 1 + least, second - 1 + least


def _border(path: str, padding: Any, shape: tuple[int, ...], size: Pair, stride: Pair, dilation: Pair) -> Border:
    """Return how many zeros stand before and after the image, along each axis."""
    if padding == "valid":
        return _NONE
    if padding == "same":
        pairs = []
        for length, width, step, spread in zip(shape, size, stride, dilation, strict=True):
            whole = max((math.ceil(length / step) - 1) * step + (width - 1) * spread + 1 - length, 0)
            pairs.append((whole // 2, whole - whole // 2))
        return pairs[0], pairs[1]
    if isinstance(padding, str):
        raise GraphError(
            f"{path}: there is no padding {padding!r}", where=user_location(), hint='use "same", "valid" or a number'
        )
    vertical, horizontal = _pair(padding, f"{path}: padding", least=0)
    return (vertical, vertical), (horizontal, horizontal)
