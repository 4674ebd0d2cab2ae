"""The words of LaTeX: how a formula is cut into its tokens, and the characters that commands stand for."""

from __future__ import annotations

import re

TOKEN = re.compile(r"\\begin\{(?P<begin>\w+)\}|\\end\{(?P<end>\w+)\}|\\[A-Za-z]+|\\[\^~]\{\}|\\.|\s+|.", re.DOTALL)


class Tokens:
    """The tokens of a formula, taken from left to right."""

    def __init__(self, tex: str) -> None:
        self._matches = list(TOKEN.finditer(tex))
        self._place = 0

    @property
    def _next(self) -> str:
        return self._matches[self._place].group() if self._place < len(self._matches) else ""

    def _take(self) -> str:
        token = self._next
        self._place += 1
        return token


def _table(commands: str, characters: str) -> dict[str, str]:
    return dict(zip(commands.split(), characters, strict=True))


LETTERS = _table(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon varphi phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega "
    "infty top partial nabla ell hbar dots ldots cdots vdots ddots prime forall exists neg varnothing emptyset "
    "sum prod int angle triangle circlearrowright backslash",
    "αβγδεεζηθϑικλμνξπρστυφφχψωΓΔΘΛΞΠΣΥΦΨΩ∞ᵀ∂∇ℓℏ……⋯⋮⋱′∀∃¬∅∅∑∏∫∠△↻\\",
)
SIGNS = _table(
    "cdot odot otimes oplus ominus times div pm mp ast star circ bullet cap cup wedge vee setminus",
    "·⊙⊗⊕⊖×÷±∓∗⋆∘•∩∪∧∨∖",
)
RELATIONS = _table(
    "leq le geq ge ne neq equiv sim simeq approx cong propto ll gg in notin ni subset subseteq supset supseteq mid "
    "parallel perp gets leftarrow rightarrow to leftrightarrow Leftarrow implies Rightarrow iff Leftrightarrow mapsto "
    "uparrow downarrow",
    "≤≤≥≥≠≠≡∼≃≈≅∝≪≫∈∉∋⊂⊆⊃⊇|∥⊥←←→→↔⇐⇒⇒⇔⇔↦↑↓",
)
OPENING = _table("langle lfloor lceil lbrace lbrack", "⟨⌊⌈{[")
CLOSING = _table("rangle rfloor rceil rbrace rbrack", "⟩⌋⌉}]")
BARS = _table("lvert rvert vert lVert rVert Vert", "|||‖‖‖")
UNICODE = {**LETTERS, **SIGNS, **RELATIONS, **OPENING, **CLOSING, **BARS}
"""The characters by command; of commands for the same character, the one to write it with is the last."""
