"""Linear algebra: products of vectors, matrices and tensors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from string import ascii_letters
from typing import Any

from gradviz.core.batch import Lifted
from gradviz.core.expr import Expr
from gradviz.core.primitive import FUNCTIONS, Shape, broadcast, function, primitive
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


def _matmul_batch(args: Sequence[Lifted], size: int) -> Lifted:
    """Products with vectors become one product of matrices, their columns (or rows) the samples."""
    a, b = args
    if a.rank == 1 and b.rank == 1:
        return _inner_batch(a, b)
    if a.behind is None and a.rank == 2 and b.rank == 1:
        if b.behind == 0:
            return Lifted(matmul(a.handle, b.handle), 0)
        return Lifted(matmul(b.handle, FUNCTIONS["transpose"](a.handle)), 1)
    if b.behind is None and b.rank == 2 and a.rank == 1:
        if a.behind == 0:
            return Lifted(matmul(FUNCTIONS["transpose"](b.handle), a.handle), 0)
        return Lifted(matmul(a.handle, b.handle), 1)
    rank = max(a.rank, b.rank, 2)
    left, right = _as_matrices(a, rank, -2), _as_matrices(b, rank, -1)
    made = matmul(left, right)
    gone = tuple(axis % made.ndim for axis, arg in ((-2, a), (-1, b)) if arg.rank == 1)
    made = FUNCTIONS["squeeze"](made, gone) if gone else made
    return Lifted(made, made.ndim - 1)


def _inner_batch(a: Lifted, b: Lifted) -> Lifted:
    if a.behind is None or b.behind is None:
        fixed, lifted = (a.handle, b) if a.behind is None else (b.handle, a)
        product = matmul(fixed, lifted.handle) if lifted.behind == 0 else matmul(lifted.handle, fixed)
        return Lifted(product, 0)
    behind = min(a.behind, b.behind)
    product = multiply(a.moved(behind).handle, b.moved(behind).handle)
    return Lifted(FUNCTIONS["sum"](product, axis=1 - (behind == 0)), 0)


def _as_matrices(arg: Lifted, rank: int, vector_axis: int) -> Expr:
    """Return an argument of a product with its new axis, if any, before ``rank`` axes of its own."""
    handle = arg.first if arg.behind is not None else arg.handle
    lead = int(arg.behind is not None)
    if arg.rank == 1:
        handle = FUNCTIONS["expand_dims"](handle, lead if vector_axis == -2 else lead + 1)
    missing = rank - max(arg.rank, 2)
    if lead and missing:
        handle = FUNCTIONS["expand_dims"](handle, tuple(range(1, 1 + missing)))
    return handle


matmul = primitive("matmul", symbol=r"\cdot", shape=_matmul_shape,
    doc="The matrix product a @ b, with every rank that NumPy allows.",
    forward=lambda xp, a, b: xp.matmul(a, b),
    vjp=_matmul_vjp, batch=_matmul_batch)  # fmt: skip


def _outer_shape(a: Shape, b: Shape) -> Shape:
    if len(a) != 1 or len(b) != 1:
        raise ShapeError("an outer product needs two vectors")
    return a + b


def _outer_batch(args: Sequence[Lifted], size: int) -> Lifted:
    a, b = (arg.spread(size).handle for arg in args)
    return Lifted(matmul(FUNCTIONS["expand_dims"](a, 2), FUNCTIONS["expand_dims"](b, 1)), 2)


outer = primitive("outer", symbol=r"\otimes", notation=r"<#1> \otimes <#2>", shape=_outer_shape,
    doc="The outer product of two vectors, a_i b_j.",
    forward=lambda xp, a, b: xp.matmul(xp.expand_dims(a, -1), xp.expand_dims(b, -2)),
    vjp=lambda xp, g, f, a, b: (xp.squeeze(xp.matmul(g, xp.expand_dims(b, -1)), -1),
                                xp.squeeze(xp.matmul(xp.swapaxes(g, -1, -2), xp.expand_dims(a, -1)), -1)),
    batch=_outer_batch)  # fmt: skip


@function
def dot(a: Any, b: Any) -> Expr:
    """NumPy's dot: the inner product of vectors, the matrix product, or scaling by a scalar."""
    a, b = as_handle(a), as_handle(b)
    if a.ndim == 0 or b.ndim == 0:
        return multiply(a, b)
    if a.ndim <= 2 and b.ndim <= 2:
        return matmul(a, b)
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


def _einsum_batch(args: Sequence[Lifted], size: int, *, subscripts: str) -> Lifted:
    inputs, output = subscripts.split("->")
    new = next(letter for letter in ascii_letters if letter not in subscripts)
    last = all(arg.behind in (None, 0) for arg in args)
    terms = [
        letters if arg.behind is None else letters + new if last else new + letters
        for arg, letters in zip(args, inputs.split(","), strict=True)
    ]
    handles = [arg.handle if arg.behind is None or last else arg.first for arg in args]
    result = output + new if last else new + output
    return Lifted(_einsum(*handles, subscripts=f"{','.join(terms)}->{result}"), 0 if last else len(output))


_einsum = primitive("einsum", symbol=r"\Sigma", shape=_einsum_shape,
    forward=lambda xp, *args, subscripts: xp.einsum(subscripts, *args),
    vjp=_einsum_vjp, batch=_einsum_batch)  # fmt: skip


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
    if not isinstance(subscripts, str):
        raise GraphError("einsum takes its subscripts first", where=user_location(), hint='einsum("ij,j->i", W, x)')
    handles = [as_handle(operand) for operand in operands]
    return _einsum(*handles, subscripts=_explicit(subscripts, [handle.ndim for handle in handles]))


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
