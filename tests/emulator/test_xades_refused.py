"""Signatures that do not hold, each in one way."""

from __future__ import annotations

import re
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from airflow_provider_ksef.emulator.signatures import VerifierMissing, verify_signature
from airflow_provider_ksef.emulator.signed_documents import read_signed_document
from tests.emulator.peer import Peer, error_code
from tests.emulator.signing import (
    DS,
    ECDSA_SHA256,
    ENVELOPED,
    EXCLUSIVE,
    FILTER,
    MORE,
    SHA256,
    XPATH,
    XPATH_FILTER,
    Shape,
    canonicalize,
    make_key,
    person,
    request_xml,
    signed,
)
from tests.emulator_process import NIP

OTHER_NIP = "1111111111"
Make = Callable[[str], str | bytes]


def wrapped(challenge: str) -> str:
    """The request that was signed stands in an object; another one is the root."""
    document = Shape(transforms=canonicalize(EXCLUSIVE), envelopes="xml").sign(
        request_xml(challenge), person()
    )
    return request_xml(challenge, ("Nip", OTHER_NIP)).replace(
        "</AuthTokenRequest", f"{document}</AuthTokenRequest"
    )


def prepended(challenge: str) -> str:
    """Before the signed object with the request stands an unsigned one with another request."""
    document = Shape(transforms=canonicalize(EXCLUSIVE), envelopes="xml").sign(
        request_xml(challenge), person()
    )
    evil = f"<ds:Object>{request_xml(challenge, ('Nip', OTHER_NIP))}</ds:Object>"
    return document.replace("<ds:Object", f"{evil}<ds:Object", 1)


def same_id(challenge: str) -> str:
    document = Shape(transforms=canonicalize(EXCLUSIVE), envelopes="xml").sign(
        request_xml(challenge), person()
    )
    evil = f'<ds:Object Id="request">{request_xml(challenge, ("Nip", OTHER_NIP))}</ds:Object>'
    return document.replace("<ds:Object", f"{evil}<ds:Object", 1)


def same_xml_id(challenge: str) -> str:
    return signed(challenge).replace("<ds:KeyInfo>", '<ds:KeyInfo xml:id="SignedProperties">')


def der_encoded(challenge: str) -> str:
    document = Shape(method=ECDSA_SHA256).sign(request_xml(challenge), person(key=make_key("SECP256R1")))
    value = re.search("<ds:SignatureValue>(.*)</ds:SignatureValue>", document)
    assert value
    raw = b64decode(value[1])
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    return document.replace(value[1], b64encode(der).decode())


def by_another_certificate(challenge: str) -> str:
    """The same key in another certificate than the one whose digest is signed."""
    mine, theirs = person(), person(f"TINPL-{OTHER_NIP}")
    document = Shape().sign(request_xml(challenge), mine)
    return document.replace(b64encode(mine.der).decode(), b64encode(theirs.der).decode())


def text_only(challenge: str) -> str:
    """The object holds XML, but its digest is of what the text in it means as Base64."""
    shape = Shape(transforms=f'<ds:Transform Algorithm="{DS}base64"/>', envelopes="xml")
    return shape.sign(request_xml(challenge), person())


def without_property(challenge: str) -> str:
    return re.sub(
        "<xades:SigningCertificate>.*</xades:SigningCertificate>", "", signed(challenge), flags=re.S
    )


def expression(text: str) -> str:
    return XPATH.replace("not(ancestor-or-self::ds:Signature)", text)


def with_third(uri: str, transform: str = "") -> Make:
    """After the two references that a login needs stands another one."""
    transforms = f"<ds:Transforms>{transform}</ds:Transforms>" if transform else ""
    return lambda challenge: signed(challenge).replace(
        "</ds:SignedInfo>", f"{reference_to(uri, transforms)}</ds:SignedInfo>"
    )


def with_manifest(challenge: str) -> str:
    """An object that is not signed, whose references xmlsec would follow too."""
    manifest = f"<ds:Object><ds:Manifest>{reference_to('')}</ds:Manifest></ds:Object>"
    return signed(challenge).replace("</ds:Signature>", f"{manifest}</ds:Signature>")


def reference_to(uri: str, transforms: str = "") -> str:
    digest = f'<ds:DigestMethod Algorithm="{SHA256}"/><ds:DigestValue>AAAA</ds:DigestValue>'
    return f'<ds:Reference URI="{uri}">{transforms}{digest}</ds:Reference>'


INVALID: dict[str, tuple[Make, str]] = {
    "another NIP than was signed": (
        lambda challenge: signed(challenge).replace(f"<Nip>{NIP}<", f"<Nip>{OTHER_NIP}<"),
        "zweryfikowany negatywnie",
    ),
    "another time than was signed": (
        lambda challenge: signed(challenge).replace("2026-09-01T", "2026-09-02T"),
        "zweryfikowany negatywnie",
    ),
    "a wrapped signature": (wrapped, "nie obejmuje dokumentu"),
    "an unsigned object before the signed one": (prepended, "nie obejmuje dokumentu"),
    "two elements with one Id": (same_id, "Powtórzony identyfikator"),
    "an xml:id like an Id": (same_xml_id, "zweryfikowany negatywnie"),
    "a signature in DER": (der_encoded, "zweryfikowany negatywnie"),
    "another certificate": (by_another_certificate, "nie odpowiada certyfikatowi"),
    "a digest of text only": (text_only, "nie obejmuje dokumentu"),
    "no SigningCertificate": (without_property, "nie wskazuje certyfikatu"),
    "an external reference": (
        lambda challenge: signed(challenge).replace('URI=""', 'URI="file:///etc/passwd"'),
        "Niedozwolona referencja",
    ),
    "a third reference to a file": (with_third("file:///etc/hostname"), "Niedozwolona referencja"),
    "a third reference by XPointer": (with_third("#xpointer(//Nip)"), "Niedozwolona referencja"),
    "a third reference with XSLT": (
        with_third("", canonicalize("http://www.w3.org/TR/1999/REC-xslt-19991116")),
        "niewspieranego algorytmu",
    ),
    "a third reference with any XPath": (
        with_third("", expression("count(//*/following::*)")),
        "Niedozwolone wyrażenie",
    ),
    "a third reference with many transforms": (
        with_third("", canonicalize(EXCLUSIVE) * 11),
        "Zbyt wiele transformacji",
    ),
    "a manifest": (with_manifest, "Niedozwolony element Manifest"),
    "a reference to a file in an object": (
        lambda challenge: (
            with_manifest(challenge)
            .replace("ds:Manifest", "ds:Object")
            .replace('URI=""><ds:DigestMethod', 'URI="file:///etc/hostname"><ds:DigestMethod')
        ),
        "Niedozwolona referencja",
    ),
    "no reference to the request": (
        lambda challenge: signed(challenge).replace('URI=""', 'URI="#Signature"'),
        "nie obejmuje dokumentu",
    ),
    "no signed properties": (
        lambda challenge: signed(challenge).replace('URI="#SignedProperties"', 'URI="#Signature"'),
        "nie obejmuje elementu SignedProperties",
    ),
    "properties of another signature": (
        lambda challenge: signed(challenge).replace('Target="#Signature"', 'Target="#x"'),
        "innego podpisu",
    ),
    "HMAC": (
        lambda challenge: signed(challenge).replace(f"{MORE}rsa-sha256", f"{MORE}hmac-sha256"),
        "niewspieranego algorytmu",
    ),
    "MD5": (
        lambda challenge: signed(challenge).replace("http://www.w3.org/2001/04/xmlenc#sha256", f"{MORE}md5"),
        "niewspieranego algorytmu",
    ),
    "XSLT": (
        lambda challenge: signed(
            challenge,
            Shape(transforms=ENVELOPED + canonicalize("http://www.w3.org/TR/1999/REC-xslt-19991116")),
        ),
        "niewspieranego algorytmu",
    ),
    "XPath that hides the context": (
        lambda challenge: signed(
            challenge, Shape(transforms=expression("not(ancestor-or-self::Nip)") + ENVELOPED)
        ),
        "Niedozwolone wyrażenie",
    ),
    "an XPath filter that keeps little": (
        lambda challenge: signed(challenge, Shape(transforms=XPATH_FILTER.replace("subtract", "intersect"))),
        "Niedozwolone wyrażenie",
    ),
    "XPath with another prefix": (
        lambda challenge: signed(
            challenge, Shape(transforms=expression("not(ancestor-or-self::x:Signature)"))
        ),
        "Niedozwolone wyrażenie",
    ),
    "a filter of another namespace": (
        lambda challenge: signed(
            challenge, Shape(transforms=XPATH_FILTER.replace(f'xmlns:f="{FILTER}"', 'xmlns:f="urn:x"'))
        ),
        "jeden element XPath",
    ),
    "no signature value": (
        lambda challenge: re.sub(
            "<ds:SignatureValue>.*</ds:SignatureValue>", "<ds:SignatureValue/>", signed(challenge)
        ),
        "zweryfikowany negatywnie",
    ),
}


@pytest.mark.parametrize("case", INVALID)
def test_a_signature_that_does_not_hold_is_9105(stranger: Peer, case: str) -> None:
    make, detail = INVALID[case]
    refused = stranger.submit_signed(make(stranger.challenge()["challenge"]))
    assert error_code(refused) == 9105
    assert detail in refused.text


def test_without_xmlsec_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xmlsec", None)
    document = read_signed_document(signed("20260901-CR-1A2B3C4000-0F1E2D3C4B-7A").encode())
    with pytest.raises(VerifierMissing, match=r"airflow-provider-ksef\[emulator\]"):
        verify_signature(document)
