"""What the functions of a layer are to do, whoever prints them."""

from __future__ import annotations

from dataclasses import dataclass

RATE = "\0learning_rate"
SEED = "\0g"
"""Paths of what a function takes beside the layer's inputs; no node of a user is called so."""

UNFIT = (ArithmeticError, AttributeError, IndexError, TypeError, ValueError)
"""What a compiled function raises for arguments that it was not made for; nothing has changed then."""


@dataclass(frozen=True)
class Task:
    """What a function is to do.

    Attributes:
        name: of the function.
        says: what it does, in a sentence.
        number: the name of an output that is a number and returned as one, where that is quicker.
        updating: whether it takes the learning rate as its last argument, and gradients are no outputs: the
            parameters lose them.
    """

    name: str
    says: str
    number: str = ""
    updating: bool = False
