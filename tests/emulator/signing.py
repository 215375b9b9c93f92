"""Certificates and signed requests of every shape, on cryptography and lxml alone."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from lxml import etree

from tests.emulator_process import NIP

DS = "http://www.w3.org/2000/09/xmldsig#"
XADES = "http://uri.etsi.org/01903/v1.3.2#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
MORE_2007 = "http://www.w3.org/2007/05/xmldsig-more#"
MORE_2021 = "http://www.w3.org/2021/04/xmldsig-more#"
C14N, C14N_11 = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "http://www.w3.org/2006/12/xml-c14n11"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
RSA_SHA256, ECDSA_SHA256 = f"{MORE}rsa-sha256", f"{MORE}ecdsa-sha256"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
DIGESTS = {
    f"{DS}sha1": "sha1",
    SHA256: "sha256",
    f"{MORE}sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
    f"{MORE_2007}sha3-256": "sha3_256",
    f"{MORE_2007}sha3-384": "sha3_384",
    f"{MORE_2007}sha3-512": "sha3_512",
}
HASHES: dict[str, Any] = {
    "sha1": hashes.SHA1(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
    "sha3-256": hashes.SHA3_256(),
    "sha3-384": hashes.SHA3_384(),
    "sha3-512": hashes.SHA3_512(),
}

ENVELOPED = f'<ds:Transform Algorithm="{DS}enveloped-signature"/>'
XPATH = (
    '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116">'
    "<ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath></ds:Transform>"
)
FILTER = "http://www.w3.org/2002/06/xmldsig-filter2"
XPATH_FILTER = (
    f'<ds:Transform Algorithm="{FILTER}"><f:XPath xmlns:f="{FILTER}" Filter="subtract">'
    "/descendant::ds:Signature</f:XPath></ds:Transform>"
)


def canonicalize(algorithm: str) -> str:
    return f'<ds:Transform Algorithm="{algorithm}"/>'


@dataclass(frozen=True)
class Signer:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: Any

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        pem: bytes = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return pem

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.der).hexdigest().upper()

    def sign(self, content: bytes, method: str) -> Any:
        name = method.rpartition("#")[2]
        if name.startswith("ecdsa-"):
            chosen = HASHES[name.removeprefix("ecdsa-")]
            size = (self.key.curve.key_size + 7) // 8
            pair = decode_dss_signature(self.key.sign(content, ec.ECDSA(chosen)))
            return b"".join(number.to_bytes(size, "big") for number in pair)
        if name.endswith("-rsa-MGF1"):
            chosen = HASHES[name.removesuffix("-rsa-MGF1")]
            pss = padding.PSS(padding.MGF1(chosen), chosen.digest_size)
            return self.key.sign(content, pss, chosen)
        return self.key.sign(content, padding.PKCS1v15(), HASHES[name.removeprefix("rsa-")])


@cache
def make_key(kind: str = "rsa-2048") -> Any:
    """A key, made once for all tests: ``rsa-<bits>`` or the name of a curve."""
    if kind.startswith("rsa-"):
        return rsa.generate_private_key(65537, int(kind.removeprefix("rsa-")))
    return ec.generate_private_key(getattr(ec, kind)())


def certify(
    names: dict[x509.ObjectIdentifier, str],
    key: Any = None,
    *,
    days: tuple[float, float] = (-0.1, 730),
    issuer: Signer | None = None,
    rsa_padding: Any = None,
) -> Signer:
    """A certificate, signed by its own key unless there is an issuer."""
    key = key or make_key()
    subject = x509.Name([x509.NameAttribute(oid, value, _validate=False) for oid, value in names.items()])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
    )
    signing_key = issuer.key if issuer else key
    return Signer(builder.sign(signing_key, hashes.SHA256(), rsa_padding=rsa_padding), key)


def person(serial: str = f"TINPL-{NIP}", key: Any = None, **more: Any) -> Signer:
    """A personal certificate, with the names in C#'s order."""
    names = {
        NameOID.GIVEN_NAME: "Żaneta",
        NameOID.SURNAME: "Kowalska",
        NameOID.SERIAL_NUMBER: serial,
        NameOID.COMMON_NAME: "Żaneta Kowalska",
        NameOID.COUNTRY_NAME: "PL",
    }
    return certify(names, key, **more)


def seal(identifier: str = f"VATPL-{NIP}", name: str = "Alfa sp. z o.o.", key: Any = None) -> Signer:
    """A company's certificate; with twice the same identifier that of a Peppol provider."""
    names = {
        NameOID.ORGANIZATION_NAME: "Alfa sp. z o.o.",
        NameOID.ORGANIZATION_IDENTIFIER: identifier,
        NameOID.COMMON_NAME: name,
        NameOID.COUNTRY_NAME: "PL",
    }
    return certify(names, key)


def request_xml(
    challenge: str,
    context: tuple[str, str] = ("Nip", NIP),
    identify_by: str = "certificateSubject",
    version: str = "2.1",
    policy: str = "",
) -> str:
    kind, value = context
    return (
        f'<AuthTokenRequest xmlns="http://ksef.mf.gov.pl/auth/token/{version}">\n'
        f"  <Challenge>{challenge}</Challenge>\n"
        f"  <ContextIdentifier><{kind}>{value}</{kind}></ContextIdentifier>\n"
        f"  <SubjectIdentifierType>{identify_by}</SubjectIdentifierType>{policy}\n"
        "</AuthTokenRequest>"
    )


@dataclass(frozen=True)
class Shape:
    """
    How a signature looks.

    :param transforms: of the reference to the request.
    :param certificate: the name of the property that tells the certificate's digest.
    :param envelopes: ``xml`` or ``base64`` where the signature holds the request.
    """

    method: str = RSA_SHA256
    c14n: str = C14N
    transforms: str = ENVELOPED + canonicalize(EXCLUSIVE)
    properties_transforms: str = canonicalize(EXCLUSIVE)
    digest: str = SHA256
    certificate: str = "SigningCertificate"
    ids: tuple[str, str] = ("Signature", "SignedProperties")
    envelopes: str | None = None

    def sign(self, xml: str, signer: Signer) -> str:
        """Sign a request."""
        digest = self._digest(signer.der)
        content, uri = "", ""
        if self.envelopes:
            held = xml if self.envelopes == "xml" else b64encode(xml.encode()).decode()
            content, uri = f'<ds:Object Id="request">{held}</ds:Object>', "#request"
        signature = f"""<ds:Signature xmlns:ds="{DS}" Id="{self.ids[0]}"><ds:SignedInfo>
<ds:CanonicalizationMethod Algorithm="{self.c14n}"/><ds:SignatureMethod Algorithm="{self.method}"/>
{self._reference(uri, "", self.transforms)}
{self._reference(f"#{self.ids[1]}", "http://uri.etsi.org/01903#SignedProperties", self.properties_transforms)}
</ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><ds:X509Data><ds:X509Certificate>
{b64encode(signer.der).decode()}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>{content}<ds:Object>
<xades:QualifyingProperties xmlns:xades="{XADES}" Target="#{self.ids[0]}"><xades:SignedProperties
Id="{self.ids[1]}"><xades:SignedSignatureProperties><xades:SigningTime>2026-09-01T00:00:00Z</xades:SigningTime>
<xades:{self.certificate}><xades:Cert><xades:CertDigest><ds:DigestMethod Algorithm="{self.digest}"/>
<ds:DigestValue>{digest}</ds:DigestValue></xades:CertDigest></xades:Cert></xades:{self.certificate}>
</xades:SignedSignatureProperties></xades:SignedProperties></xades:QualifyingProperties></ds:Object></ds:Signature>"""
        whole = (
            signature
            if self.envelopes
            else xml.replace("</AuthTokenRequest", f"{signature}</AuthTokenRequest")
        )
        root = etree.fromstring(whole)
        info = next(root.iter(f"{{{DS}}}SignedInfo"))
        values = [each.find(f"{{{DS}}}DigestValue") for each in info.iterfind(f"{{{DS}}}Reference")]
        values[0].text = self._digest(self._request_bytes(root, xml))
        values[1].text = self._digest(canonical(next(root.iter(f"{{{XADES}}}SignedProperties")), EXCLUSIVE))
        value = signer.sign(canonical(info, self.c14n), self.method)
        next(root.iter(f"{{{DS}}}SignatureValue")).text = b64encode(value).decode()
        return etree.tostring(root, encoding="unicode")

    def _request_bytes(self, root: etree._Element, xml: str) -> bytes:
        if self.envelopes == "base64":
            return xml.encode()
        if f"{DS}base64" in self.transforms:
            return b64decode("".join(next(root.iter(f"{{{DS}}}Object")).itertext()))
        if self.envelopes:
            return canonical(next(root.iter(f"{{{DS}}}Object")), EXCLUSIVE)
        return canonical(etree.fromstring(xml), EXCLUSIVE)

    def _digest(self, content: bytes) -> str:
        return b64encode(hashlib.new(DIGESTS[self.digest], content).digest()).decode()

    def _reference(self, uri: str, kind: str, transforms: str) -> str:
        return (
            f'<ds:Reference URI="{uri}" Type="{kind}"><ds:Transforms>{transforms}</ds:Transforms>'
            f'<ds:DigestMethod Algorithm="{self.digest}"/><ds:DigestValue/></ds:Reference>'
        )


def signed(challenge: str, shape: Shape | None = None) -> str:
    """A request of the company's own person."""
    return (shape or Shape()).sign(request_xml(challenge), person())


def canonical(element: etree._Element, algorithm: str) -> bytes:
    """Canonical form; 1.1 differs from 1.0 in attributes only that no request has."""
    exclusive = algorithm.startswith(EXCLUSIVE)
    comments = algorithm.endswith("WithComments")
    content: bytes = etree.tostring(element, method="c14n", exclusive=exclusive, with_comments=comments)
    return content
