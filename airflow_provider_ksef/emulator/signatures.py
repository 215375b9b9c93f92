"""Verifying the XAdES signature of a login, by xmlsec."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from types import ModuleType

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from airflow_provider_ksef.emulator.certificates import SignerCertificate, read_certificate
from airflow_provider_ksef.emulator.errors import ApiError
from airflow_provider_ksef.emulator.signature_rules import (
    DIGESTS,
    check_signature_rules,
    invalid_signature,
    signed_properties,
)
from airflow_provider_ksef.emulator.signed_documents import DS, XADES, SignedDocument

_CERTIFICATES = f"{{{DS}}}KeyInfo/{{{DS}}}X509Data/{{{DS}}}X509Certificate"
_SIGNING_CERTIFICATES = tuple(
    f"{{{XADES}}}SignedSignatureProperties/{{{XADES}}}{name}/{{{XADES}}}Cert/{{{XADES}}}CertDigest"
    for name in ("SigningCertificateV2", "SigningCertificate")
)
_MOST_CERTIFICATES = 10


class VerifierMissing(Exception):  # noqa: N818  it says what is wrong
    """xmlsec cannot be used in this installation."""


def verify_signature(document: SignedDocument) -> SignerCertificate:
    """
    Verify a login's signature; give the certificate that the signature itself names as the signer's.

    :raises ApiError: 9105 where it does not hold, 21115 where its certificate cannot be used.
    """
    check_signature_rules(document)
    signer = _signer(document.signature)
    xmlsec = _load_xmlsec()
    public_key = signer.certificate.public_key()
    pem = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    context = xmlsec.SignatureContext()
    try:
        # with a key of its own it looks at no KeyInfo and loads nothing
        context.key = xmlsec.Key.from_memory(pem, xmlsec.KeyFormat.PEM)
        for element in document.root.iter(etree.Element):
            if element.get("Id"):
                context.register_id(element, "Id")
        context.verify(document.signature)
    except xmlsec.Error:
        raise invalid_signature("Podpis zweryfikowany negatywnie.") from None
    return signer


def _signer(signature: etree._Element) -> SignerCertificate:
    texts = ["".join((each.text or "").split()) for each in signature.iterfind(_CERTIFICATES)]
    if not 1 <= len(texts) <= _MOST_CERTIFICATES:
        raise ApiError(21115, "Podpis nie zawiera certyfikatu w elemencie X509Certificate.")
    properties = signed_properties(signature)
    stated = [each for path in _SIGNING_CERTIFICATES for each in properties.iterfind(path)]
    if not stated:
        raise invalid_signature("Podpis nie wskazuje certyfikatu podpisującego (SigningCertificate).")
    for text in texts:
        certificate = read_certificate(text)
        if _matches(certificate, stated[0]):
            return certificate
    raise invalid_signature("Skrót certyfikatu w SigningCertificate nie odpowiada certyfikatowi z KeyInfo.")


def _matches(certificate: SignerCertificate, stated: etree._Element) -> bool:
    method = stated.find(f"{{{DS}}}DigestMethod")
    algorithm = DIGESTS.get(str(method.get("Algorithm"))) if method is not None else None
    if algorithm is None:
        raise invalid_signature("Podpis złożony z użyciem niewspieranego algorytmu kryptograficznego.")
    try:
        expected = b64decode(stated.findtext(f"{{{DS}}}DigestValue") or "")
    except ValueError:
        raise invalid_signature("Nieprawidłowy skrót certyfikatu w SigningCertificate.") from None
    return hashlib.new(algorithm, certificate.der).digest() == expected


def _load_xmlsec() -> ModuleType:
    try:
        import xmlsec
    except Exception as error:
        raise VerifierMissing(
            "logging in with a certificate needs xmlsec, built against the same libxml2 as lxml: "
            "pip install --force-reinstall 'airflow-provider-ksef[emulator]' "
            f"({error})"
        ) from error
    module: ModuleType = xmlsec
    return module
