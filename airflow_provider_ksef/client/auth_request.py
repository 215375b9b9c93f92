"""The document that a login with a certificate sends: ``AuthTokenRequest``, signed by XAdES BASELINE-B."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from airflow_provider_ksef.client.credentials import CertificateCredential
from airflow_provider_ksef.client.settings import ContextIdentifier

if TYPE_CHECKING:
    from lxml.etree import _Element

_NAMESPACE = "http://ksef.mf.gov.pl/auth/token/"


def signed_request(
    credential: CertificateCredential, context: ContextIdentifier, challenge: str, signing_time: datetime
) -> bytes:
    """
    Make and sign the request of one login.

    :param credential: signs it.
    :param context: in whose name the login is.
    :param challenge: of KSeF, for this login.
    :param signing_time: KSeF's own time, so that our clock does not matter.
    """
    from lxml import etree

    document = _document(credential, context, challenge)
    signed = _sign(document, credential, signing_time)
    return bytes(etree.tostring(signed, xml_declaration=True, encoding="utf-8"))


def _document(credential: CertificateCredential, context: ContextIdentifier, challenge: str) -> _Element:
    from lxml import etree

    namespace = _NAMESPACE + credential.auth_schema_version

    def add(parent: _Element, name: str, text: str | None = None) -> _Element:
        element = etree.SubElement(parent, etree.QName(namespace, name))
        element.text = text
        return element

    root = etree.Element(etree.QName(namespace, "AuthTokenRequest"), nsmap={None: namespace})
    add(root, "Challenge", challenge)
    add(add(root, "ContextIdentifier"), context.type, context.value)
    add(root, "SubjectIdentifierType", credential.subject_identifier_type)
    return root


def _sign(document: _Element, credential: CertificateCredential, signing_time: datetime) -> _Element:
    """
    Sign a document, its signature enveloped in it.

    Two of signxml's references name no transform, and a verifier takes Canonical XML 1.0 for those.
    """
    from lxml import etree
    from signxml.algorithms import CanonicalizationMethod, SignatureMethod
    from signxml.util import SigningSettings, namespaces
    from signxml.xades.xades import XAdESDataObjectFormat, XAdESSigner

    is_rsa = isinstance(credential.private_key, RSAPrivateKey)
    signer = XAdESSigner(
        signature_algorithm=SignatureMethod.RSA_SHA256 if is_rsa else SignatureMethod.ECDSA_SHA256,
        c14n_algorithm=CanonicalizationMethod.CANONICAL_XML_1_0,
        data_object_format=XAdESDataObjectFormat("AuthTokenRequest", "text/xml"),
    )

    def add_signing_time(
        signed_signature_properties: _Element, sig_root: _Element, signing_settings: SigningSettings
    ) -> None:
        del sig_root, signing_settings
        element = etree.SubElement(signed_signature_properties, etree.QName(namespaces.xades, "SigningTime"))
        element.text = signing_time.strftime("%Y-%m-%dT%H:%M:%SZ")

    annotators = signer.signed_signature_properties_annotators
    annotators[annotators.index(signer.add_signing_time)] = add_signing_time
    signed: _Element = signer.sign(
        document, key=credential.private_key, cert=[credential.certificate], always_add_key_value=False
    )
    return signed
