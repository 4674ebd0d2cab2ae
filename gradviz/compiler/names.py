"""Identifiers for printed source: near to the names of the user's nodes, and none twice."""

from __future__ import annotations

import re

from gradviz.namespaces import numpy as numbers


class Names:
    """Hands out identifiers: a node's own name where it has one, made unique."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def new(self, wanted: str) -> str:
        """Return an identifier near to what is wanted."""
        base = re.sub(r"\W+", "_", wanted).strip("_") or "t"
        base = f"_{base}" if base[0].isdigit() else base
        base = f"{base}_" if base in _RESERVED else base
        name, number = base, 0
        while name in self._taken:
            number += 1
            name = f"{base}_{number}"
        self._taken.add(name)
        return name


_RESERVED = set(
    "False None True and as assert async await break class continue def del elif else except finally for from global "
    "if import in is lambda nonlocal not or pass raise return try while with yield np math range reversed t".split()
) | set(numbers.__all__)
