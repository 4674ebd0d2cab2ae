"""What a proof has found: a verdict for each argument of a primitive, with the reason or the counter-example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["proved", "sampled", "numeric", "kink", "WRONG"]


@dataclass(frozen=True)
class Counterexample:
    """A point where a rule is wrong, and the two numbers.

    Attributes:
        point: the arguments' entries by symbol ("a", "a_0_1", and "g…" for the adjoint).
        entry: the symbol that is differentiated by.
        claimed, correct: what the rule gives there, and the derivative.
    """

    point: Mapping[str, float]
    entry: str
    claimed: float
    correct: float

    def __str__(self) -> str:
        return self.text({})

    def text(self, names: Mapping[str, str]) -> str:
        """Write it with names of a graph in place of the symbols'."""
        place = ", ".join(f"{names.get(symbol, symbol)} = {value:.6g}" for symbol, value in self.point.items())
        for digits in range(4, 18):
            claimed, correct = f"{self.claimed:.{digits}g}", f"{self.correct:.{digits}g}"
            if claimed != correct:
                break
        return f"{f'at {place} ' if place else ''}the rule gives {claimed}, the derivative is {correct}"


@dataclass(frozen=True)
class ArgumentProof:
    """What is known of the derivative by one argument.

    Attributes:
        verdict: "proved", "sampled", "numeric" (symbols could not be used) or "WRONG".
        answers: SymPy's derivative, with the conditions it holds under, a pair for each distinct
            one; for an argument that is an array, by one of its entries.
        entry: that entry; None for an argument that is a number.
        reason: why it is not "proved", or "".
        counterexample: where the rule is wrong.
    """

    verdict: Verdict
    answers: tuple[tuple[Any, tuple[Any, ...]], ...] = ()
    entry: Any = None
    reason: str = ""
    counterexample: Counterexample | None = None


@dataclass(frozen=True)
class Proof:
    """What is known of a primitive's derivatives for some attributes and shapes.

    Attributes:
        slots: one entry an argument.
        symbols: the symbols of each argument, an array of its shape.
        regions: in how many regions the forward rule was found to be smooth.
        borders: the expressions that are 0 on the borders met: the kinks, if the derivative jumps.
    """

    slots: tuple[ArgumentProof, ...]
    symbols: tuple[Any, ...] = ()
    regions: int = 0
    borders: tuple[Any, ...] = ()
