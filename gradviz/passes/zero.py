"""Whether a formula is zero, decided by algebra and within a time limit."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import sympy

from gradviz.core.interrupts import interrupts_led_to
from gradviz.errors import GradvizError

_LONG = 10**6
_SYMPY = str(Path(sympy.__file__).parent)


class TimeIsUpError(BaseException):
    """The time limit has passed. No Exception, so that a library's own handlers let it through."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Let SymPy run for so long and no longer.

    SymPy knows no limits of its own, and a signal would only reach the main thread; the interpreter's
    trace hook is asked at every call of a function instead. A debugger's hook is put back afterwards.

    Ctrl-C waits for the next call, too: raised wherever the interpreter is, it might be swallowed.

    Raises:
        TimeIsUpError, KeyboardInterrupt: from within the code.
    """
    end = time.monotonic() + seconds
    before = sys.gettrace()
    interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True

    def look(frame: FrameType, event: str, arg: object) -> Any:
        code = frame.f_code
        loops = code.co_filename.endswith("libhyper.py")  # mpmath's series are long loops without a call
        # elsewhere the error might be swallowed: by a generator at its end, or a callback of the garbage collector
        sound = code.co_filename.startswith(_SYMPY) and not code.co_flags & inspect.CO_GENERATOR
        if loops or sound:
            if interrupted:
                raise KeyboardInterrupt
            if time.monotonic() > end:
                raise TimeIsUpError
        return look if loops else None

    with interrupts_led_to(interrupt):
        sys.settrace(look)
        try:
            yield
        finally:
            sys.settrace(before)
    if interrupted:
        raise KeyboardInterrupt


def why_given_up(error: Exception) -> str:
    """Say why SymPy could not work something out."""
    if isinstance(error, RecursionError):
        return "the formula is too deep for SymPy"
    if isinstance(error, GradvizError):
        return f"the rule does not run on symbols: {error.what}"
    return f"SymPy gives up: {type(error).__name__}: {error}"


def is_zero(expression: Any) -> bool:
    """Say whether algebra turns an expression into 0; False also means "not decided"."""
    if expression == 0:
        return True
    rational = _with_names(expression)
    if _numerator(rational) == 0 or sympy.expand(expression) == 0:
        return True
    if _numerator(_with_names(sympy.powdenest(expression.rewrite(sympy.exp), force=True))) == 0:
        return True
    return not has_long_numbers(expression) and bool(sympy.simplify(expression) == 0)


def has_long_numbers(expression: Any) -> bool:
    """Whether there is a long fraction: simplifying p/q·ln x, SymPy would work out x to the power of p."""
    return any(max(abs(one.p), one.q) > _LONG for one in expression.atoms(sympy.Rational))


def _numerator(expression: Any) -> Any:
    return sympy.expand(sympy.fraction(sympy.together(expression))[0])


def _with_names(expression: Any) -> Any:
    """Name what is no rational function: e^x and √x become powers of few symbols, which are seen to cancel."""
    names: dict[Any, sympy.Symbol] = {}

    def name(key: Any) -> sympy.Symbol:
        return names.setdefault(key, sympy.Dummy(f"e{len(names)}", positive=True))

    def exponential(argument: Any) -> Any:
        product = sympy.S.One
        for term in sympy.Add.make_args(sympy.expand(argument)):
            number, rest = term.as_coeff_Mul()
            product *= name((sympy.exp, rest)) ** number
        return product

    def root(base: Any, exponent: Any) -> Any:
        return name((base, exponent.q)) ** exponent.p

    named = expression.replace(sympy.exp, exponential)
    return named.replace(_is_root, lambda power: root(*power.as_base_exp()))


def _is_root(expression: Any) -> bool:
    return bool(expression.is_Pow and expression.exp.is_Rational and not expression.exp.is_Integer)
