"""Verification links as pictures, by the extra ``qr`` (segno)."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from airflow_provider_ksef.exceptions import KsefInputError

if TYPE_CHECKING:
    from segno import QRCode

ERROR_CORRECTION = "m"
"""15 % of a code may be unreadable; KSeF asks for ISO/IEC 18004 and for no level of its own."""
QUIET_ZONE = 4
"""Empty modules on each side, as ISO/IEC 18004 asks."""
_TALLEST_LABEL = 3.0
_WIDTH_OF_LETTER = 0.62


def qr_png(link: str, *, scale: int = 5) -> bytes:
    """
    Draw a link as a PNG, black on white; it holds no text, so set the label below it yourself.

    :param link: what :mod:`~airflow_provider_ksef.client.verification_links` makes.
    :param scale: pixels for each module; a side has 49 modules for KOD I and about 100 for KOD II by RSA.
    :raises KsefInputError: where the extra ``qr`` is not installed, or ``scale`` is below 1.
    """
    drawn = io.BytesIO()
    _code(link, scale).save(drawn, kind="png", scale=scale, border=QUIET_ZONE)
    return drawn.getvalue()


def qr_svg(link: str, label: str, *, scale: int = 5) -> str:
    """
    Draw a link as an SVG with its label below.

    :param link: what :mod:`~airflow_provider_ksef.client.verification_links` makes.
    :param label: :func:`~airflow_provider_ksef.client.verification_links.invoice_label` of the invoice, or
        ``CERTYFIKAT``.
    :param scale: pixels for each module of the code.
    :raises KsefInputError: where the extra ``qr`` is not installed, or ``scale`` is below 1.
    """
    code = _code(link, scale)
    width, _ = code.symbol_size(border=QUIET_ZONE)
    size = min(_TALLEST_LABEL, (width - 2) / (_WIDTH_OF_LETTER * max(len(label), 1)))
    height = width + _TALLEST_LABEL
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * scale}" height="{height * scale:g}"'
        f' viewBox="0 0 {width} {height:g}"><rect width="100%" height="100%" fill="#fff"/>'
        f"{_drawing(code)}"
        f'<text x="{width / 2:g}" y="{width:g}" text-anchor="middle" font-family="sans-serif"'
        f' font-size="{size:.3g}">{escape(label)}</text></svg>'
    )


def _code(link: str, scale: int) -> QRCode:
    if scale < 1:
        raise KsefInputError("scale", scale, "is too small", "Give 1 or more pixels for each module.")
    try:
        import segno
    except ModuleNotFoundError as missing:
        raise KsefInputError(
            "link",
            link,
            "cannot be drawn, for the package segno is not installed",
            "Run: pip install 'airflow-provider-ksef[qr]'.",
        ) from missing
    return segno.make_qr(link, error=ERROR_CORRECTION)


def _drawing(code: QRCode) -> str:
    drawn = io.BytesIO()
    code.save(drawn, kind="svg", border=QUIET_ZONE, xmldecl=False, svgns=False, nl=False)
    return drawn.getvalue().decode()
