"""Formulas of single numbers as straight-line Python: what is used twice gets a name, all else stays in one line."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gradviz.compiler.names import Names
from gradviz.compiler.scalar_forms import ATOM, FUNCTIONS, Form, form_of, literal
from gradviz.namespaces.record import Term

WIDTH = 88
"""A longer formula is cut by naming a part of it."""


class ScalarBody:
    """The statements of a function, and the texts of its terms.

    Args:
        names: hands out names of variables.
        known: the names of the symbols.
        hints: what some terms should be called.

    Attributes:
        lines: the statements.
        used: the symbols that they need.
        functions: what they need of Python's `math`, functions and numbers.
        count: the number of operations.
    """

    def __init__(self, names: Names, known: Mapping[Term, str], hints: Mapping[Term, str]) -> None:
        self._names = names
        self._texts: dict[Term, tuple[str, int]] = {term: (name, ATOM) for term, name in known.items()}
        self._hints = hints
        self._temporaries = 0
        self.count = 0
        self.lines: list[str] = []
        self.used: set[Term] = set()
        self.functions: set[str] = set()

    def compute(self, terms: Sequence[Term], named: Iterable[Term] = ()) -> None:
        """Make the texts of some terms.

        Args:
            terms: what is wanted, in this order.
            named: which of them must be computed by a statement of their own.
        """
        order = list(_in_order(terms))
        functions = [term for term in order if is_function(term)]
        uses = Counter(arg for term in functions for arg in term.args)
        uses.update(terms)
        once = {term for term in functions if uses[term] > 1} | set(named)
        for term in functions:
            once.update(term.args[place] for place in form_of(term).repeated)
        for term in order:
            self._compute(term, term in once)

    def text(self, term: Term) -> str:
        """Return how a term is written."""
        return self._texts[term][0]

    def _compute(self, term: Term, once: bool) -> None:
        if term in self._texts:
            self.used.add(term)
            return
        if term.fn == "number":
            value = float(term.args[0])
            self._texts[term] = literal(value)
            if not math.isfinite(value):
                self.functions.add("nan" if math.isnan(value) else "inf")
            return
        self.count += 1
        form = form_of(term)
        text = self._text(term, form)
        while len(text) > WIDTH:
            longest = max(term.args, key=lambda arg: len(self.text(arg)))
            if self._texts[longest][1] == ATOM:
                break
            self._give_name(longest)
            text = self._text(term, form)
        called = text.partition("(")[0]
        if called in FUNCTIONS:
            self.functions.add(called)
        self._texts[term] = (text, form.level)
        if once or term in self._hints:
            self._give_name(term)

    def _text(self, term: Term, form: Form) -> str:
        args = []
        for place, arg in enumerate(term.args):
            text, level = self._texts[arg]
            args.append(f"({text})" if level < form.wanted[min(place, len(form.wanted) - 1)] else text)
        return form.text.format(*args)

    def _give_name(self, term: Term) -> None:
        """Compute a term by a statement of its own."""
        name = self._name(term)
        self.lines.append(f"{name} = {self.text(term)}")
        self._texts[term] = (name, ATOM)

    def _name(self, term: Term) -> str:
        if term in self._hints:
            return self._names.new(self._hints[term])
        self._temporaries += 1
        return self._names.new(f"t{self._temporaries}")


def is_function(term: Term) -> bool:
    """Whether it is computed, not a number or a symbol."""
    return term.fn not in ("number", "symbol")


def _in_order(terms: Iterable[Term]) -> Iterator[Term]:
    """Yield the terms that some are made of, and these; arguments first, each once."""
    done: set[Term] = set()
    for term in terms:
        waiting = [term]
        while waiting:
            one = waiting[-1]
            missing = [arg for arg in one.args if arg not in done] if is_function(one) else []
            waiting.extend(reversed(missing))
            if not missing:
                waiting.pop()
                if one not in done:
                    done.add(one)
                    yield one
