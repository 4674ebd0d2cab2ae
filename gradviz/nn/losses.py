"""Loss functions, as functions of one sample; batches are averaged where a layer is trained.

What has several entries gives the sum over them, so that a loss of one sample is one number.
"""

from __future__ import annotations

from typing import Any

from gradviz.core.expr import Expr
from gradviz.errors import GraphError, ShapeError, user_location
from gradviz.nn.parts import as_floats
from gradviz.ops.activation import softplus
from gradviz.ops.axes import as_handle
from gradviz.ops.elementwise import abs_, maximum, minimum, square, weighted
from gradviz.ops.reduce import log_softmax
from gradviz.ops.rows import one_hot


def _alike(what: str, a: Any, b: Any) -> tuple[Expr, Expr]:
    """Return both as floating-point nodes of one shape.

    Raises:
        ShapeError: where the shapes differ; a broadcast would compare everything with everything.
    """
    a, b = as_floats(a), as_floats(b)
    if a.shape != b.shape:
        raise ShapeError(f"{what}: the shapes {a.shape} and {b.shape} differ", where=user_location())
    return a, b


def _classes(what: str, scores: Any, label: Any) -> tuple[Expr, Expr]:
    """Return the scores, and the label as a probability for each class along the last axis."""
    scores, label = as_floats(scores), as_handle(label)
    if scores.ndim == 0:
        raise ShapeError(f"{what}: the scores need an axis of classes", where=user_location())
    if label.shape == scores.shape and label.dtype.kind == "f":
        return scores, label
    if label.shape == scores.shape[:-1] and label.dtype.kind in "iu":
        return scores, one_hot(label, scores.shape[-1], scores.dtype)
    hint = "integers of the scores' shape without its last axis, made with dtype=int, or a probability a class"
    kind = f"{label.dtype} of shape {label.shape}"
    raise ShapeError(f"{what}: the label is {kind}, the scores have {scores.shape}", where=user_location(), hint=hint)


def hinge(score: Any, y: Any) -> Expr:
    """Return ``max(1 - score·y, 0)`` for y = ±1, the slides' loss of a linear classifier.

    Raises:
        ShapeError: where the shapes differ.

    Example:
        >>> import gradviz as gv
        >>> float(gv.evaluate(gv.nn.hinge(gv.data("score", 0.25), gv.data("y", 1.0))).output)
        0.75
    """
    score, y = _alike("hinge", score, y)
    return _total(maximum(1 - score * y, 0))


def multiclass_hinge(scores: Any, label: Any) -> Expr:
    """Return ``Σ_{j≠y} max(1 + s_j - s_y, 0)`` (Weston and Watkins, 1999).

    Args:
        scores: one a class, (classes,), or rows of them.
        label: an integer data leaf (made with ``dtype=int``), or one-hot with the shape of the scores.

    Raises:
        ShapeError: where label and scores do not fit.

    Example:
        >>> import gradviz as gv
        >>> loss = gv.nn.multiclass_hinge(gv.data("s", [2.0, 1.5, -3.0]), gv.data("label", 0, dtype=int))
        >>> float(gv.evaluate(loss).output)
        0.5
    """
    scores, chosen = _classes("multiclass_hinge", scores, label)
    right = weighted(chosen, scores).sum(-1, keepdims=True)
    return _total(weighted(1 - chosen, maximum(1 + scores - right, 0)))


def squared_error(prediction: Any, target: Any) -> Expr:
    """Return ``‖prediction - target‖²``: the square for numbers, the sum of squares for arrays.

    Raises:
        ShapeError: where the shapes differ.

    Example:
        >>> import gradviz as gv
        >>> float(gv.evaluate(gv.nn.squared_error(gv.data("p", [1.0, 2.0]), gv.data("t", [0.0, 4.0]))).output)
        5.0
    """
    prediction, target = _alike("squared_error", prediction, target)
    return _total(square(prediction - target))


def absolute_error(prediction: Any, target: Any) -> Expr:
    """Return ``Σ |prediction - target|``, the L1 loss.

    Raises:
        ShapeError: where the shapes differ.

    Example:
        >>> import gradviz as gv
        >>> float(gv.evaluate(gv.nn.absolute_error(gv.data("p", [1.0, 2.0]), gv.data("t", [0.0, 4.0]))).output)
        3.0
    """
    prediction, target = _alike("absolute_error", prediction, target)
    return _total(abs_(prediction - target))


def huber(prediction: Any, target: Any, *, delta: float = 1.0) -> Expr:
    """Return the sum of ``r²/2`` where ``|r| ≤ delta``, else ``delta (|r| - delta/2)`` (Huber, 1964).

    Written as ``m (|r| - m/2)`` with ``m = min(|r|, delta)``.

    Args:
        prediction, target: of one shape.
        delta: where the square becomes a line.

    Raises:
        GraphError: for a delta that is not above 0.
        ShapeError: where the shapes differ.

    Example:
        >>> import gradviz as gv
        >>> float(gv.evaluate(gv.nn.huber(gv.data("p", [0.5, 3.0]), gv.data("t", [0.0, 0.0]))).output)
        2.625
    """
    prediction, target = _alike("huber", prediction, target)
    if not delta > 0:
        raise GraphError(f"huber: delta must be above 0, not {delta!r}", where=user_location())
    size = abs_(prediction - target)
    least = minimum(size, delta)
    return _total(least * (size - least / 2))


def cross_entropy(logits: Any, label: Any) -> Expr:
    """Return ``-Σ_k y_k ln softmax(logits)_k``, from logits, so that nothing overflows.

    Args:
        logits: one a class, (classes,), or rows of them.
        label: an integer data leaf (made with ``dtype=int``) of the logits' shape without its last
            axis, or a probability for each class, of the logits' shape. A class of probability 0 adds nothing,
            also where its logit is -∞: 0 · ln 0 = 0, as in an entropy.

    Returns:
        A number, summed over the rows.

    Raises:
        ShapeError: where label and logits do not fit.

    Example:
        >>> import gradviz as gv
        >>> loss = gv.nn.cross_entropy(gv.data("z", [0.0, 1000.0]), gv.data("label", 0, dtype=int))
        >>> float(gv.evaluate(loss).output)
        1000.0
    """
    logits, chosen = _classes("cross_entropy", logits, label)
    return -_total(weighted(chosen, log_softmax(logits)))


def binary_cross_entropy(logit: Any, y: Any) -> Expr:
    """Return ``-y ln σ(z) - (1 - y) ln(1 - σ(z))``, as ``ln(1 + exp(z)) - y z``, so that nothing overflows.

    Args:
        logit: z, a number or an array.
        y: 0 or 1 (or a probability), of z's shape.

    Raises:
        ShapeError: where the shapes differ.

    Example:
        >>> import gradviz as gv
        >>> float(gv.evaluate(gv.nn.binary_cross_entropy(gv.data("z", -1000.0), gv.data("y", 1.0))).output)
        1000.0
    """
    logit, y = _alike("binary_cross_entropy", logit, y)
    return _total(softplus(logit) - y * logit)


def l2(*parameters: Any) -> Expr:
    """Return ``Σ ‖W‖²`` over parameters: what regularization adds to a loss, times a weight.

    Raises:
        GraphError: when no parameter is given.

    Example:
        >>> import gradviz as gv
        >>> float(gv.evaluate(gv.nn.l2(gv.param("W", [3.0, 4.0]), gv.param("v", 2.0))).output)
        29.0
    """
    if not parameters:
        raise GraphError("l2 needs at least one parameter", where=user_location(), hint="nn.l2(W, V)")
    first, *others = (_total(square(as_floats(one))) for one in parameters)
    return sum(others, first)


def _total(x: Expr) -> Expr:
    """Sum what is no single number."""
    return x.sum() if x.ndim else x
