"""Texts of users as a terminal may show them; light, since every command needs it."""

from __future__ import annotations


def visible(text: str, most: int = 400) -> str:
    r"""Make a text safe and short enough for a terminal: controls escaped, the middle of a long one left out.

    Example:
        >>> visible("a\x07b"), visible("abcdefgh", 5)
        ('a\\x07b', 'ab … gh')
    """
    shown = "".join(
        char if char.isprintable() else " " if char.isspace() else char.encode("unicode_escape").decode()
        for char in text
    )
    return shown if len(shown) <= most else f"{shown[: most // 2]} … {shown[-(most // 2) :]}"
