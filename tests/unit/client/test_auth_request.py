"""The signed login document, judged by what did not make it: xmlsec, cryptography and the official schema."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
import xmlsec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from airflow_provider_ksef.client import CertificateCredential, ContextIdentifier
from airflow_provider_ksef.client.auth_request import signed_request
from tests.unit.client.certificate_samples import SEAL, certificate_of, key_of

KINDS = ("rsa-2048", "rsa-3072", "secp256r1", "secp384r1", "secp521r1")
CHALLENGE = "20260901-CR-1A2B3C4000-0F1E2D3C4B-7A"
TIME = datetime(2026, 9, 1, 8, 30, 15, 999_999, UTC)
CONTEXTS = (
    ContextIdentifier("Nip", "5250001210"),
    ContextIdentifier("InternalId", "5250001210-12346"),
    ContextIdentifier("NipVatUe", "5250001210-DE123456789"),
    ContextIdentifier("PeppolId", "PPL000001"),
)
NAMES = {
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "xades": "http://uri.etsi.org/01903/v1.3.2#",
}


def credential(kind: str = "secp256r1", **choices: str) -> CertificateCredential:
    key = key_of(kind)
    return CertificateCredential(certificate_of(key), key, **choices)


def signed(of: CertificateCredential, context: ContextIdentifier = CONTEXTS[0]) -> bytes:
    return signed_request(of, context, CHALLENGE, TIME)


def verify(document: bytes) -> None:
    """Verify by xmlsec, with the certificate that the document brings."""
    root = etree.fromstring(document)
    xmlsec.tree.add_ids(root, ["Id"])
    signature = xmlsec.tree.find_node(root, xmlsec.constants.NodeSignature)
    [certificate] = root.xpath("//ds:X509Certificate/text()", namespaces=NAMES)
    context = xmlsec.SignatureContext()
    der = base64.b64decode(certificate)
    context.key = xmlsec.Key.from_memory(der, xmlsec.constants.KeyDataFormatCertDer)
    context.verify(signature)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_another_library_verifies_the_signature(kind: str, version: str) -> None:
    verify(signed(credential(kind, auth_schema_version=version)))


@pytest.mark.parametrize(
    ("what", "instead"),
    [
        (b"5250001210</", b"5265877635</"),
        (CHALLENGE.encode(), CHALLENGE.replace("1A2B", "1A2C").encode()),
        (b"certificateSubject", b"certificateFingerprint"),
        (b"2026-09-01T08:30:15Z", b"2026-09-01T08:30:16Z"),
        (b"auth/token/2.1", b"auth/token/2.0"),
        (b"AuthTokenRequest</xades:Description>", b"Another</xades:Description>"),
    ],
)
def test_a_change_is_noticed(what: bytes, instead: bytes) -> None:
    document = signed(credential())
    assert what in document
    with pytest.raises(xmlsec.Error):
        verify(document.replace(what, instead))


def test_another_certificate_is_noticed() -> None:
    document = signed(credential())
    ours = certificate_of(key_of("secp256r1", "else")).public_bytes(Encoding.DER)
    [before] = etree.fromstring(document).xpath("//ds:X509Certificate/text()", namespaces=NAMES)
    with pytest.raises(xmlsec.Error):
        verify(document.replace(before.encode(), base64.b64encode(ours)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_signature_value_is_what_the_standard_says(kind: str) -> None:
    root = etree.fromstring(signed(credential(kind)))
    [info] = root.xpath("//ds:SignedInfo", namespaces=NAMES)
    [text] = root.xpath("//ds:SignatureValue/text()", namespaces=NAMES)
    value, data = base64.b64decode(text), etree.tostring(info, method="c14n")
    public_key = key_of(kind).public_key()
    [method] = root.xpath("//ds:SignatureMethod/@Algorithm", namespaces=NAMES)
    if isinstance(public_key, RSAPublicKey):
        assert method == "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
        public_key.verify(value, data, padding.PKCS1v15(), hashes.SHA256())
    else:
        assert isinstance(public_key, EllipticCurvePublicKey)
        assert method == "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
        size = (public_key.curve.key_size + 7) // 8
        assert len(value) == 2 * size
        r, s = (int.from_bytes(half) for half in (value[:size], value[size:]))
        public_key.verify(encode_dss_signature(r, s), data, ECDSA(hashes.SHA256()))


def test_the_signature_is_xades_baseline_b() -> None:
    of = credential()
    root = etree.fromstring(signed(of))
    document, properties, *_ = root.xpath("//ds:Reference", namespaces=NAMES)
    assert document.get("URI") == ""
    assert properties.get("Type") == "http://uri.etsi.org/01903#SignedProperties"
    [target] = root.xpath("//xades:SignedProperties/@Id", namespaces=NAMES)
    assert properties.get("URI") == f"#{target}"
    assert set(root.xpath("//ds:DigestMethod/@Algorithm", namespaces=NAMES)) == {
        "http://www.w3.org/2001/04/xmlenc#sha256"
    }
    path = "//xades:SigningCertificateV2/xades:Cert/xades:CertDigest/ds:DigestValue/text()"
    [digest] = root.xpath(path, namespaces=NAMES)
    der = of.certificate.public_bytes(Encoding.DER)
    assert base64.b64decode(digest) == hashlib.sha256(der).digest()
    assert root.xpath("//xades:SigningTime/text()", namespaces=NAMES) == ["2026-09-01T08:30:15Z"]
    assert root.xpath("//xades:DataObjectFormat/xades:MimeType/text()", namespaces=NAMES) == ["text/xml"]


def official_schema(shared_ksef: Path, version: str) -> etree.XMLSchema:
    """Read the schema; its anchors are .NET's, in XSD a pattern is the whole text anyway."""
    schema = etree.parse(shared_ksef / "xsd" / "auth" / f"schemat_auth_v{version.replace('.', '-')}.xsd")
    for pattern in schema.iter("{http://www.w3.org/2001/XMLSchema}pattern"):
        pattern.set("value", pattern.get("value").removeprefix("^").removesuffix("$").replace(r"\b", ""))
    return etree.XMLSchema(schema)


@pytest.mark.parametrize("version", ["2.0", "2.1"])
@pytest.mark.parametrize("subject", ["certificateSubject", "certificateFingerprint"])
@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.type)
def test_the_document_is_as_the_official_schema_says(
    shared_ksef: Path, version: str, subject: str, context: ContextIdentifier
) -> None:
    of = credential(auth_schema_version=version, subject_identifier_type=subject)
    root = etree.fromstring(signed(of, context))
    root.remove(root.find("ds:Signature", NAMES))
    official_schema(shared_ksef, version).assertValid(root)
    assert [element.text for element in root.iter() if element.text] == [CHALLENGE, context.value, subject]


def test_a_seal_signs_as_well() -> None:
    key = key_of("rsa-2048")
    verify(signed(CertificateCredential(certificate_of(key, SEAL), key)))


def test_the_key_is_not_in_the_document() -> None:
    of = credential("rsa-2048")
    private = of.private_key.private_numbers()
    document = signed(of)
    assert b"PRIVATE" not in document
    size = of.private_key.key_size // 8
    assert base64.b64encode(private.d.to_bytes(size))[:40] not in document
