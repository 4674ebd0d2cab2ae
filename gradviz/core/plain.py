"""LaTeX as plain text, for descriptions, JSON, DOT and the terminal."""

from __future__ import annotations

from gradviz.core.reader import Reader


def tex_to_text(tex: str) -> str:
    r"""Write LaTeX as plain text for a reader that cannot see it.

    What a fraction bar, a raised or lowered place hold together stands in parentheses. What is no LaTeX is
    written as far as it can be read.

    Example:
        >>> tex_to_text(r"\mathbf{1}[1 - \mathrm{margin} > 0]")
        '1[1 − margin > 0]'
        >>> tex_to_text(r"g_{2} \mathrel{+}= y\,x^{y - 1} \cdot \frac{1}{2\,x}")
        'g_2 += y x^(y−1) · 1/(2 x)'
        >>> tex_to_text(r"\overline{x_1} - \overline{a + b}")
        'x̄_1 − overline(a + b)'
    """
    return Reader(tex).text() or " ".join(tex.split())
