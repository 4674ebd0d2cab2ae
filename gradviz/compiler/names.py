"""Identifiers for printed source: near to the names of the user's nodes, and none twice."""

from __future__ import annotations

import re

from gradviz.namespaces import numpy as numbers


class Names:
    """Hands out identifiers: a node's own name where it has one, made unique."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}

    def new(self, wanted: str) -> str:
        """Return an identifier near to what is wanted."""
        base = re.sub(r"\W+", "_", wanted).strip("_") or "x"
        base = f"_{base}" if base[0].isdigit() else base
        base = f"{base}_" if base in _RESERVED else base
        name = base
        while name in self._taken:
            self._numbers[base] = self._numbers.get(base, 0) + 1
            name = f"{base}_{self._numbers[base]}"
        self._taken.add(name)
        return name

    def letter(self) -> str:
        """Return a short identifier for what has no name."""
        free = (letter for letter in LETTERS if letter not in self._taken)
        return self.new(next(free, "a"))


LETTERS = "abcdefghijkmnpqrsuvwxyz"  # l and o look like 1 and 0
_RESERVED = set(
    "False None True and as assert async await break class continue def del elif else except finally for from global "
    "if import in is lambda nonlocal not or pass raise return try while with yield np math range reversed t "
    "row room aligned cycle islice zip list float".split()
) | set(numbers.__all__)
