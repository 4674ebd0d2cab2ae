"""LaTeX as plain text, for descriptions, JSON, DOT and the terminal."""

from __future__ import annotations

import re
import unicodedata

_TEXT = [
    (re.compile(r"(?<![A-Za-z])\{([^\w{}\\])\}"), r"\1"),
    (re.compile(r"\\(?:mathrm|mathbf|operatorname|text|mathit|boldsymbol|mathrel)\{([^{}]*)\}"), r"\1"),
    (re.compile(r"\\frac\{((?:\w[\u0300-\u036f\u20d7]?)+)\}\{(\w+)\}"), r"\1/\2"),
    (re.compile(r"\\frac\{([^{}]*)\}\{([^{}]*)\}"), r"(\1)/(\2)"),
    (re.compile(r"\\sqrt\{([^{}]*)\}"), r"sqrt(\1)"),
    (re.compile(r"\\(?:left|right)(?=[()\[\]])"), ""),
    (re.compile(r"\^\{?\\top\}?"), "ᵀ"),
    (re.compile(r"\\begin\{bmatrix\}|\\begin\{cases\}"), "["),
    (re.compile(r"\\end\{bmatrix\}|\\end\{cases\}"), "]"),
    (re.compile(r"\s*\\\\\s*"), "; "),
    (re.compile(r"\s*(?<!\\)&\s*"), ", "),
    (re.compile(r" ?\\(cdot|odot|otimes|to|leftarrow|Rightarrow|ge|le|neq) (?=[^\s>])"), r" \\\1{} "),
    (re.compile(r"_\{([^{}]*)\}"), r"_\1"),
    (re.compile(r"\^\{([^{}]*)\}"), r"^\1"),
]
UNICODE = dict(
    zip(
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
        "omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega cdot odot otimes times div ge le neq infty "
        "top partial ldots vdots to varepsilon leftarrow Rightarrow".split(),
        [*"αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ·⊙⊗×÷≥≤≠∞", "ᵀ", "∂", "…", "⋮", "→", "ε", "←", "⇒"],
        strict=True,
    )
)
_ACCENTS = dict(
    zip(
        "bar overline hat widehat tilde widetilde vec dot ddot".split(),
        "\N{COMBINING MACRON}\N{COMBINING MACRON}\N{COMBINING CIRCUMFLEX ACCENT}\N{COMBINING CIRCUMFLEX ACCENT}"
        "\N{COMBINING TILDE}\N{COMBINING TILDE}\N{COMBINING RIGHT ARROW ABOVE}\N{COMBINING DOT ABOVE}"
        "\N{COMBINING DIAERESIS}",
        strict=True,
    )
)
_ACCENTED = re.compile(rf"\\({'|'.join(_ACCENTS)})\{{([^{{}}]*)\}}")
_LETTER = re.compile(r"\w(?:_\w*)?")
_COMMAND = re.compile(r"\\([A-Za-z]+)\s?")


def tex_to_text(tex: str) -> str:
    r"""Write LaTeX as plain text for a reader that cannot see it.

    Example:
        >>> tex_to_text(r"\mathbf{1}[1 - \mathrm{margin} > 0]")
        '1[1 − margin > 0]'
        >>> tex_to_text(r"g_{2} \mathrel{+}= 3")
        'g_2 += 3'
        >>> tex_to_text(r"\overline{x_1} - \overline{a + b}")
        'x̄_1 − overline(a + b)'
    """
    text = tex
    for _ in range(4):
        before = text
        for pattern, plain in _TEXT:
            text = pattern.sub(plain, text)
        text = _ACCENTED.sub(_accented, text)
        if text == before:
            break
    text = _COMMAND.sub(lambda match: str(UNICODE.get(match[1], match[1])), text)
    text = re.sub(r"\\([,;!: ])", lambda match: "" if match[1] == "!" else " ", text)
    text = re.sub(r"\\(.)", r"\1", text).replace("-", "−")
    return re.sub(r"[{}]", "", re.sub(r"\s+", " ", text)).strip()


def _accented(match: re.Match[str]) -> str:
    """Put an accent on a letter, which may have an index; around more than that it becomes a function."""
    accent, inner = match[1], str(match[2])
    inner = UNICODE.get(inner.strip().removeprefix("\\"), inner) if inner.startswith("\\") else inner
    if not _LETTER.fullmatch(inner):
        return f"{accent}({inner})"
    return unicodedata.normalize("NFC", inner[0] + _ACCENTS[accent]) + inner[1:]


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
