"""The seal (XAdES) of official receipts, by a key of the emulator's own in the Ministry's place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import NameOID
from lxml import etree

from airflow_provider_ksef.emulator.clock import Clock
from airflow_provider_ksef.emulator.crypto import digest, encode_base64
from airflow_provider_ksef.emulator.moments import datetime_of
from airflow_provider_ksef.emulator.signature_rules import MORE
from airflow_provider_ksef.emulator.signed_documents import DS, XADES
from airflow_provider_ksef.emulator.store.database import Database

_LIFE = timedelta(days=3650)
_BACKDATED = timedelta(days=365)  # the clock can be set back behind the moment of the first receipt
_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
_PROPERTIES = "SignedProperties"


@dataclass(frozen=True)
class _Keeper:
    key: rsa.RSAPrivateKey
    certificate: x509.Certificate


class Seal:
    """
    Seals receipts, the same one always by the same bytes.

    :param database: keeps the key, which is made for the first receipt; a restart or a reset changes nothing.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def put_on(self, root: etree._Element, moment: int) -> bytes:
        """
        Add the seal as last element.

        :param root: of the document, without white space between its elements.
        :param moment: when it is said to be sealed, in ticks.
        :returns: the document.
        """
        content = digest(_canonical(root))
        signature = etree.SubElement(root, _ds("Signature"), {"Id": "Signature"}, nsmap={"ds": DS})
        signed_info = etree.SubElement(signature, _ds("SignedInfo"))
        value = etree.SubElement(signature, _ds("SignatureValue"))
        self._add_certificate(signature)
        properties = self._add_properties(signature, moment)

        _add(signed_info, "CanonicalizationMethod", _C14N)
        _add(signed_info, "SignatureMethod", f"{MORE}rsa-sha256")
        _refer(signed_info, {"URI": ""}, (f"{DS}enveloped-signature", _C14N), content)
        target = {"Type": "http://uri.etsi.org/01903#SignedProperties", "URI": f"#{_PROPERTIES}"}
        _refer(signed_info, target, (_C14N,), digest(_canonical(properties)))
        signed = self._keeper.key.sign(_canonical(signed_info), padding.PKCS1v15(), hashes.SHA256())
        value.text = encode_base64(signed)
        return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True))

    def _add_certificate(self, signature: etree._Element) -> None:
        data = etree.SubElement(etree.SubElement(signature, _ds("KeyInfo")), _ds("X509Data"))
        etree.SubElement(data, _ds("X509Certificate")).text = encode_base64(self._der)

    def _add_properties(self, signature: etree._Element, moment: int) -> etree._Element:
        qualifying = etree.SubElement(
            etree.SubElement(signature, _ds("Object")),
            _xades("QualifyingProperties"),
            {"Target": "#Signature"},
            nsmap={"xades": XADES},
        )
        properties = etree.SubElement(qualifying, _xades("SignedProperties"), {"Id": _PROPERTIES})
        told = etree.SubElement(properties, _xades("SignedSignatureProperties"))
        time = datetime_of(moment).replace(microsecond=0, tzinfo=None)
        etree.SubElement(told, _xades("SigningTime")).text = f"{time.isoformat()}Z"
        signer = etree.SubElement(etree.SubElement(told, _xades("SigningCertificate")), _xades("Cert"))
        hashed = etree.SubElement(signer, _xades("CertDigest"))
        _add(hashed, "DigestMethod", _SHA256)
        etree.SubElement(hashed, _ds("DigestValue")).text = digest(self._der)
        issuer = etree.SubElement(signer, _xades("IssuerSerial"))
        certificate = self._keeper.certificate
        etree.SubElement(issuer, _ds("X509IssuerName")).text = certificate.issuer.rfc4514_string()
        etree.SubElement(issuer, _ds("X509SerialNumber")).text = str(certificate.serial_number)
        return properties

    @property
    def _der(self) -> bytes:
        return self._keeper.certificate.public_bytes(Encoding.DER)

    @cached_property
    def _keeper(self) -> _Keeper:
        with self._database.transaction():
            row = self._database.row("SELECT private_key, certificate FROM seal")
            if row is None:
                row = self._make()
                self._database.execute("INSERT INTO seal (private_key, certificate) VALUES (?, ?)", row)
        key = load_der_private_key(row[0], None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("the kept key of the seal is not an RSA key")
        return _Keeper(key, x509.load_der_x509_certificate(row[1]))

    def _make(self) -> tuple[bytes, bytes]:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "PL"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "KSeF emulator"),
                x509.NameAttribute(NameOID.COMMON_NAME, "KSeF emulator receipts"),
            ]
        )
        start = datetime_of(self._clock.now()).replace(microsecond=0) - _BACKDATED
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + _LIFE)
            .sign(key, hashes.SHA256())
        )
        private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return private, certificate.public_bytes(Encoding.DER)


def _refer(
    signed_info: etree._Element, target: dict[str, str], transforms: tuple[str, ...], value: str
) -> None:
    reference = etree.SubElement(signed_info, _ds("Reference"), target)
    listed = etree.SubElement(reference, _ds("Transforms"))
    for each in transforms:
        _add(listed, "Transform", each)
    _add(reference, "DigestMethod", _SHA256)
    etree.SubElement(reference, _ds("DigestValue")).text = value


def _add(parent: etree._Element, name: str, algorithm: str) -> None:
    etree.SubElement(parent, _ds(name), {"Algorithm": algorithm})


def _canonical(element: etree._Element) -> bytes:
    return bytes(etree.tostring(element, method="c14n", exclusive=True, with_tail=False))


def _ds(name: str) -> str:
    return f"{{{DS}}}{name}"


def _xades(name: str) -> str:
    return f"{{{XADES}}}{name}"
