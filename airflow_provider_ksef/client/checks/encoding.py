"""What is wrong with a file's bytes, before or beside its XML (KSeF docs: weryfikacja-faktury)."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from airflow_provider_ksef.client.checks.finding import Finding

if TYPE_CHECKING:
    from lxml import etree

_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_ENCODING = re.compile(rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']""")
_PLANES = range(0x10000, 0x110000, 0x10000)
_PLANES_ENDS = "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in _PLANES)
_DISCOURAGED = re.compile(f"[\x7f-\x84\x86-\x9f\ufdd0-\ufdef{_PLANES_ENDS}]")
"""XML 1.0, the note in section 2.2; KSeF refuses them."""
_MAY_BE_DISCOURAGED = re.compile(
    rb"[\x7f\xc2\xef\xf0-\xf4](?:(?<=[\x7f\xf0-\xf4])|(?<=\xc2)[\x80-\x9f]|(?<=\xef)\xb7[\x90-\xaf])"
)
"""Their bytes, all first ones in one set: this is three times as fast as to tell them apart at once."""
_REFERENCE = re.compile(rb"&#(?:x([0-9A-Fa-f]+)|([0-9]+));")
_UTF8 = "Save the file as UTF-8 without a byte order mark."


def encoding_finding(content: bytes) -> Finding | None:
    """
    Find what makes a file something else than UTF-8 without a byte order mark.

    :param content: the whole file.
    """
    if content.startswith(_MARKS):
        return Finding("encoding.bom", 1, "begins with a byte order mark", _UTF8)
    declared = _ENCODING.match(content)
    if declared and declared[1].lower() != b"utf-8":
        name = declared[1].decode("ascii", "replace")
        return Finding("encoding.declared", 1, f"declares the encoding {name!r}", f"{_UTF8} Declare UTF-8.")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Finding("encoding.not-utf-8", line, f"is not UTF-8 at byte {error.start:,}", _UTF8)
    return None


def character_findings(content: bytes, root: etree._Element) -> Iterator[Finding]:
    """
    Find the first discouraged character, written as itself or as a reference.

    :param content: the whole file, in UTF-8.
    :param root: of the document in it.
    """
    if _MAY_BE_DISCOURAGED.search(content):
        text = content.decode()
        found = _DISCOURAGED.search(text)
        if found:
            yield _discouraged(found[0], text.count("\n", 0, found.start()) + 1)
            return
    if any(map(_is_discouraged, _REFERENCE.finditer(content))):
        for element in root.iter("*"):
            for text in (element.text, element.tail, *element.attrib.values()):
                found = _DISCOURAGED.search(text or "")
                if found:
                    yield _discouraged(found[0], element.sourceline)
                    return


def _is_discouraged(reference: re.Match[bytes]) -> bool:
    """Tell of a reference, which may yet be plain text in CDATA."""
    hexadecimal, decimal = reference.groups()
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    return code <= sys.maxunicode and _DISCOURAGED.match(chr(code)) is not None


def _discouraged(character: str, line: int) -> Finding:
    return Finding(
        "xml.discouraged-character",
        line,
        f"holds the character U+{ord(character):04X}, which KSeF refuses",
        "Take the character out; it mostly comes from text of another encoding.",
    )
