"""The SymPy namespace: rules run on arrays of symbols. The shapes are real, the entries symbolic.

Here every name of the vocabulary is the formula that a book gives for it; `namespaces.numpy` holds
the same names in the forms that computers need. Numbers become exact: 0.01 is 1/100.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import sympy

from gradviz.core.graph import Array
from gradviz.namespaces import numpy as numbers

MOST_ORDERED = 6
"""Up to so many arguments Max is asked which of them are known to be smaller; it takes quadratic time."""


class Case(sympy.Function):  # type: ignore[misc]
    """Case(condition, value, otherwise), for a condition that has cases itself; Piecewise would work it out."""

    nargs = (3,)


class Guard(sympy.Function):  # type: ignore[misc]
    """Guard(condition, value, otherwise): the value, which has the other one for a limit where the condition fails."""

    nargs = (3,)


CASES = (sympy.Piecewise, sympy.Max, sympy.Min, sympy.Abs, sympy.sign, Case, Guard)
"""The functions that are one formula here and another there."""

_NAMED = {math.pi: sympy.pi, math.e: sympy.E, -math.pi: -sympy.pi, -math.e: -sympy.E}


class Symbolic(np.ndarray):
    """An array of SymPy expressions. Comparisons give relations; a number is an array without axes."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Run NumPy's operator on the entries, exactly."""
        if method == "__call__" and not options and ufunc.__name__ in numbers.__all__:
            return globals()[ufunc.__name__](*inputs)  # a rule may say np.exp
        if "out" in options:
            options["out"] = tuple(map(plain, options["out"]))
        arrays = [plain(value) for value in inputs]
        if method == "at":  # its second argument is an index
            arrays[1] = inputs[1]
        return symbolic(getattr(_RELATIONS.get(ufunc, ufunc), method)(*arrays, **options))


def exact(value: Any) -> sympy.Basic:
    """Return a number as an exact one: the decimal number that Python prints for a float; π and e are themselves."""
    if isinstance(value, sympy.Basic):
        return value
    if isinstance(value, (bool, np.bool_, int, np.integer)):
        return sympy.Integer(int(value))
    if value in _NAMED:
        return _NAMED[value]
    value = float(value)
    return sympy.Rational(repr(value)) if math.isfinite(value) else sympy.sympify(value)


_exact = np.frompyfunc(exact, 1, 1)


def exact_attrs(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes with exact numbers in the place of floats."""
    return {key: exact(value) if isinstance(value, float) else value for key, value in attrs.items()}


def plain(value: Any) -> Array:
    """Return an array of exact expressions as NumPy's own kind of array."""
    array = np.asarray(value)
    if isinstance(value, Symbolic):
        return array
    return np.asarray(_exact(array.astype(object)), dtype=object)


def symbolic(value: Any) -> Symbolic:
    """Return an array of expressions, or an expression, as this namespace's kind of array."""
    if isinstance(value, tuple):
        raise TypeError("an operation with several results has no symbolic form")
    return np.asarray(_exact(np.asarray(value, dtype=object)), dtype=object).view(Symbolic)


def _lifted(function: Callable[..., Any], arrays: int = 1) -> Callable[..., Symbolic]:
    """A function of the NumPy namespace that only rearranges, adds or multiplies, on expressions."""

    def lifted(*args: Any, **options: Any) -> Symbolic:
        return symbolic(function(*map(plain, args[:arrays]), *args[arrays:], **options))

    return lifted


def _entrywise(function: Callable[..., Any]) -> Callable[..., Symbolic]:
    """A function of expressions, on arrays that broadcast."""

    def run(*args: Any) -> Symbolic:
        return symbolic(np.frompyfunc(function, len(args), 1)(*map(plain, args)))

    return run


def _relation(kind: Any) -> Any:
    def relation(a: Any, b: Any) -> Any:
        # SymPy would work a case inside a condition out into a condition of conditions
        return kind(a, b, evaluate=not (a.has(*CASES) or b.has(*CASES)))

    return np.frompyfunc(relation, 2, 1)


def _same(a: Any, b: Any) -> Any:
    if a.is_number and b.is_number:
        return sympy.true if a == b or (a - b).is_zero else sympy.false  # 0.0 == 0 is no equality to SymPy
    return sympy.true if a == b else sympy.Eq(a, b, evaluate=False)


_RELATIONS: dict[np.ufunc, Any] = {
    np.greater: _relation(sympy.Gt),
    np.greater_equal: _relation(sympy.Ge),
    np.less: _relation(sympy.Lt),
    np.less_equal: _relation(sympy.Le),
    np.equal: np.frompyfunc(_same, 2, 1),
    np.not_equal: np.frompyfunc(lambda a, b: sympy.Not(_same(a, b)), 2, 1),
}


def _piecewise(condition: Any, value: Any, otherwise: Any) -> Any:
    """The value where the condition holds; a number holds where it is not 0, as in NumPy."""
    holds = sympy.Not(_same(condition, sympy.S.Zero)) if isinstance(condition, sympy.Expr) else condition
    if holds == sympy.true:
        return value
    if holds == sympy.false:
        return otherwise
    return Case(holds, value, otherwise) if holds.has(*CASES) else sympy.Piecewise((value, holds), (otherwise, True))


def _guarded(holds: Any, value: Any, otherwise: Any) -> Any:
    if holds in (True, False):
        return value if holds else otherwise
    return Guard(holds, value, otherwise)


def _largest(*args: Any) -> Any:
    return sympy.Max(*args, evaluate=len(args) <= MOST_ORDERED or all(arg.is_number for arg in args))


# the vocabulary, formula by formula

pi = sympy.pi
abs = _entrywise(sympy.Abs)  # noqa: A001 - NumPy's names are the vocabulary
arccos = _entrywise(sympy.acos)
arccosh = _entrywise(sympy.acosh)
arcsin = _entrywise(sympy.asin)
arcsinh = _entrywise(sympy.asinh)
arctan = _entrywise(sympy.atan)
arctan2 = _entrywise(sympy.atan2)
arctanh = _entrywise(sympy.atanh)
cos = _entrywise(sympy.cos)
cosh = _entrywise(sympy.cosh)
differ = _entrywise(lambda a, b: sympy.Not(_same(a, b)))
equal = _entrywise(_same)
erf = _entrywise(sympy.erf)
exp = _entrywise(sympy.exp)
exp2 = _entrywise(lambda x: 2**x)
expm1 = _entrywise(lambda x: sympy.exp(x) - 1)
guard = _entrywise(_guarded)
hypot = _entrywise(lambda a, b: sympy.sqrt(a**2 + b**2))
indicator = _entrywise(lambda condition: _piecewise(condition, sympy.S.One, sympy.S.Zero))
log = _entrywise(sympy.log)
log10 = _entrywise(lambda x: sympy.log(x) / sympy.log(10))
log1p = _entrywise(lambda x: sympy.log(1 + x))
log2 = _entrywise(lambda x: sympy.log(x) / sympy.log(2))
logaddexp = _entrywise(lambda a, b: sympy.log(sympy.exp(a) + sympy.exp(b)))
maximum = _entrywise(_largest)
minimum = _entrywise(sympy.Min)
normal_cdf = _entrywise(lambda x: sympy.erfc(-x / sympy.sqrt(2)) / 2)
sigmoid = _entrywise(lambda x: 1 / (1 + sympy.exp(-x)))
sign = _entrywise(sympy.sign)
sin = _entrywise(sympy.sin)
sinc = _entrywise(lambda x: sympy.S.One if x.is_zero else sympy.sin(sympy.pi * x) / (sympy.pi * x))
sinh = _entrywise(sympy.sinh)
softplus = _entrywise(lambda x: sympy.log(1 + sympy.exp(x)))
sqrt = _entrywise(sympy.sqrt)
tan = _entrywise(sympy.tan)
tanh = _entrywise(sympy.tanh)
where = _entrywise(_piecewise)

broadcast_to = _lifted(numbers.broadcast_to)
cumsum = _lifted(numbers.cumsum)
expand_dims = _lifted(numbers.expand_dims)
flip = _lifted(numbers.flip)
fold = _lifted(numbers.fold)
getitem = _lifted(numbers.getitem)
matmul = _lifted(numbers.matmul, 2)
one_hot = _lifted(numbers.one_hot)
prod = _lifted(numbers.prod)
prod_others = _lifted(numbers.prod_others)
reshape = _lifted(numbers.reshape)
scatter = _lifted(numbers.scatter)
segment_sum = _lifted(numbers.segment_sum, 2)
squeeze = _lifted(numbers.squeeze)
sum = _lifted(numbers.sum)  # noqa: A001 - NumPy's name
sum_to = _lifted(numbers.sum_to)
swapaxes = _lifted(numbers.swapaxes)
take = _lifted(numbers.take, 2)
transpose = _lifted(numbers.transpose)
windows = _lifted(numbers.windows)

eye = _lifted(numbers.eye, 0)
ones = _lifted(numbers.ones, 0)
ndim = numbers.ndim
shape = numbers.shape


def einsum(subscripts: str, *operands: Any) -> Symbolic:
    """Sum products over repeated indices."""
    return symbolic(np.einsum(subscripts, *map(plain, operands)))


def concatenate(arrays: Any, axis: int) -> Symbolic:
    """Join along an axis."""
    return symbolic(np.concatenate([plain(array) for array in arrays], axis))


def stack(arrays: Any, axis: int) -> Symbolic:
    """Join along a new axis."""
    return symbolic(np.stack([plain(array) for array in arrays], axis))


def pad(x: Any, width: Any, value: float) -> Symbolic:
    """Put a border of a constant around."""
    return symbolic(np.pad(plain(x), width, constant_values=exact(value)) if width else plain(x))


def max(x: Any, axis: tuple[int, ...], keepdims: bool = False) -> Symbolic:  # noqa: A001 - NumPy's name
    """The largest element over axes."""
    return _over(_largest, x, axis, keepdims)


def top_gap(x: Any, axis: tuple[int, ...]) -> Symbolic:
    """How far the largest element stands above the next; infinite for a single element."""

    def gap(*row: Any) -> Any:
        if len(row) == 1:
            return sympy.oo
        return _largest(*row) - sympy.Min(*(_largest(*row[:i], *row[i + 1 :]) for i in range(len(row))))

    return _over(gap, x, axis, keepdims=False)


def _over(function: Callable[..., Any], x: Any, axis: tuple[int, ...], keepdims: bool) -> Symbolic:
    """Apply a function to the elements along axes together."""
    array = plain(x)
    if not axis:
        return symbolic(np.frompyfunc(function, 1, 1)(array))
    moved = np.moveaxis(array, axis, range(-len(axis), 0))
    kept = moved.shape[: array.ndim - len(axis)]
    rows = moved.reshape(*kept, -1)
    found = np.empty(kept, dtype=object)
    for place in np.ndindex(kept):
        found[place] = function(*rows[place])
    return symbolic(np.expand_dims(found, axis) if keepdims else found)


def norm(x: Any, axis: tuple[int, ...], keepdims: bool = False) -> Symbolic:
    """√Σ x²."""
    return sqrt(sum(symbolic(x) ** 2, axis, keepdims))


def logsumexp(x: Any, axis: tuple[int, ...], keepdims: bool = False) -> Symbolic:
    """The logarithm of Σ exp(x)."""
    return log(sum(exp(x), axis, keepdims))


def softmax(x: Any, axis: int) -> Symbolic:
    """exp(x) / Σ exp(x)."""
    found = exp(x)
    return symbolic(found / sum(found, (axis,), True))


def log_softmax(x: Any, axis: int) -> Symbolic:
    """The logarithm of softmax, x - ln Σ exp(x)."""
    return symbolic(symbolic(x) - logsumexp(x, (axis,), True))


def variables(prefix: str, shape: tuple[int, ...], **assumptions: bool) -> Symbolic:
    """Return an array of real symbols: "x" for a number, "x_0_1" and so on for the entries of an array."""
    make = partial(sympy.Symbol, real=True, **assumptions)
    found = np.empty(shape, dtype=object)
    for place in np.ndindex(shape):
        found[place] = make("_".join([prefix, *map(str, place)]))
    return symbolic(found)
