"""SVG as pixels (resvg) and as a page (typst, an extra)."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from gradviz.errors import DrawError

SCALE = 3.0
"""Pixels of a PNG for each px of the picture: sharp on a projector."""


MOST_PIXELS = 3e8
"""Larger images than this take gigabytes, and the renderer would end the process, not raise."""


def to_png(svg: str, width: float, height: float, scale: float = SCALE) -> bytes:
    """Return an SVG as PNG.

    Args:
        svg: the document.
        width, height: of the picture, px.
        scale: pixels for each px.

    Raises:
        DrawError: for an image of more than `MOST_PIXELS`, or none.
    """
    pixels = width * height * scale * scale
    if not (scale > 0 and pixels <= MOST_PIXELS):
        raise DrawError(
            f"a PNG of {width * scale:.0f} by {height * scale:.0f} pixels cannot be made",
            hint="save it as SVG or PDF, or choose a smaller scale",
        )
    import resvg_py

    outlines_alone = "<text" not in svg
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=scale, skip_system_fonts=outlines_alone))


def to_pdf(pages: Sequence[tuple[str, float, float]]) -> bytes:
    """Return SVGs as a vector PDF, each on a page of its size.

    Args:
        pages: the documents, each with the width and height of its picture, px (96 an inch).

    Raises:
        DrawError: when the extra is not installed.
    """
    typst = pdf_library()
    source = ["#set document(date: none)"]
    for place, (_, width, height) in enumerate(pages):
        size = f"width: {width * 0.75:.3f}pt, height: {height * 0.75:.3f}pt, margin: 0pt"
        image = f'image(bytes(sys.inputs.svg{place}), format: "svg", width: 100%)'
        source.append(f"#page({size})[#{image}]")
    inputs = {f"svg{place}": svg for place, (svg, _, _) in enumerate(pages)}
    return bytes(typst.compile("\n".join(source).encode(), sys_inputs=inputs))


def pdf_library() -> ModuleType:
    """Return typst.

    Raises:
        DrawError: when the extra is not installed.
    """
    try:
        import typst
    except ImportError:
        raise DrawError("PDF needs an extra", hint="pip install 'gradviz[pdf]'") from None
    return typst
