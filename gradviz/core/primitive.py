"""What a primitive is: one declaration that every namespace runs.

A primitive's forward rule and its derivative rule are ordinary functions of a namespace ``xp`` and
the arguments. Nothing else in gradviz holds knowledge about an operation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from gradviz.errors import GradvizError, GraphError, RuleError, ShapeError, error_location, short_repr, user_location

if TYPE_CHECKING:
    from gradviz.core.expr import Expr

Shape: TypeAlias = tuple[int, ...]
Rule: TypeAlias = Callable[..., Any]
Interval: TypeAlias = tuple[float, float]

Result = TypeVar("Result")
Function = TypeVar("Function", bound=Callable[..., Any])

_SEVERAL = (tuple, list)
REALS: Interval = (-float("inf"), float("inf"))


def broadcast(*shapes: Shape, **_: object) -> Shape:
    """Return the shape that NumPy's broadcasting gives (the default shape rule)."""
    first = shapes[0]
    if all(shape == first for shape in shapes):
        return first
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise ShapeError("the shapes do not broadcast") from None


@dataclass(frozen=True, eq=False)
class Primitive:
    """One operation, declared once.

    Attributes:
        name: NumPy's name for it.
        symbol: LaTeX for its box; a function of the attributes and the argument shapes where it
            depends on them.
        forward: ``forward(xp, *args, **attrs)``.
        partials: for elementwise primitives, one ``partial(xp, f, *args, **attrs)`` an argument; the
            vector-Jacobian product is then ``unbroadcast(g * partial)``.
        vjp: for all others, ``vjp(xp, g, f, *args, **attrs)``, a tuple with one entry an argument
            (None for an argument that has no derivative).
        shape: ``shape(*shapes, **attrs)``; raises ShapeError.
        dtype: "same" for the widest of the arguments' (whole numbers take that of the floats they meet), "float"
            where integers become floats; or a function of the arguments' dtypes and the attributes.
        domain: an open interval an argument in which the rules hold; () for all reals.
        kink: ``kink(xp, *args, **attrs)`` is zero where there is no derivative.
        notation: how the value is written, "#1" and "#2" standing for the arguments, "<#1>" for one
            that gets parentheses unless it is a single thing; the default is ``symbol(#1, #2)``.
        inside: the places of arguments that stand in the box where one is a bare number, which is then no leaf of the
            picture: the box shows the rule with a dot for the other argument.
        label: LaTeX for the derivative by each argument, only where running the rule cannot give it; a function
            of the attributes where it depends on them. "#f", "#g", "#1", … stand for the value, the adjoint and
            the arguments.
        indices: the places of arguments that are integers and choose among so many things,
            ``count(*shapes, **attrs)``; they have no derivative, and a proof is for some of them.
        batch: how it is applied to many samples at once, ``batch(args, size, **attrs)`` on
            `gradviz.core.batch.Lifted` values; only for an operation that is neither elementwise nor says
            by its attributes (axis, axes, shape, key, width) which axes it acts on.
    """

    name: str
    symbol: str | Callable[[Mapping[str, Any], tuple[Shape, ...]], str]
    forward: Rule
    partials: tuple[Rule, ...] | None = None
    vjp: Rule | None = None
    shape: Callable[..., Shape] = broadcast
    dtype: str | Callable[..., np.dtype[Any]] = "same"
    domain: tuple[Interval, ...] = ()
    kink: Rule | None = None
    notation: str | None = None
    inside: tuple[int, ...] = ()
    label: tuple[str, ...] | Callable[[Mapping[str, Any]], tuple[str, ...]] | None = None
    indices: Mapping[int, Callable[..., int]] = field(default_factory=dict)
    batch: Rule | None = None
    leaf: bool = False

    @property
    def elementwise(self) -> bool:
        """Whether the value at a position depends on the arguments at that position alone."""
        return self.partials is not None

    def symbol_for(self, attrs: Mapping[str, Any], shapes: tuple[Shape, ...]) -> str:
        """Return the LaTeX for the box of a node with these attributes and argument shapes."""
        return self.symbol if isinstance(self.symbol, str) else self.symbol(attrs, shapes)

    def label_for(self, attrs: Mapping[str, Any], slot: int) -> str | None:
        """Return the declared LaTeX for the derivative of a node with these attributes by one argument, if any."""
        found = self.label(attrs) if callable(self.label) else self.label
        return None if found is None else found[slot]

    def __call__(self, *args: Any, **attrs: Any) -> Expr:
        """Build a node: the primitive applied to handles, arrays or numbers."""
        return BUILDER[0](self, *args, **attrs)

    # There is one primitive of a name: a copy would be taken for another (`row.op is PARAMETER`).

    def __copy__(self) -> Primitive:
        return self

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Primitive:
        return self

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


REGISTRY: dict[str, Primitive] = {}
FUNCTIONS: dict[str, Callable[..., Expr]] = {}
"""What a user calls, by NumPy's name: a primitive itself, or a function that prepares its attributes."""

BUILDER: list[Callable[..., Expr]] = []
"""The function that applies a primitive to handles; the module of the handles puts it here."""


def function(made: Function) -> Function:
    """Offer a function to users under its own name (a trailing underscore is dropped)."""
    FUNCTIONS[made.__name__.rstrip("_")] = made
    return made


def primitive(name: str, *, symbol: Any, forward: Rule, doc: str = "", **fields: Any) -> Primitive:
    r"""Declare a primitive and register it under its name.

    Exactly one of ``partials`` and ``vjp`` is given; see `Primitive` for the fields. The primitive is
    itself the function that builds a node: ``sigmoid(x)``. ``doc`` becomes its docstring.

    Raises:
        GraphError: for a second declaration of a name, or neither or both of the derivative rules.

    Example:
        >>> from gradviz.core.primitive import REGISTRY
        >>> REGISTRY["sigmoid"].symbol
        '\\sigma'
    """
    if name in REGISTRY or name in (PARAMETER.name, DATA.name, CONSTANT.name):
        raise GraphError(f"a primitive named {name!r} is declared already", hint="choose another name")
    if name.startswith("__"):
        raise GraphError(f"{name!r} is no name for a primitive", hint="names with two underscores are Python's own")
    if ("partials" in fields) == ("vjp" in fields):
        raise GraphError(f"primitive {name!r} needs either partials (elementwise) or a vjp")
    if "vjp" in fields:
        fields["vjp"] = _checked_vjp(fields["vjp"], f"the vjp of {name}")
    elif isinstance(fields["partials"], _SEVERAL):
        rules = enumerate(fields["partials"], 1)
        fields["partials"] = tuple(_checked_partial(rule, f"partial {place} of {name}") for place, rule in rules)
    else:
        raise GraphError(f"the partials of {name!r} are no tuple", where=user_location(), hint="one rule an argument")
    if "shape" in fields:
        fields["shape"] = _checked_shape(fields["shape"], f"the shape rule of {name}")
    made = Primitive(name=name, symbol=symbol, forward=forward, **fields)
    object.__setattr__(made, "__doc__", doc or f"The primitive {name}.")
    REGISTRY[name] = made
    FUNCTIONS.setdefault(name, made)
    return made


def _leaf(name: str) -> Primitive:
    def forward(xp: Any) -> Any:
        raise GraphError(f"a {name} has a value, not a rule")

    return Primitive(name=name, symbol="", forward=forward, vjp=lambda xp, g, f: (), leaf=True)


PARAMETER = _leaf("parameter")
DATA = _leaf("data")
CONSTANT = _leaf("constant")


def result_dtype(op: Primitive, dtypes: tuple[np.dtype[Any], ...], attrs: Mapping[str, Any]) -> np.dtype[Any]:
    """Return the dtype of a primitive's value for arguments of these dtypes."""
    if callable(op.dtype):
        return op.dtype(*dtypes, **attrs)
    dtype = dtypes[0]
    if any(other != dtype for other in dtypes):
        dtype = np.result_type(*([other for other in dtypes if other.kind == "f"] or dtypes))
    if op.dtype == "float" and dtype.kind != "f":
        return np.dtype(np.float64)
    return dtype


# what is no answer to a rule's question might be computed with all the same: it is refused at once


def _checked_vjp(rule: Rule, what: str) -> Rule:
    @wraps(rule)
    def vjp(*args: Any, **attrs: Any) -> Any:
        answer = rule(*args, **attrs)
        if isinstance(answer, _SEVERAL):
            return answer
        raise _refused(rule, what, answer, "a tuple with one entry an argument")

    return vjp


def _checked_partial(rule: Rule, what: str) -> Rule:
    @wraps(rule)
    def partial(*args: Any, **attrs: Any) -> Any:
        answer = rule(*args, **attrs)
        if answer is None or isinstance(answer, _SEVERAL):
            raise _refused(rule, what, answer, "a number or an array")
        return answer

    return partial


def _checked_shape(rule: Rule, what: str) -> Callable[..., Shape]:
    @wraps(rule)
    def shape(*shapes: Shape, **attrs: Any) -> Shape:
        try:
            answer = call_rule(lambda: rule(*shapes, **attrs))
        except RuleError as error:
            raise RuleError(f"{what} failed: {error.what}", where=error.where or user_location()) from error
        if isinstance(answer, _SEVERAL) and all(isinstance(n, (int, np.integer)) and n >= 0 for n in answer):
            return tuple(answer)
        raise _refused(rule, what, answer, "a tuple of lengths")

    return shape


def _refused(rule: Rule, what: str, answer: Any, wanted: str) -> RuleError:
    code = getattr(rule, "__code__", None)
    where = f"{code.co_filename}:{code.co_firstlineno}" if code else user_location()
    return RuleError(f"{what} gives {short_repr(answer)}", where=where, hint=f"it should be {wanted}")


def attrs_key(attrs: Mapping[str, Any]) -> Any:
    """Return attributes as something that can be compared and looked up."""

    def key(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return (value.dtype.str, value.shape, value.tobytes())
        if isinstance(value, slice):
            return ("slice", value.start, value.stop, value.step)
        if isinstance(value, (tuple, list)):
            return tuple(map(key, value))
        return value

    return tuple((name, key(value)) for name, value in sorted(attrs.items()))


def call_rule(rule: Callable[[], Result], whose: Callable[[], str] | None = None) -> Result:
    """Run a rule, which may be a user's and raise anything.

    Args:
        rule: runs it.
        whose: describes the node that it is run for, if the error is to say so.

    Raises:
        RuleError: for what it raised; nothing else of ours may hide behind a user's mistake.
    """
    try:
        return rule()
    except GradvizError:
        raise
    except Exception as error:
        failed = f"the rule of {whose()} failed: " if whose else ""
        where = error_location(error) or user_location()
        raise RuleError(f"{failed}{type(error).__name__}: {error}", where=where) from error
