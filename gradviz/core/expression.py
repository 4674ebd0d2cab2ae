"""Texts such as "q = x + y; f = q*z" as graphs: parsed, checked against a whitelist, never evaluated."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from gradviz.core.apply import apply, constant
from gradviz.core.build import data, graph, param
from gradviz.core.expr import Expr
from gradviz.core.graph import Graph
from gradviz.core.primitive import FUNCTIONS, REGISTRY
from gradviz.core.tape import private_tape
from gradviz.errors import ExpressionError, GradvizError, did_you_mean, short_repr

MOST_CHARACTERS = 100_000

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.MatMult: "matmul",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Lt: "less",
    ast.LtE: "less_equal",
}
_NOT_READ: dict[type[ast.AST], str] = {
    ast.BitXor: "^",
    ast.Mod: "%",
    ast.FloorDiv: "//",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_CONSTANTS = {"pi": math.pi, "π": math.pi, "e": math.e, "inf": math.inf}
_ALIASES = {"ln": "log", "asin": "arcsin", "acos": "arccos", "atan": "arctan"}


@private_tape()
def from_expression(text: str, *, at: Mapping[str, Any] | None = None, data: Iterable[str] = ()) -> Graph:
    """Make a graph of an expression, or of assignments in order.

    Args:
        text: Python's operators ``+ - * / ** @``, comparisons, indexing, and gradviz's functions by
            name; statements are parted by ";" or new lines; a name may be assigned again. ``max`` and
            ``min`` of two are maximum and minimum, ``log`` and ``ln`` are natural; ``pi``, ``π``, ``e``
            and ``inf`` are numbers unless assigned. Names that are not assigned become parameters.
        at: values of names that are not assigned, which give them their shapes; without one a name is a number.
        data: such names that become data instead.

    Returns:
        The graph of what no later statement uses; the last value of a name carries it.

    Raises:
        ExpressionError: for anything else, with the column; for a name in ``at`` or ``data`` that is no leaf.

    Example:
        >>> import gradviz as gv
        >>> g = gv.from_expression("q = x + y; f = q*z")
        >>> {k: float(v) for k, v in gv.backprop(g, at={"x": -2, "y": 5, "z": -4}).grad.items()}
        {'x': -4.0, 'y': -4.0, 'z': 3.0}
    """
    if len(text) > MOST_CHARACTERS:
        raise ExpressionError(f"the expression has {len(text)} characters", hint=f"at most {MOST_CHARACTERS}")
    source = "\n".join(part.strip() for part in text.replace(";", "\n").splitlines())
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        place = f" at column {error.offset}" if isinstance(error, SyntaxError) and error.offset else ""
        raise ExpressionError(
            f"not an expression{place}: {short_repr(text)}",
            hint='write it as in "max(1 - w*x*y, 0)", powers as x**2',
        ) from None
    try:
        return _Reader(source, at or {}, frozenset(data)).read(tree)
    except RecursionError:
        raise ExpressionError("the expression is nested too deeply", hint="name its parts") from None


def refuse_unknown(given: Iterable[str], leaves: Collection[str]) -> None:
    """Refuse names that are no leaves of an expression.

    Raises:
        ExpressionError: for the first.
    """
    for name in given:
        if name not in leaves:
            known = f"its leaves are {', '.join(leaves) or 'none'}"
            raise ExpressionError(f"{name!r} is no leaf of the expression", hint=did_you_mean(name, leaves, known))


class _Reader:
    def __init__(self, source: str, at: Mapping[str, Any], data_names: frozenset[str]) -> None:
        self._lines = source.splitlines()
        self._at = at
        self._data = data_names
        self._names: dict[str, Expr] = {}
        self._free: dict[str, Expr] = {}

    def read(self, tree: ast.Module) -> Graph:
        results: list[Expr] = []
        for statement in tree.body:
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                target = statement.targets[0]
                if not isinstance(target, ast.Name):
                    raise self._refuse(target, "only a name can be assigned")
                value = self._node(statement.value)
                self._names[self._written(target)] = value
                results.append(value)
            elif isinstance(statement, ast.Expr):
                results.append(self._node(statement.value))
            else:
                raise self._refuse(statement, "only expressions and assignments are read")
        if not results:
            raise ExpressionError("the expression is empty", hint='write it as in "x*y + z"')
        refuse_unknown((*self._at, *self._data), self._free)
        for name, handle in self._names.items():
            if handle.name is None and name not in self._free:
                handle.named(name)
        return graph(**self._outputs(results))

    def _outputs(self, results: list[Expr]) -> dict[str, Expr]:
        """Return the results that feed no other result, by name."""
        unique = {handle.id: handle for handle in results}
        used: set[int] = set()
        tape = results[0].tape
        pending = [arg for index in unique for arg in tape.args[index]]
        while pending:
            index = pending.pop()
            if index not in used:
                used.add(index)
                pending.extend(tape.args[index])
        last = [handle for index, handle in unique.items() if index not in used]
        many = len(last) > 1
        return {handle.name or (f"output{place}" if many else "output"): handle for place, handle in enumerate(last)}

    def _refuse(self, node: ast.AST, why: str, hint: str | None = None) -> ExpressionError:
        line = getattr(node, "lineno", 1)
        part = self._lines[line - 1] if line <= len(self._lines) else ""
        before = part.encode()[: getattr(node, "col_offset", 0)].decode()  # the parser counts bytes
        return ExpressionError(f"column {len(before) + 1} of {short_repr(part)}: {why}", hint=hint)

    def _written(self, node: ast.Name) -> str:
        """Return a name as it is written: the parser makes μ of a µ, and l of an ℓ."""
        line = self._lines[node.lineno - 1]
        name = node.id if line.isascii() else line.encode()[node.col_offset : node.end_col_offset].decode()
        if "\N{MIDDLE DOT}" in name:  # part of a name for Python, a product for who writes it
            raise self._refuse(node, f"{name!r} is no name", "a product is x*y")
        return name

    def _node(self, node: ast.expr) -> Expr:
        value = self._value(node)
        if isinstance(value, list):
            raise self._refuse(node, f"these are {len(value)} values", "choose one: split(x, 2)[0]")
        try:
            return constant(value)
        except GradvizError as error:
            raise self._refuse(node, error.what, error.hint) from None

    def _value(self, node: ast.expr) -> Any:
        """Return a handle, or a number where one is written (its dtype is then the other argument's)."""
        read = self._READERS.get(type(node))
        if read is None:
            raise self._refuse(node, f"{type(node).__name__} is not read here")
        try:
            return read(self, node)
        except ExpressionError:
            raise
        except GradvizError as error:
            raise self._refuse(node, error.what, error.hint) from None

    def _number(self, node: ast.Constant) -> float:
        """Return a number as it is written: axes and lengths are integers, a constant of the graph becomes a float."""
        if not isinstance(node.value, (int, float)) or isinstance(node.value, bool):
            raise self._refuse(node, f"{node.value!r} is no number")
        return node.value

    def _name(self, node: ast.Name) -> Any:
        name = self._written(node)
        if name in self._names:
            return self._names[name]
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        if name not in self._free:
            self._free[name] = (data if name in self._data else param)(name, self._at.get(name))
        return self._free[name]

    def _binary(self, node: ast.BinOp) -> Any:
        left, right = self._node(node.left), self._value(node.right)
        if isinstance(node.op, ast.Pow):
            return left**right
        return apply(self._operator(node, node.op), left, right)

    def _operator(self, node: ast.AST, op: ast.AST) -> Any:
        if type(op) not in _OPERATORS:
            sign = _NOT_READ.get(type(op), type(op).__name__)
            raise self._refuse(
                node, f"the operator {sign} is not read here", "a power is x**2" if sign == "^" else None
            )
        return REGISTRY[_OPERATORS[type(op)]]

    def _unary(self, node: ast.UnaryOp) -> Any:
        value = self._value(node.operand)
        if isinstance(node.op, ast.USub):
            return -value
        if isinstance(node.op, ast.UAdd):
            return value
        raise self._refuse(node, "only + and - stand before a term")

    def _compare(self, node: ast.Compare) -> Any:
        if len(node.ops) > 1:
            raise self._refuse(node, "comparisons are not chained")
        return apply(self._operator(node, node.ops[0]), self._value(node.left), self._value(node.comparators[0]))

    def _call(self, node: ast.Call) -> Any:
        if not isinstance(node.func, ast.Name):
            raise self._refuse(node, "only functions by name are called")
        name = _ALIASES.get(node.func.id, node.func.id)
        if name in ("max", "min") and len(node.args) == 2 and not node.keywords:
            name = f"{name}imum"
        if name not in FUNCTIONS:
            hint = did_you_mean(node.func.id, FUNCTIONS, "it has NumPy's names, such as exp, log, maximum")
            raise self._refuse(node, f"there is no function {node.func.id!r}", hint)
        options = {keyword.arg: self._literal(keyword.value) for keyword in node.keywords if keyword.arg}
        if len(options) < len(node.keywords):
            raise self._refuse(node, "** is not read here")
        arguments = [self._argument(arg) for arg in node.args]
        function: Callable[..., Any] = FUNCTIONS[name]
        try:
            return function(*arguments, **options)
        except TypeError as error:
            raise self._refuse(node, str(error)) from None

    def _argument(self, node: ast.expr) -> Any:
        if isinstance(node, (ast.List, ast.Tuple)):
            return [self._value(item) for item in node.elts]
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        return self._value(node)

    def _literal(self, node: ast.expr) -> Any:
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            raise self._refuse(node, "an option takes a plain value") from None

    def _subscript(self, node: ast.Subscript) -> Any:
        value, key = self._value(node.value), self._key(node.slice)
        if isinstance(value, list):  # the parts of a split
            try:
                return value[key]
            except (IndexError, TypeError) as error:
                raise self._refuse(node, str(error)) from None
        return FUNCTIONS["getitem"](value, key)

    def _key(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Tuple):
            return tuple(self._key(item) for item in node.elts)
        if isinstance(node, ast.Slice):
            ends = (node.lower, node.upper, node.step)
            return slice(*(None if end is None else self._literal(end) for end in ends))
        return self._literal(node)

    _READERS: dict[type[ast.expr], Callable[[Any, Any], Any]] = {  # noqa: RUF012 - a table, never changed
        ast.Constant: _number,
        ast.Name: _name,
        ast.BinOp: _binary,
        ast.UnaryOp: _unary,
        ast.Compare: _compare,
        ast.Call: _call,
        ast.Subscript: _subscript,
    }
