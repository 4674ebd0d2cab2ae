"""The shortest way from `layer.step` to the function that was compiled: small layers spend most of a step on the way.

Python matches keywords with the parameters of a function faster than any code that looks into a dict, so
each layer has a function of its own with the names of its inputs.
"""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Callable
from typing import Any

from gradviz.compiler.inputs import Inputs
from gradviz.compiler.programs import Programs
from gradviz.compiler.task import RATE, UNFIT
from gradviz.errors import UsageError, user_location

_SOURCE = """
def step(learning_rate, {parameters}**others):
    if not others:
        try:
            return now[0]({names}float(learning_rate))[0]
        except UNFIT:
            pass  # these are to be looked at more closely
    return careful(learning_rate, {keywords}**others)
"""
_TAKEN = frozenset(("now", "UNFIT", "careful", "learning_rate", "others", "float"))


def quick_step(inputs: Inputs, programs: Programs) -> Callable[..., float]:
    """Return a function of the learning rate and the inputs by name that makes a step and returns the loss.

    It goes straight to the program that was used last; where the arrays do not fit that, all is looked at.
    """
    now: list[Callable[..., Any]] = [_unknown]
    order = [*inputs.shapes, RATE]

    def careful(learning_rate: float, /, **arrays: Any) -> float:
        try:
            rate = float(learning_rate)
        except (TypeError, ValueError):
            raise UsageError(f"learning_rate={learning_rate!r}: a number is wanted", where=user_location()) from None
        size, given = inputs.check(arrays)
        program = programs.step(size)
        if program.order == order:
            now[0] = program.quick()
        return float(program({**given, RATE: rate})[0])

    def named(learning_rate: float, **arrays: Any) -> float:
        return careful(learning_rate, **arrays)

    names = list(inputs.shapes)
    if "learning_rate" in names:
        return careful
    if not all(_is_parameter(name) for name in names):
        return named
    source = _SOURCE.format(
        parameters="".join(f"{name}={name}, " for name in names),
        names="".join(f"{name}, " for name in names),
        keywords="".join(f"{name}={name}, " for name in names),
    )
    scope: dict[str, Any] = {name: inputs.defaults.get(name) for name in names}
    scope |= {"now": now, "UNFIT": UNFIT, "careful": careful}
    exec(compile(source, __file__, "exec"), scope)  # under the name of this file: it is no place in a user's script
    return scope.pop("step")  # type: ignore[no-any-return]  # what the function refers to must not lead back to it


def _is_parameter(name: str) -> bool:
    """Whether Python reads the name of a parameter as it stands."""
    same = unicodedata.normalize("NFKC", name) == name
    return same and name.isidentifier() and not keyword.iskeyword(name) and name not in _TAKEN


def _unknown(*arguments: Any) -> Any:
    raise TypeError
