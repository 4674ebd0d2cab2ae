"""What a derivative rule claims for one argument, entry by entry, and what is found out about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradviz.namespaces import sympy as xp
from gradviz.passes.proof import Counterexample


@dataclass
class Claims:
    """One argument: its symbols, the rule's answer for each, and what was found out."""

    entries: list[Any]
    claims: list[Any]
    answers: dict[Any, list[Any]] = field(default_factory=dict)
    shown: Any = None  # the entry that the answers are for: the first that the value depends on
    undecided: bool = False
    reason: str = ""
    misfit: bool = False  # the rule's answer is none, or has another shape, which the reason says
    counterexample: Counterexample | None = None


def claims_of(place: int, argument: Any, claim: Any) -> Claims:
    """Pair the symbols of an argument with the rule's answers."""
    entries = list(xp.plain(argument).flat)
    shape = np.shape(argument)
    if claim is None:
        return Claims(entries, [], reason=f"the rule gives no derivative by argument {place + 1}", misfit=True)
    claims = xp.plain(claim)
    if claims.shape not in (shape, ()):
        reason = f"the rule gives shape {claims.shape}, argument {place + 1} has {shape}"
        return Claims(entries, [], reason=reason, misfit=True)
    return Claims(entries, list(np.broadcast_to(claims, shape).flat))
