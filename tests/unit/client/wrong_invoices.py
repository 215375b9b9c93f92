"""Every way in which an invoice can be wrong by itself: what the checks say of it, and where."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

FA_2, FA_3 = b"http://crd.gov.pl/wzor/2023/06/29/12648/", b"http://crd.gov.pl/wzor/2025/06/25/13775/"
SCHEMA = "schema.invalid"


class Way(NamedTuple):
    """
    One way.

    :param rule: that finds it.
    :param spoil: makes a right invoice of FA (3) wrong.
    :param at: what stands in the line that is told; None where none is.
    :param by_schema: the rules that find it where there is a schema, if they are others.
    """

    rule: str
    spoil: Callable[[bytes], bytes]
    at: bytes | None = None
    by_schema: tuple[str, ...] = ()

    @property
    def with_schema(self) -> tuple[str, ...]:
        return self.by_schema or (self.rule,)


def _put(after: str, text: str | bytes) -> Callable[[bytes], bytes]:
    content = text.encode() if isinstance(text, str) else text
    return lambda xml: xml.replace(after.encode(), after.encode() + content, 1)


def _turn(old: str, new: str) -> Callable[[bytes], bytes]:
    def turn(xml: bytes) -> bytes:
        turned, count = re.subn(old.encode(), new.encode(), xml, count=1, flags=re.DOTALL)
        assert count, f"there is no {old} in it"
        return turned

    return turn


def _declared(declaration: str) -> Callable[[bytes], bytes]:
    return lambda xml: declaration.encode() + xml[xml.index(b"?>") + 2 :]


WAYS = {
    "nothing in it": Way("file.empty", lambda _: b""),
    "over a megabyte": Way("file.too-large", lambda xml: xml.ljust(1_000_001)),
    "over three megabytes with an attachment": Way(
        "file.too-large", lambda xml: xml.replace(b"</Faktura>", b"<Zalacznik/></Faktura>").ljust(3_000_001)
    ),
    "mark of UTF-8": Way("encoding.bom", lambda xml: b"\xef\xbb\xbf" + xml, b"<?xml"),
    "UTF-16": Way("encoding.bom", lambda xml: xml.decode().encode("utf-16"), b""),
    "Latin 2": Way("encoding.declared", _turn("UTF-8", "ISO-8859-2"), b"<?xml"),
    "Windows": Way("encoding.declared", _turn("UTF-8", "windows-1250"), b"<?xml"),
    "a byte alone": Way("encoding.not-utf-8", _put("<P_2>", b"\xff"), b"<P_2>"),
    "half a character": Way("encoding.not-utf-8", _put("<P_2>", b"\xc5"), b"<P_2>"),
    "a surrogate": Way("encoding.not-utf-8", _put("<P_2>", b"\xed\xa0\x80"), b"<P_2>"),
    "cut off": Way("xml.not-well-formed", lambda xml: xml[:-4], b"</Fak"),
    "JSON": Way("xml.not-well-formed", lambda _: b'{"invoice": 1}', b"{"),
    "a ZIP file": Way("xml.not-well-formed", lambda _: b"PK\3\4", b"PK"),
    "two documents": Way("xml.not-well-formed", lambda xml: xml + b"\n<more/>", b"<more/>"),
    "an unclosed element": Way("xml.not-well-formed", _turn("</P_2>", ""), b"</Fa>"),
    "a bare ampersand": Way("xml.not-well-formed", _put("<P_2>", "A & B"), b"<P_2>"),
    "an entity of HTML": Way("xml.not-well-formed", _put("<P_2>", "&nbsp;"), b"<P_2>"),
    "a character that XML has not": Way("xml.not-well-formed", _put("<P_2>", "\1"), b"<P_2>"),
    "XML 1.1": Way("xml.version", _declared('<?xml version="1.1" encoding="UTF-8"?>'), b"<?xml"),
    "a DOCTYPE": Way("xml.doctype", _declared("<!DOCTYPE Faktura>"), b"<!DOCTYPE"),
    "a stylesheet": Way("xml.processing-instruction", _put("?>", "<?xml-stylesheet href='a'?>"), b"<?xml-s"),
    "PHP": Way("xml.processing-instruction", _put("<Fa>", "<?php x?>"), b"<?php"),
    "an instruction at the end": Way("xml.processing-instruction", lambda xml: xml + b"<?end?>", b"<?end"),
    "a control character": Way("xml.discouraged-character", _put("<P_1M>", "\x86"), b"<P_1M>"),
    "no character": Way("xml.discouraged-character", _put("<P_1M>", "\ufdd0"), b"<P_1M>"),
    "the last of a plane": Way("xml.discouraged-character", _put("<P_1M>", "\U0003fffe"), b"<P_1M>"),
    "a reference to one": Way("xml.discouraged-character", _put("<P_1M>", "&#x9f;"), b"<P_1M>"),
    "the form before": Way("form.other", lambda xml: xml.replace(FA_3, FA_2), b"<Faktura"),
    "no namespace": Way("form.other", _turn(' xmlns="[^"]*"', ""), b"<Faktura"),
    "another document": Way("form.other", lambda _: b"<html/>", b"<html"),
    "a header of another form": Way(
        "form.header", _turn(r'"FA \(3\)"', '"FA (2)"'), b"<KodFormularza", ("form.header", SCHEMA)
    ),
    "no number": Way("invoice.incomplete", _turn("<P_2>.*?</P_2>", ""), b"<Faktura", (SCHEMA,)),
    "no date": Way("invoice.incomplete", _turn("<P_1>.*?</P_1>", ""), b"<Faktura", (SCHEMA,)),
    "no seller": Way("invoice.incomplete", _turn("<Podmiot1>.*?</Podmiot1>", ""), b"<Faktura", (SCHEMA,)),
    "no type": Way(
        "invoice.incomplete", _turn("<RodzajFaktury>.*?</RodzajFaktury>", ""), b"<Faktura", (SCHEMA,)
    ),
    "another seller": Way(
        "invoice.other-seller", _turn(r"(<Podmiot1>.*?<NIP>)\d+", r"\g<1>5110203043"), b"5110203043"
    ),
    "a Polish date": Way(
        "invoice.issue-date", _turn("<P_1>[^<]*", "<P_1>15.09.2026"), b"<P_1>", (SCHEMA, "invoice.issue-date")
    ),
    "tomorrow": Way("invoice.issue-date-in-future", _turn("<P_1>[^<]*", "<P_1>2026-09-16"), b"<P_1>"),
}
BY_SCHEMA = {
    "no total": Way(SCHEMA, _turn("<P_15>.*?</P_15>", ""), b"<Adnotacje>"),
    "a decimal comma": Way(SCHEMA, _turn("<P_15>.*?</P_15>", "<P_15>1,00</P_15>"), b"<P_15>"),
    "an unknown currency": Way(SCHEMA, _turn("<KodWaluty>...", "<KodWaluty>ZZZ"), b"<KodWaluty>"),
    "a mark left out": Way(SCHEMA, _turn("<P_16>.</P_16>", ""), b"<P_17>"),
}
