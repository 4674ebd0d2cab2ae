"""The names of the user's nodes, which may be any text, in printed source: as identifiers, none twice, and as words."""

from __future__ import annotations

import re
import unicodedata

from gradviz.core.visible import visible
from gradviz.namespaces import numpy as numbers


class Names:
    """Hands out identifiers: a node's own name where it has one, made unique."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}

    def new(self, wanted: str) -> str:
        """Return an identifier near to what is wanted."""
        chars = unicodedata.normalize("NFKC", wanted)  # as Python reads identifiers
        base = "".join(char if f"x{char}".isidentifier() else " " for char in chars)
        base = re.sub(" +", "_", base).strip("_") or "x"
        base = base if base.isidentifier() else f"_{base}"
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


def in_docstring(text: str) -> str:
    r"""Return text as a docstring spells it.

    Example:
        >>> print(in_docstring(r'the "\xi"'))
        the \"\\xi\"
    """
    return visible(text, 10 * len(text)).replace("\\", "\\\\").replace('"', '\\"')


LETTERS = "abcdefghijkmnpqrsuvwxyz"  # l and o look like 1 and 0
_RESERVED = set(
    "False None True and as assert async await break class continue def del elif else except finally for from global "
    "if import in is lambda nonlocal not or pass raise return try while with yield np math range reversed t "
    "row room aligned cycle islice zip list float".split()
) | set(numbers.__all__)
