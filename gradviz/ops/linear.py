"""Linear algebra: products of vectors, matrices and tensors."""

from __future__ import annotations

from itertools import chain
from string import ascii_letters
from typing import Any

from gradviz.core.expr import Expr
from gradviz.core.primitive import Shape, broadcast, function, primitive
from gradviz.errors import GraphError, ShapeError, user_location
from gradviz.ops.axes import as_handle
from gradviz.ops.elementwise import multiply


def _matmul_shape(a: Shape, b: Shape) -> Shape:
    if not a or not b:
        raise ShapeError("a matrix product needs vectors or matrices, not scalars", hint="use * for scalars")
    inner_a, inner_b = a[-1], b[0] if len(b) == 1 else b[-2]
    if inner_a != inner_b:
        raise ShapeError(f"the inner lengths {inner_a} and {inner_b} differ")
    rows = a[-2:-1]
    columns = b[-1:] if len(b) > 1 else ()
    return (*broadcast(a[:-2], b[:-2]), *rows, *columns)


def _matmul_vjp(xp: Any, g: Any, f: Any, a: Any, b: Any) -> tuple[Any, Any]:
    vector_a, vector_b = xp.ndim(a) == 1, xp.ndim(b) == 1
    if vector_a and vector_b:
        return g * b, g * a
    if vector_a:
        by_a = xp.squeeze(xp.matmul(b, xp.expand_dims(g, -1)), -1)
        by_b = xp.matmul(xp.expand_dims(a, -1), xp.expand_dims(g, -2))
    elif vector_b:
        by_a = xp.matmul(xp.expand_dims(g, -1), xp.expand_dims(b, -2))
        by_b = xp.squeeze(xp.matmul(xp.swapaxes(a, -1, -2), xp.expand_dims(g, -1)), -1)
    else:
        by_a = xp.matmul(g, xp.swapaxes(b, -1, -2))
        by_b = xp.matmul(xp.swapaxes(a, -1, -2), g)
    return xp.sum_to(by_a, xp.shape(a)), xp.sum_to(by_b, xp.shape(b))


matmul = primitive("matmul", symbol=r"\cdot", shape=_matmul_shape,
    doc="The matrix product a @ b, with every rank that NumPy allows.",
    forward=lambda xp, a, b: xp.matmul(a, b),
    vjp=_matmul_vjp)  # fmt: skip


def _outer_shape(a: Shape, b: Shape) -> Shape:
    if len(a) != 1 or len(b) != 1:
        raise ShapeError("an outer product needs two vectors")
    return a + b


outer = primitive("outer", symbol=r"\otimes", notation=r"<#1> \otimes <#2>", shape=_outer_shape,
    doc="The outer product of two vectors, a_i b_j.",
    forward=lambda xp, a, b: xp.matmul(xp.expand_dims(a, -1), xp.expand_dims(b, -2)),
    vjp=lambda xp, g, f, a, b: (xp.squeeze(xp.matmul(g, xp.expand_dims(b, -1)), -1),
                                xp.squeeze(xp.matmul(xp.swapaxes(g, -1, -2), xp.expand_dims(a, -1)), -1)))  # fmt: skip


@function
def dot(a: Any, b: Any) -> Expr:
    """NumPy's dot: the inner product of vectors, the matrix product, or scaling by a scalar."""
    a, b = as_handle(a), as_handle(b)
    if a.ndim == 0 or b.ndim == 0:
        return multiply(a, b)  # type: ignore[no-any-return]
    if a.ndim <= 2 and b.ndim <= 2:
        return matmul(a, b)  # type: ignore[no-any-return]
    letters = iter(ascii_letters)
    left = [next(letters) for _ in a.shape]
    right = [next(letters) for _ in b.shape]
    inner = len(right) - 2 if len(right) > 1 else 0
    right[inner] = left[-1]
    result = [*left[:-1], *right[:inner], *right[inner + 1 :]]
    return einsum(f"{''.join(left)},{''.join(right)}->{''.join(result)}", a, b)


# einsum: the subscripts are made explicit, ellipses included, when the graph is built


def _einsum_lengths(subscripts: str, shapes: tuple[Shape, ...]) -> dict[str, int]:
    inputs = subscripts.split("->", maxsplit=1)[0].split(",")
    lengths: dict[str, int] = {}
    for letters, shape in zip(inputs, shapes, strict=True):
        for letter, length in zip(letters, shape, strict=True):
            known = lengths.get(letter, 1)
            if 1 not in (known, length) and known != length:
                raise ShapeError(f"einsum {subscripts!r}: index {letter} has lengths {known} and {length}")
            lengths[letter] = known if length == 1 else length
    return lengths


def _einsum_shape(*shapes: Shape, subscripts: str) -> Shape:
    lengths = _einsum_lengths(subscripts, shapes)
    return tuple(lengths[letter] for letter in subscripts.split("->")[1])


def _einsum_vjp(xp: Any, g: Any, f: Any, *args: Any, subscripts: str) -> tuple[Any, ...]:
    inputs, output = subscripts.split("->")
    operands = inputs.split(",")
    lengths = _einsum_lengths(subscripts, tuple(xp.shape(arg) for arg in args))
    unused = [letter for letter in ascii_letters if letter not in subscripts]
    found = []
    for place, letters in enumerate(operands):
        terms = [output, *operands[:place], *operands[place + 1 :]]
        factors = [g, *args[:place], *args[place + 1 :]]
        target = ""
        for letter in letters:
            if letter in target:  # a diagonal: only the entries with equal indices are read
                fresh = unused[len(terms)]
                terms.append(letter + fresh)
                factors.append(xp.eye(lengths[letter]))
                target += fresh
            else:
                target += letter
        for letter in letters:
            if letter not in "".join(terms):  # summed away on its own: the adjoint is spread over it
                terms.append(letter)
                factors.append(xp.ones((lengths[letter],)))
        whole = xp.einsum(f"{','.join(terms)}->{target}", *factors)
        found.append(xp.sum_to(whole, xp.shape(args[place])))
    return tuple(found)


_einsum = primitive("einsum", symbol=r"\Sigma", shape=_einsum_shape,
    forward=lambda xp, *args, subscripts: xp.einsum(subscripts, *args),
    vjp=_einsum_vjp)  # fmt: skip


@function
def einsum(subscripts: str, *operands: Any) -> Expr:
    """Sum products over repeated indices, in NumPy's notation.

    Args:
        subscripts: such as "ij,jk->ik"; an ellipsis stands for leading axes that broadcast.
        operands: as many as the subscripts name.

    Raises:
        GraphError: for subscripts that NumPy would refuse.
        ShapeError: where an index has two lengths.

    Example:
        >>> import gradviz as gv
        >>> gv.einsum("ij,j->i", gv.param("A", shape=(2, 3)), gv.data("x", shape=3)).shape
        (2,)
    """
    handles = [as_handle(operand) for operand in operands]
    return _einsum(*handles, subscripts=_explicit(subscripts, [handle.ndim for handle in handles]))  # type: ignore[no-any-return]


def _explicit(subscripts: str, ranks: list[int]) -> str:
    def refuse(why: str) -> GraphError:
        return GraphError(f"einsum {subscripts!r}: {why}", where=user_location(), hint='write it as in "ij,jk->ik"')

    text = subscripts.replace(" ", "")
    inputs, arrow, output = text.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ranks):
        raise refuse(f"{len(terms)} terms for {len(ranks)} operands")
    spread = [letter for letter in ascii_letters if letter not in text]
    widths = []
    for term, rank in zip(terms, ranks, strict=True):
        letters = term.replace("...", "")
        if not all(letter in ascii_letters for letter in letters):
            raise refuse("only letters and one '...' a term are allowed")
        width = rank - len(letters)
        if width < 0 or (width and "..." not in term):
            raise refuse(f"term {term!r} does not fit an operand of {rank} axes")
        widths.append(width if "..." in term else 0)
    most = max(widths, default=0)
    dots = spread[:most]

    def expand(term: str, width: int) -> str:
        return term.replace("...", "".join(dots[most - width :]))

    full = [expand(term, width) for term, width in zip(terms, widths, strict=True)]
    if not arrow:
        found = sorted(set("".join(terms).replace(".", "")))
        once = [letter for letter in found if "".join(terms).count(letter) == 1]
        output = ("..." if most else "") + "".join(once)
    result = expand(output, most)
    known = set(chain.from_iterable(full))
    if len(set(result)) < len(result) or not set(result) <= known:
        raise refuse("the result repeats an index or names an unknown one")
    return f"{','.join(full)}->{result}"
