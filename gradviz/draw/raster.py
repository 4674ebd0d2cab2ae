"""SVG as pixels (resvg) and as a page (typst, an extra)."""

from __future__ import annotations

from gradviz.errors import DrawError

SCALE = 3.0
"""Pixels of a PNG for each px of the picture: sharp on a projector."""


def to_png(svg: str, scale: float = SCALE) -> bytes:
    """Return an SVG as PNG.

    Args:
        svg: the document.
        scale: pixels for each px.

    """
    import resvg_py

    outlines_alone = "<text" not in svg
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=scale, skip_system_fonts=outlines_alone))


def to_pdf(svg: str, width: float, height: float) -> bytes:
    """Return an SVG as a vector PDF of one page of its size.

    Args:
        svg: the document.
        width, height: of the picture, px (96 an inch).

    Raises:
        DrawError: when the extra is not installed.

    """
    try:
        import typst
    except ImportError:
        raise DrawError("PDF needs an extra", hint="pip install 'gradviz[pdf]'") from None
    source = (
        f"#set page(width: {width * 0.75:.3f}pt, height: {height * 0.75:.3f}pt, margin: 0pt)\n"
        '#set document(date: none)\n#image(bytes(sys.inputs.svg), format: "svg", width: 100%)\n'
    )
    return bytes(typst.compile(source.encode(), sys_inputs={"svg": svg}))
