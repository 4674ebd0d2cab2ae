"""The page of docs/proofs.md: every primitive, what it was proved for, and what SymPy said.

`python tests/proofs.py > docs/proofs.md` writes it; a test compares.
"""

from __future__ import annotations

from cases import cases

from gradviz.core.primitive import REGISTRY
from gradviz.passes.prove import prove

_HEAD = """\
# What is proved

Every primitive's derivative rule is run on symbols, and so is its forward rule; SymPy differentiates the second and
subtracts. *Proved* means that the difference simplifies to zero, in every region where the forward rule is smooth
(found by random points of its domain, and across every border met). *Sampled* would mean that SymPy could not decide
and {digits} digits agreed; the reason would stand beside it. An elementwise rule is proved for numbers, which is a
proof for every shape.

This page is written by `make pictures`, and a test compares it with what SymPy says now.

| primitive | arguments | regions | verdict | |
|---|---|---|---|---|
"""


def page() -> str:
    """Return the page."""
    from gradviz.passes.regions import DIGITS

    lines = []
    verdicts: dict[str, int] = {}
    for case in cases():
        proof = prove(case.op, case.attrs, case.shapes, seconds=60)
        found = [slot.verdict for slot in proof.slots]
        verdict = next((one for one in ("WRONG", "numeric", "sampled") if one in found), "proved")
        verdicts[case.op.name] = verdict
        reasons = "; ".join(dict.fromkeys(slot.reason for slot in proof.slots if slot.reason))
        arguments = str(case).partition("(")[2].rstrip(")")
        lines.append(f"| {case.op.name} | {arguments} | {proof.regions} | {verdict} | {reasons} |")
    count = sum(verdict == "proved" for verdict in verdicts.values())
    tail = f"\n{count} of {len(REGISTRY)} primitives are proved.\n"
    return _HEAD.format(digits=DIGITS) + "\n".join(lines) + "\n" + tail


if __name__ == "__main__":
    print(page(), end="")
