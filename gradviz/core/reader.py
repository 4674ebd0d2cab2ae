"""A reader of LaTeX that writes it as plain text, and never fails: what is no LaTeX is taken as it stands."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from gradviz.core.format import MINUS
from gradviz.core.pieces import INDEXED, LOOSE, RAISED, WHOLE, Kind, Piece, held, joined, level
from gradviz.core.tokens import BARS, CLOSING, LETTERS, OPENING, RELATIONS, SIGNS, Tokens

_DEEPEST = 40
_SPACES = {"\\,", "\\;", "\\:", "\\ ", "~"}
_SCRIPTS = ("_", "^", "'")
_LIFTED = re.compile("ᵀ|′+")
_WORDS = set("mathrm mathit mathsf mathtt text textrm textbf textit textsf texttt mbox operatorname".split())
_FONTS = set(
    "mathbf mathcal mathbb mathfrak mathscr boldsymbol bm underline underbrace overbrace mathord mathopen mathclose "
    "mathpunct mathinner".split()
)
_CLASSES: dict[str, Kind] = {"mathrel": "relation", "mathbin": "sign", "mathop": "function"}
_IGNORED = set(
    "displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits relax big Big bigg Bigg middle".split()
)
_SIDES: dict[str, Kind] = {"left": "open", "bigl": "open", "Bigl": "open"}
_SIDES |= {"right": "close", "bigr": "close", "Bigr": "close"}
_FRACTIONS = {"frac", "dfrac", "tfrac", "cfrac"}
_ACCENTS = dict(
    zip(
        "bar overline hat widehat tilde widetilde vec dot ddot".split(),
        "\N{COMBINING MACRON}\N{COMBINING MACRON}\N{COMBINING CIRCUMFLEX ACCENT}\N{COMBINING CIRCUMFLEX ACCENT}"
        "\N{COMBINING TILDE}\N{COMBINING TILDE}\N{COMBINING RIGHT ARROW ABOVE}\N{COMBINING DOT ABOVE}"
        "\N{COMBINING DIAERESIS}",
        strict=True,
    )
)


def _of_kind(kind: Kind, table: Mapping[str, str]) -> dict[str, Piece]:
    return {token: Piece(text, kind) for token, text in table.items()}


_PIECES = {
    **_of_kind("sign", {"+": "+", "*": "*", "-": MINUS, MINUS: MINUS}),
    **_of_kind("relation", {"=": "=", "<": "<", ">": ">"}),
    **_of_kind("open", {"(": "(", "[": "[", r"\{": "{"}),
    **_of_kind("close", {")": ")", "]": "]", r"\}": "}"}),
    **_of_kind("mark", {":": ":", "!": "!", "?": "?"}),
    **_of_kind("comma", {",": ",", ";": ";", "&": ",", r"\\": ";"}),
    **_of_kind("slash", {"/": "/"}),
}
_COMMANDS = {
    **_of_kind("operand", LETTERS),
    **_of_kind("sign", SIGNS),
    **_of_kind("relation", RELATIONS),
    **_of_kind("open", OPENING),
    **_of_kind("close", CLOSING),
    **_of_kind("space", {"quad": " ", "qquad": " "}),
}
_ENVIRONMENT = {"begin": Piece("[", "open"), "end": Piece("]", "close")}
_GAP = Piece(" ", "space")
_BARS = {"|": "|", r"\|": "‖", **{f"\\{command}": char for command, char in BARS.items()}}
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(rf"{MINUS}?\d+(?:\.\d+)?")


class Reader(Tokens):
    """Reads a formula from left to right."""

    def __init__(self, tex: str) -> None:
        super().__init__(tex)
        self._braces = 0
        self._depth = 0
        self._tight = False

    def text(self) -> str:
        """Return the whole formula as plain text."""
        return unicodedata.normalize("NFC", self._joined(self._pieces())).strip()

    def _skip_space(self) -> None:
        if self._next.isspace():
            self._place += 1

    def _script_follows(self) -> bool:
        """Go on to a script if that is what comes after a space."""
        place = self._place + self._next.isspace()
        follows = place < len(self._matches) and self._matches[place].group() in _SCRIPTS
        self._place = place if follows else self._place
        return follows

    def _joined(self, pieces: list[Piece]) -> str:
        return joined(pieces, tight=self._tight)

    def _held(self, pieces: list[Piece], most: int) -> str:
        return held(pieces, most, tight=self._tight)

    def _pieces(self) -> list[Piece]:
        """Read up to the brace that closes a group, which is taken, or to the end."""
        found: list[Piece] = []
        open_bars: list[str] = []
        while token := self._take():
            if token == "}":
                if self._braces:
                    break
            elif token in _SCRIPTS:
                found.append(self._with_scripts(self._base(found), token))
            elif token in _BARS:
                found.append(_bar(_BARS[token], open_bars))
            else:
                found += self._scripted(self._read(token))
        return found

    def _scripted(self, pieces: list[Piece]) -> list[Piece]:
        """Make one piece of several if a script follows."""
        if len(pieces) < 2 or not self._script_follows():
            return pieces
        return [Piece(self._joined(pieces), level=level(pieces))]

    def _base(self, found: list[Piece]) -> Piece:
        """Take back what a script stands at."""
        while found and found[-1].kind == "space":
            found.pop()
        can_be = found and found[-1].kind in ("operand", "fraction", "function", "close")
        return found.pop() if can_be else Piece("")

    def _with_scripts(self, base: Piece, token: str) -> Piece:
        low = high = ""
        while token:
            if token == "'":
                high += token
            elif token == "_":
                low += self._script("_", WHOLE)
            else:
                high += self._script("^", INDEXED)
            token = self._take() if self._script_follows() else ""
        text = f"({base.text})" if base.level > (WHOLE if low else INDEXED) else base.text
        kind = base.kind if base.kind in ("function", "close") else "operand"
        return Piece(text + low + high, kind, RAISED if high.strip("'") else INDEXED)

    def _script(self, sign: str, most: int) -> str:
        tight, self._tight = self._tight, True
        pieces = self._argument()
        text = self._joined(pieces)
        self._tight = tight
        if not text or _LIFTED.fullmatch(text):
            return text
        whole = (_WORD if most == WHOLE else _NUMBER).fullmatch(text)
        return sign + (text if whole or level(pieces) <= most else f"({text})")

    def _argument(self) -> list[Piece]:
        """Read what a script or a command applies to."""
        self._skip_space()
        if self._next in ("", "}", *_SCRIPTS):
            return []
        token = self._take()
        return [_bar(_BARS[token], [])] if token in _BARS else self._read(token)

    def _group(self) -> list[Piece]:
        """Read a group after its brace; a sign alone in it is no sign."""
        self._braces += 1
        pieces = self._pieces()
        self._braces -= 1
        alone = len(pieces) == 1 and pieces[0].kind not in ("operand", "fraction", "function", "space")
        return [Piece(pieces[0].text)] if alone else pieces

    def _read(self, token: str) -> list[Piece]:
        """Return what a token and its arguments stand for."""
        if token == "{" or token[1:2].isalpha():
            return self._deeper(token)
        if token in _SPACES or token.isspace():
            return [_GAP]
        if token in _PIECES:
            return [_PIECES[token]]
        if token in ("\\!", "\\"):
            return []
        return [Piece(token.removeprefix("\\").removesuffix("{}"))]

    def _deeper(self, token: str) -> list[Piece]:
        if self._depth >= _DEEPEST:
            return []
        self._depth += 1
        pieces = self._group() if token == "{" else self._command(token)
        self._depth -= 1
        return pieces

    def _command(self, token: str) -> list[Piece]:
        name = token[1:].partition("{")[0]
        if name in _ENVIRONMENT:
            return [_ENVIRONMENT[name]]
        if name in _COMMANDS or name in _IGNORED:
            self._skip_space()
            return [_COMMANDS[name]] if name in _COMMANDS else []
        if name in _SIDES:
            side = self._take()
            text = _BARS.get(side) or self._joined(self._read(side)) if side not in ("", ".") else ""
            return [Piece(text, _SIDES[name])] if text else []
        if name in _FONTS:
            return self._argument()
        if name in _WORDS:
            return self._word("function" if name == "operatorname" else "operand")
        if name in _CLASSES:
            return [Piece(self._joined(self._argument()), _CLASSES[name])]
        if name in _FRACTIONS:
            top, bottom = self._held(self._argument(), RAISED), self._held(self._argument(), RAISED)
            return [Piece(f"{top}/{bottom}", "fraction", LOOSE)]
        if name == "sqrt":
            return [self._root()]
        if name in _ACCENTS:
            return [self._accented(name)]
        return self._called(name)

    def _word(self, kind: Kind) -> list[Piece]:
        """Read upright letters, among which signs are no signs."""
        if self._next == "*":  # of \operatorname*
            self._place += 1
        self._skip_space()
        depth, out = 0, []
        while token := self._take():
            depth += (token == "{") - (token == "}")
            if token.startswith("\\"):
                out += [piece.text for piece in self._read(token)]
            elif token not in "{}":
                out.append(" " if token in _SPACES or token.isspace() else token)
            if depth < 1:
                break
        text = "".join(out)
        word = text.strip()
        tightness = WHOLE if word.isalnum() else INDEXED if word.replace("_", "").isalnum() else LOOSE
        found = [Piece(word, kind, tightness)] if word else []
        return [_GAP] * text[:1].isspace() + found + [_GAP] * text[-1:].isspace()

    def _root(self) -> Piece:
        degree = ""
        if self._next == "[":
            while (token := self._take()) not in ("]", ""):
                degree += self._joined(self._read(token)) if token != "[" else ""
        inner = self._argument()
        if not degree:
            return Piece(f"sqrt({self._joined(inner)})")
        return Piece(f"{self._held(inner, INDEXED)}^(1/{degree})", level=RAISED)

    def _accented(self, accent: str) -> Piece:
        """Put an accent on a letter, which may have an index; around more than that it becomes a function."""
        pieces = self._argument()
        text = self._joined(pieces)
        if len(pieces) == 1 and level(pieces) <= INDEXED and text[:1].isalnum() and text[1:2] in ("", "_", "'"):
            return Piece(unicodedata.normalize("NFC", text[0] + _ACCENTS[accent]) + text[1:], level=level(pieces))
        return Piece(f"{accent}({text})")

    def _called(self, name: str) -> list[Piece]:
        """Write a command that is not known by its name, and what is in braces after it as its arguments."""
        arguments = ""
        while self._next == "{":
            self._place += 1
            arguments += f"({self._joined(self._group())})"
        if arguments:
            return [Piece(name + arguments)]
        self._skip_space()
        return [Piece(name, "function")]


def _bar(text: str, open_bars: list[str]) -> Piece:
    """Return a bar, which closes the last one that is open if that is alike."""
    if open_bars and open_bars[-1] == text:
        open_bars.pop()
        return Piece(text, "close")
    open_bars.append(text)
    return Piece(text, "open")
