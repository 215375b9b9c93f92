"""A signed request for login as it arrives: hardened parsing, and which part of it is signed by what."""

from __future__ import annotations

import re
from base64 import b64decode
from copy import deepcopy
from dataclasses import dataclass

from lxml import etree

from airflow_provider_ksef.emulator.errors import ApiError

DS = "http://www.w3.org/2000/09/xmldsig#"
XADES = "http://uri.etsi.org/01903/v1.3.2#"
REQUEST = "AuthTokenRequest"

_SIGNATURE, _OBJECT = f"{{{DS}}}Signature", f"{{{DS}}}Object"
_ENCODING = re.compile(rb"""\A\s*<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']""")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=False
)


@dataclass(frozen=True)
class SignedDocument:
    """
    A request with its one signature.

    :param root: of the whole document; the signature's references point into it.
    :param request: the ``AuthTokenRequest`` alone, without signature.
    :param envelope: the ``ds:Object`` that holds the request where the signature envelops it.
    :param is_encoded: whether that object holds the request as Base64.
    """

    root: etree._Element
    signature: etree._Element
    request: etree._Element
    envelope: etree._Element | None = None
    is_encoded: bool = False


def read_signed_document(content: bytes) -> SignedDocument:
    """
    Parse a document and find request and signature in it.

    :raises ApiError: 21217 where it is not UTF-8, 21001 where it is no XML, 9101 where it is another
        document, 9102 and 9103 where it has not exactly one signature.
    """
    root = _parse(content)
    if root.tag == _SIGNATURE:
        return _enveloping(root)
    if etree.QName(root).localname != REQUEST:
        raise ApiError(9101, f"Element '{etree.QName(root).localname}' nie jest żądaniem {REQUEST}.")
    signatures = [
        each for each in root.iter(_SIGNATURE) if next(each.iterancestors(_SIGNATURE), None) is None
    ]
    if not signatures:
        raise ApiError(9102)
    if len(signatures) > 1:
        raise ApiError(9103, f"Liczba podpisów: {len(signatures)}, dozwolony jest jeden.")
    if signatures[0].getparent() is not root:
        raise ApiError(9105, f"Podpis nie jest bezpośrednio w elemencie {REQUEST}.")
    return SignedDocument(root, signatures[0], _without_signature(root))


def _enveloping(signature: etree._Element) -> SignedDocument:
    for envelope in signature.iterchildren(_OBJECT):
        children = list(envelope.iterchildren(etree.Element))
        if len(children) == 1 and etree.QName(children[0]).localname == REQUEST:
            return SignedDocument(signature, signature, children[0], envelope)
        if not len(envelope) and (envelope.text or "").strip():
            try:
                content = b64decode(envelope.text)
            except ValueError:
                raise ApiError(21001) from None
            return SignedDocument(signature, signature, _parse(content), envelope, is_encoded=True)
    raise ApiError(9101, f"Podpis nie otacza żądania {REQUEST}; podpis zewnętrzny nie jest akceptowany.")


def _parse(content: bytes) -> etree._Element:
    content = content.removeprefix(_BYTE_ORDER_MARK)
    declared = _ENCODING.match(content)
    if declared and declared[1].lower() not in (b"utf-8", b"utf8"):
        raise ApiError(21217)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        raise ApiError(21217) from None
    try:
        root = etree.fromstring(content, _PARSER)
    except (etree.XMLSyntaxError, ValueError):
        raise ApiError(21001) from None
    if root.getroottree().docinfo.doctype:
        raise ApiError(9101, "For security reasons DTD is prohibited.")
    return root


def _without_signature(root: etree._Element) -> etree._Element:
    bare = deepcopy(root)
    signature = next(bare.iterchildren(_SIGNATURE))
    bare.remove(signature)
    return bare
