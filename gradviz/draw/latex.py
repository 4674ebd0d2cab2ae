r"""Labels as LaTeX that any document can read: checked sign by sign, so that none can end, change or read a file.

What typesets the other formats forgives much, pdflatex nothing: an open brace or an unknown command stops a
whole document. Here a formula passes that holds known commands with their arguments, and is written so that
pdflatex takes every character of it; anything else is set as text, as the pictures do.
"""

from __future__ import annotations

import unicodedata

from gradviz.core.tokens import UNICODE, Tokens

_ARGUMENTS = dict.fromkeys(
    "mathrm mathbf mathit mathsf mathtt mathcal mathbb mathfrak boldsymbol operatorname overline underline hat "
    "widehat tilde widetilde bar vec dot ddot mathrel mathbin mathop mathord sqrt overbrace underbrace".split(),
    1,
) | dict.fromkeys("frac dfrac tfrac binom overset underset stackrel".split(), 2)
"""Commands that take formulas, and how many."""

_SYMBOLS = UNICODE.keys() | set(
    "varpi varrho varsigma Re Im aleph bot square oint min max inf sup lim log ln exp sin cos tan cot sec csc sinh "
    "cosh tanh coth arcsin arccos arctan arg det dim ker gcd Pr longrightarrow longleftarrow quad qquad displaystyle "
    "textstyle scriptstyle colon".split()
)
"""Commands that stand alone."""

_LARGE = frozenset("big Big bigg Bigg bigl bigr Bigl Bigr".split())
_COLUMNS = dict.fromkeys("matrix pmatrix bmatrix vmatrix Vmatrix Bmatrix smallmatrix".split(), 10) | {"cases": 2}
"""Environments, and how many columns they take."""

_DELIMITERS = frozenset(
    r"( ) [ ] | / . < > \{ \} \| \langle \rangle \lfloor \rfloor \lceil \rceil \vert \Vert \backslash".split()
)
_SPACES = frozenset(("\\,", "\\;", "\\:", "\\!", "\\ "))
_ESCAPED = frozenset(r"\{ \} \| \_ \& \# \% \$".split())
_RIGHT = r"\right"
_LONGEST = 400
_LONGEST_TEXT = 60
_DEEPEST = 40

_IN_TEXT = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "-": "-{}",
    "`": "`{}",
    "'": "'{}",
} | {char: f"\\{char}" for char in "{}$&#%_"}
_COMMANDS = {char: command for command, char in UNICODE.items()}
_COMMANDS["\N{MINUS SIGN}"] = "-"


class _UnreadableError(Exception):
    """A formula that is not to be handed on."""


def to_latex(tex: str, text: str) -> str:
    r"""Return the inside of a formula that a document can set.

    Args:
        tex: the LaTeX of a label.
        text: the same as plain text, for what a document cannot be handed.

    Example:
        >>> to_latex(r"\frac{1}{x}", "1/x"), to_latex(r"\input{x}", "a_b")
        ('\\frac{1}{x}', '\\text{a\\_b}')
    """
    try:
        return _Reader(_visible(tex)).formula()
    except _UnreadableError:
        return rf"\text{{{to_text(text)}}}"


def to_text(text: str) -> str:
    r"""Return any text so that a document shows it as it is.

    Example:
        >>> print(to_text("50% of <b>"))
        50\% of \textless{}b\textgreater{}
    """
    shown = " ".join(_visible(text).split())
    if len(shown) > _LONGEST_TEXT:
        shown = shown[: _LONGEST_TEXT - 1] + "…"
    return "".join(map(_char_in_text, shown))


def _visible(text: str) -> str:
    """Compose accents, and drop what cannot be seen."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(char for char in composed if char.isspace() or unicodedata.category(char)[0] != "C")


def _char_in_text(char: str) -> str:
    if char.isascii():
        return _IN_TEXT.get(char, char)
    if char in _COMMANDS:
        return rf"\ensuremath{{{_command(char)}}}"
    return rf"\gradvizchar{{{char}}}{{{ord(char):X}}}"


def _command(char: str) -> str:
    command = _COMMANDS[char]
    return command if command == "-" else f"\\{command} "


class _Reader(Tokens):
    """Reads a formula from left to right."""

    def __init__(self, tex: str) -> None:
        if len(tex) > _LONGEST:
            raise _UnreadableError
        super().__init__(tex)
        self._depth = 0

    def formula(self) -> str:
        """Return the whole formula.

        Raises:
            _UnreadableError: for anything that is not known to be harmless.
        """
        return self._until("")

    def _until(self, end: str, columns: int = 0) -> str:
        """Read up to a token, which is taken; "" is the end of the formula."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _UnreadableError
        out: list[str] = []
        scripts, column = "", 1
        while self._next != end:
            token = self._take()
            if token in ("^", "_"):
                if token in scripts:
                    raise _UnreadableError
                scripts += token
                out.append(token + self._argument())
            elif token == "'":
                if "^" in scripts:
                    raise _UnreadableError
                if self._next not in ("'", "^"):  # LaTeX makes one exponent of what follows a prime at once
                    scripts += "^"
                out.append(token)
            elif token in ("&", r"\\"):
                column = column + 1 if token == "&" else 1
                if column > columns:
                    raise _UnreadableError
                scripts = ""
                out.append(token if token == "&" else r"\\ \relax ")  # a bracket after it would be an option
            else:
                scripts = scripts if token.isspace() else ""
                out.append(self._one(token))
        self._place += 1
        self._depth -= 1
        return "".join(out)

    def _one(self, token: str) -> str:
        if token in _SPACES or token.isspace():
            return token if token in _SPACES else " "
        if not token.startswith("\\"):
            return f"{{{self._until('}')}}}" if token == "{" else self._char(token)
        name = self._matches[self._place - 1]["begin"]
        if name in _COLUMNS:
            end = rf"\end{{{name}}}"
            return f"{token} {self._until(end, _COLUMNS[name])} {end}"
        if token == r"\text":
            return rf"\text{{{self._raw()}}}"
        if token == r"\left":
            first = self._delimiter()
            return rf"\left{first} {self._until(_RIGHT)} \right{self._delimiter()}"
        return self._control(token)

    def _control(self, token: str) -> str:
        name = token[1:]
        if name in _ARGUMENTS:
            option = f"[{self._option()}]" if name == "sqrt" and self._next == "[" else ""
            return token + option + "".join(self._argument() for _ in range(_ARGUMENTS[name]))
        if name in _SYMBOLS:
            return f"{token} " if self._next[:1].isalpha() else token
        if name in _LARGE:
            return token + self._delimiter()
        if name in ("^{}", "~{}"):
            return rf"\text{{{_IN_TEXT[name[0]]}}}"
        if token not in _ESCAPED:
            raise _UnreadableError
        return token

    def _char(self, char: str) -> str:
        if char in "}#$%~&":  # "" too, the end of the formula where it should go on
            raise _UnreadableError
        if char.isascii():
            return char
        return _command(char) if char in _COMMANDS else rf"\text{{{_char_in_text(char)}}}"

    def _argument(self) -> str:
        """Return what a script or a command applies to, in braces."""
        while self._next.isspace():
            self._place += 1
        token = self._take()
        if token in ("^", "_", "'", r"\\"):
            raise _UnreadableError
        return self._one(token) if token == "{" else f"{{{self._one(token)}}}"

    def _option(self) -> str:
        self._place += 1
        return self._until("]")

    def _delimiter(self) -> str:
        token = self._take()
        if token not in _DELIMITERS:
            raise _UnreadableError
        return token

    def _raw(self) -> str:
        """Return the argument of a command that takes text."""
        if self._take() != "{":
            raise _UnreadableError
        out = []
        while (token := self._take()) != "}":
            if token.isspace() or token == r"\ ":
                out.append(r"\ " if token == r"\ " else " ")
            elif token in _ESCAPED - {r"\|"}:
                out.append(token)
            elif token[1:] in ("^{}", "~{}"):
                out.append(_IN_TEXT[token[1]])
            elif len(token) == 1 and token not in "{\\":
                out.append(_char_in_text(token))
            else:
                raise _UnreadableError
        return "".join(out)
