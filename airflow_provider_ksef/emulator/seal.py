"""The seal (XAdES) of official receipts, by a key of the emulator's own in the Ministry's place."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from airflow_provider_ksef.emulator.clock import Clock
from airflow_provider_ksef.emulator.crypto import digest, encode_base64
from airflow_provider_ksef.emulator.moments import datetime_of
from airflow_provider_ksef.emulator.own_keys import OwnKey, kept_key, load_rsa_key, new_rsa_key, self_signed
from airflow_provider_ksef.emulator.signature_rules import MORE
from airflow_provider_ksef.emulator.signed_documents import DS, XADES
from airflow_provider_ksef.emulator.store.database import Database

_LIFE = timedelta(days=3650)
_BACKDATED = timedelta(days=365)  # the clock can be set back behind the moment of the first receipt
_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
_PROPERTIES = "SignedProperties"


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
        signed = self._own.private_key.sign(_canonical(signed_info), padding.PKCS1v15(), hashes.SHA256())
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
        certificate = self._own.certificate
        etree.SubElement(issuer, _ds("X509IssuerName")).text = certificate.issuer.rfc4514_string()
        etree.SubElement(issuer, _ds("X509SerialNumber")).text = str(certificate.serial_number)
        return properties

    @property
    def _der(self) -> bytes:
        return self._own.certificate.public_bytes(Encoding.DER)

    @cached_property
    def _own(self) -> OwnKey[rsa.RSAPrivateKey]:
        return kept_key(self._database, "seal", load_rsa_key, self._make)

    def _make(self) -> OwnKey[rsa.RSAPrivateKey]:
        key = new_rsa_key()
        start = datetime_of(self._clock.now()) - _BACKDATED
        return OwnKey(key, self_signed(key, "KSeF emulator receipts", (start, start + _LIFE)))


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
