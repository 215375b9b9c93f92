"""What a login's signature may look like: its algorithms, and that it covers what is read."""

from __future__ import annotations

import re

from lxml import etree

from airflow_provider_ksef.emulator.errors import ApiError
from airflow_provider_ksef.emulator.signed_documents import DS, XADES, SignedDocument

MORE = "http://www.w3.org/2001/04/xmldsig-more#"
MORE_2007 = "http://www.w3.org/2007/05/xmldsig-more#"
MORE_2021 = "http://www.w3.org/2021/04/xmldsig-more#"
C14N = frozenset(
    {
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
        "http://www.w3.org/2006/12/xml-c14n11",
        "http://www.w3.org/2006/12/xml-c14n11#WithComments",
        "http://www.w3.org/2001/10/xml-exc-c14n#",
        "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    }
)
DIGESTS = {
    f"{DS}sha1": "sha1",
    "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
    f"{MORE}sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
    f"{MORE_2007}sha3-256": "sha3_256",
    f"{MORE_2007}sha3-384": "sha3_384",
    f"{MORE_2007}sha3-512": "sha3_512",
}
_HASHES = ("sha1", "sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512")
_SIGNATURES = {
    f"{DS}rsa-sha1",
    *[f"{MORE}rsa-{name}" for name in _HASHES[1:4]],
    *[f"{MORE_2007}{name}-rsa-MGF1" for name in _HASHES],
    *[f"{MORE}ecdsa-{name}" for name in _HASHES[:4]],
    *[f"{MORE_2021}ecdsa-{name}" for name in _HASHES[4:]],
}
_ENVELOPED, _BASE64 = f"{DS}enveloped-signature", f"{DS}base64"
_XPATH, _FILTER = "http://www.w3.org/TR/1999/REC-xpath-19991116", "http://www.w3.org/2002/06/xmldsig-filter2"
_NOT_SIGNATURE = re.compile(r"not\(ancestor-or-self::(\w[\w.-]*):Signature\)")
_ALL_SIGNATURES = re.compile(
    r"(?:/descendant::|//|/descendant-or-self::node\(\)/|here\(\)/ancestor::)(\w[\w.-]*):Signature(?:\[1\])?"
)
_MOST_REFERENCES = _MOST_TRANSFORMS = 10


def check_signature_rules(document: SignedDocument) -> None:
    """
    Check everything about a signature that can be seen without computing.

    :raises ApiError: 9105 for an algorithm that KSeF does not take, and where the signature leaves out the
        request or the signed properties: only what it covers is ever read.
    """
    _check_whole_document(document.root)
    info = _only(document.signature, f"{{{DS}}}SignedInfo")
    _check_algorithm(_only(info, f"{{{DS}}}CanonicalizationMethod"), C14N)
    _check_algorithm(_only(info, f"{{{DS}}}SignatureMethod"), _SIGNATURES)
    references = list(info.iterchildren(f"{{{DS}}}Reference"))
    if not 1 <= len(references) <= _MOST_REFERENCES:
        raise invalid_signature(f"Liczba referencji: {len(references)}.")
    for reference in references:
        _check_algorithm(_only(reference, f"{{{DS}}}DigestMethod"), DIGESTS)
    if not any(_covers_request(document, each) for each in references):
        raise invalid_signature("Podpis nie obejmuje dokumentu.")
    properties = _address(signed_properties(document.signature))
    if not any(each.get("URI") == properties and _transforms(each) <= C14N for each in references):
        raise invalid_signature("Podpis nie obejmuje elementu SignedProperties.")


def signed_properties(signature: etree._Element) -> etree._Element:
    """
    The qualifying properties that a XAdES signature must sign.

    :raises ApiError: 9105 where there are none, or those of another signature.
    """
    path = f"{{{DS}}}Object/{{{XADES}}}QualifyingProperties"
    found = signature.findall(path)
    if len(found) != 1:
        raise invalid_signature("Podpis nie jest podpisem XAdES: brak elementu QualifyingProperties.")
    target, own = found[0].get("Target"), signature.get("Id")
    if target and own and target != f"#{own}":
        raise invalid_signature(f"QualifyingProperties dotyczą innego podpisu: '{target}'.")
    return _only(found[0], f"{{{XADES}}}SignedProperties")


def invalid_signature(detail: str) -> ApiError:
    return ApiError(9105, detail)


def _covers_request(document: SignedDocument, reference: etree._Element) -> bool:
    uri, transforms = reference.get("URI"), _transforms(reference)
    if document.envelope is None:
        removed = transforms - C14N
        return uri == "" and bool(removed) and removed <= {_ENVELOPED, _XPATH, _FILTER}
    allowed = C14N | {_BASE64} if document.is_encoded else C14N
    return uri == _address(document.envelope) and transforms <= allowed


def _address(element: etree._Element) -> str | None:
    return f"#{element.get('Id')}" if element.get("Id") else None


def _transforms(reference: etree._Element) -> set[str]:
    found = reference.iterfind(f"{{{DS}}}Transforms/{{{DS}}}Transform")
    return {str(transform.get("Algorithm")) for transform in found}


def _check_whole_document(root: etree._Element) -> None:
    """Let nothing reach xmlsec, wherever it stands, that reads other documents or computes what it likes."""
    _check_ids(root)
    if next(root.iter(f"{{{DS}}}Manifest"), None) is not None:
        raise invalid_signature("Niedozwolony element Manifest.")
    for reference in root.iter(f"{{{DS}}}Reference"):
        uri = reference.get("URI")
        if uri is None or (uri and not re.fullmatch(r"#[\w.-]+", uri)):
            raise invalid_signature(f"Niedozwolona referencja: '{uri}'.")
    for transforms in root.iter(f"{{{DS}}}Transforms"):
        found = list(transforms.iterchildren(etree.Element))
        if len(found) > _MOST_TRANSFORMS:
            raise invalid_signature("Zbyt wiele transformacji.")
        for transform in found:
            _check_transform(transform)


def _check_transform(transform: etree._Element) -> None:
    _check_algorithm(transform, {*C14N, _ENVELOPED, _BASE64, _XPATH, _FILTER})
    if transform.get("Algorithm") in (_XPATH, _FILTER):
        _check_expression(transform)


def _check_expression(transform: etree._Element) -> None:
    """Let XPath take signatures out of the document, and nothing else."""
    is_filter = transform.get("Algorithm") == _FILTER
    expression = _only(transform, f"{{{_FILTER if is_filter else DS}}}XPath")
    text = re.sub(r"\s+", "", expression.text or "")
    found = (_ALL_SIGNATURES if is_filter else _NOT_SIGNATURE).fullmatch(text)
    wanted = "subtract" if is_filter else None
    if not found or expression.nsmap.get(found[1]) != DS or expression.get("Filter") != wanted:
        raise invalid_signature(f"Niedozwolone wyrażenie XPath: '{text}'.")


def _check_algorithm(element: etree._Element, allowed: frozenset[str] | set[str] | dict[str, str]) -> None:
    if element.get("Algorithm") not in allowed:
        raise invalid_signature("Podpis złożony z użyciem niewspieranego algorytmu kryptograficznego.")


def _check_ids(root: etree._Element) -> None:
    seen = [element.get("Id") for element in root.iter(etree.Element) if element.get("Id")]
    if len(seen) != len(set(seen)):
        raise invalid_signature("Powtórzony identyfikator elementu.")


def _only(parent: etree._Element, tag: str) -> etree._Element:
    found = list(parent.iterchildren(tag))
    if len(found) != 1:
        name = etree.QName(tag).localname
        raise invalid_signature(f"Podpis musi zawierać dokładnie jeden element {name}.")
    return found[0]
