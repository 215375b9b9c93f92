"""QR codes are held against a reader that nobody here wrote."""

from __future__ import annotations

import re
import struct
import sys
import zlib

import numpy as np
import pytest
import zxingcpp
from lxml import etree

from airflow_provider_ksef.client.qr_codes import qr_png, qr_svg
from airflow_provider_ksef.client.verification_links import CERTIFICATE_LABEL
from airflow_provider_ksef.exceptions import KsefInputError

NUMBER = "5265877635-20250826-0100001AF629-AF"
INVOICE = (
    "https://qr-test.ksef.mf.gov.pl/invoice/1111111111/01-02-2026/UtQp9Gpc51y-u3xApZjIjgkpZ01js-J8KflSPW8WzIE"
)
CERTIFICATE = INVOICE.replace("invoice/1111111111/01-02-2026", "certificate/Nip/1111111111/1111111111/01F2")
LINKS = {
    "invoice": INVOICE,
    "ecdsa": f"{CERTIFICATE}/{'aZ09-_' * 14}ab",
    "rsa": f"{CERTIFICATE}/{'aZ09-_' * 57}",
}
SVG = "{http://www.w3.org/2000/svg}"


def pixels_of_png(png: bytes) -> np.ndarray:
    """Read a PNG of one bit per pixel in one block, with its filters 0 and 2."""
    width, height, depth, colour = struct.unpack(">IIBB", png[16:26])
    assert (depth, colour) == (1, 0)
    start = png.index(b"IDAT")
    (length,) = struct.unpack(">I", png[start - 4 : start])
    lines = np.frombuffer(zlib.decompress(png[start + 4 : start + 4 + length]), np.uint8).reshape(height, -1)
    rows = np.zeros((height, lines.shape[1] - 1), np.uint8)
    for number, (kind, *line) in enumerate(lines):
        assert kind in {0, 2}
        rows[number] = line if kind == 0 else rows[number - 1] + np.array(line, np.uint8)
    return np.unpackbits(rows, axis=1)[:, :width] * np.uint8(255)


def pixels_of_svg(svg: str, scale: int = 4) -> np.ndarray:
    """Draw the horizontal strokes that an SVG's only path is made of."""
    root = etree.fromstring(svg.encode())
    _, _, width, height = (float(part) for part in root.get("viewBox").split())
    image = np.full((round(height), round(width)), 255, np.uint8)
    x = y = 0.0
    for command, arguments in re.findall(r"([Mmh])([-\d. ]+)", root.find(f".//{SVG}path").get("d")):
        moved = [float(part) for part in arguments.split()]
        if command == "h":
            image[int(y), int(x) : int(x + moved[0])] = 0
            x += moved[0]
        else:
            x, y = (moved[0], moved[1]) if command == "M" else (x + moved[0], y + moved[1])
    return image.repeat(scale, axis=0).repeat(scale, axis=1)


def read(pixels: np.ndarray) -> str:
    (found,) = zxingcpp.read_barcodes(pixels)
    return str(found.text)


@pytest.mark.parametrize("kind", LINKS)
def test_a_png_says_the_link(kind: str) -> None:
    assert read(pixels_of_png(qr_png(LINKS[kind]))) == LINKS[kind]


@pytest.mark.parametrize("kind", LINKS)
def test_an_svg_says_the_link_above_its_label(kind: str) -> None:
    svg = qr_svg(LINKS[kind], CERTIFICATE_LABEL)
    assert read(pixels_of_svg(svg)) == LINKS[kind]
    label = etree.fromstring(svg.encode()).find(f"{SVG}text")
    assert label.text == CERTIFICATE_LABEL


def test_a_ksef_number_fits_below_its_code() -> None:
    root = etree.fromstring(qr_svg(INVOICE, NUMBER).encode())
    _, _, width, height = (float(part) for part in root.get("viewBox").split())
    label = root.find(f"{SVG}text")
    assert float(label.get("font-size")) * len(NUMBER) * 0.6 < width
    assert float(label.get("y")) < height
    assert (root.get("width"), root.get("height")) == (f"{width * 5:g}", f"{height * 5:g}")


def test_a_label_is_text_whatever_it_holds() -> None:
    svg = qr_svg(INVOICE, "<b>&")
    assert etree.fromstring(svg.encode()).find(f"{SVG}text").text == "<b>&"


def test_a_larger_scale_makes_a_larger_picture() -> None:
    assert pixels_of_png(qr_png(INVOICE, scale=10)).shape == (490, 490)
    with pytest.raises(KsefInputError, match="scale"):
        qr_png(INVOICE, scale=0)


def test_without_segno_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "segno", None)
    with pytest.raises(KsefInputError, match=r"airflow-provider-ksef\[qr\]"):
        qr_svg(INVOICE, NUMBER)
