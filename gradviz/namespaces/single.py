"""How Python writes the vocabulary's functions of single numbers: names in `math`, and signs of comparisons."""

from __future__ import annotations

MATH: dict[str, str] = {
    name: name.replace("arc", "a")
    for name in (
        "arccos arccosh arcsin arcsinh arctan arctan2 arctanh cos cosh erf erfc exp exp2 expm1 hypot log log10 log1p "
        "log2 sin sinh sqrt tan tanh"
    ).split()
}
"""Their names in `math`."""
COMPARED: dict[str, str] = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "equal": "==", "differ": "!="}
"""The signs of comparisons."""
