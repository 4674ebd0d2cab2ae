"""Formulas in plain text read back as numbers, as someone would who sees nothing but the text."""

from __future__ import annotations

import math
import re

_TOKEN = re.compile(r"\d+(?:\.\d+)?|[^\W\d_](?:[\u0300-\u036f]|[^\W\d_])*(?:_\w+)?|\S")
_FUNCTIONS = {
    "sqrt": math.sqrt, "ln": math.log, "sin": math.sin, "cos": math.cos, "tan": math.tan, "tanh": math.tanh,
    "sinh": math.sinh, "cosh": math.cosh, "arctan": math.atan, "max": max, "min": min, "exp": math.exp,
    "sign": lambda x: (x > 0) - (x < 0), "σ": lambda x: 1 / (1 + math.exp(-x)), "ReLU": lambda x: max(x, 0.0),
}  # fmt: skip
_RELATIONS = {
    ">": lambda a, b: a > b, "<": lambda a, b: a < b, "≥": lambda a, b: a >= b, "≤": lambda a, b: a <= b,
}  # fmt: skip


class Formula:
    """Reads a formula.

    Args:
        text: the formula.
        names: the numbers that names stand for.
        tight: whether factors side by side go before a division: people read a/b c both ways.
    """

    def __init__(self, text, names, *, tight):
        self._tokens = _TOKEN.findall(text)
        self._names = {"e": math.e, "π": math.pi, **names}
        self._tight = tight
        self._in_bars = False

    def value(self):
        """Return its number."""
        found = self._sum()
        assert not self._tokens, self._tokens
        return found

    @property
    def _next(self):
        return self._tokens[0] if self._tokens else ""

    def _take(self, *wanted):
        assert not wanted or self._next in wanted, (wanted, self._tokens)
        return self._tokens.pop(0)

    def _sum(self):
        found = self._product()
        while self._next in ("+", "−"):
            found += self._product() if self._take() == "+" else -self._product()
        return found

    def _product(self):
        if self._next == "−":
            self._take()
            return -self._product()
        found = self._factors()
        while self._next in ("·", "×", "/") or self._begins():
            sign = self._take() if self._next in ("·", "×", "/") else "·"
            right = -self._factors() if self._next == "−" and self._take() else self._factors()
            found = found / right if sign == "/" else found * right
        return found

    def _factors(self):
        found = self._power()
        while self._tight and self._begins():
            found *= self._power()
        return found

    def _begins(self):
        return self._next[:1].isalnum() or self._next == "(" or (self._next == "|" and not self._in_bars)

    def _power(self):
        found = self._atom()
        if self._next != "^":
            return found
        self._take()
        minus = self._next == "−" and self._take()
        exponent = self._power()
        return found ** (-exponent if minus else exponent)

    def _atom(self):
        token = self._take()
        if token == "(":
            return self._closed(self._sum(), ")")
        if token == "|":
            self._in_bars = True
            found = self._closed(abs(self._sum()), "|")
            self._in_bars = False
            return found
        if token == "1" and self._next == "[":
            self._take()
            left, relation = self._sum(), self._take()
            return self._closed(float(_RELATIONS[relation](left, self._sum())), "]")
        if token in _FUNCTIONS:
            self._take("(")
            arguments = [self._sum()]
            while self._next == ",":
                self._take()
                arguments.append(self._sum())
            return self._closed(_FUNCTIONS[token](*arguments), ")")
        return float(token) if token[0].isdigit() else self._names[token]

    def _closed(self, value, bracket):
        self._take(bracket)
        return value


def readings(text, names):
    """Return the numbers that a formula may be taken for."""
    return [Formula(text, names, tight=tight).value() for tight in (True, False)]
