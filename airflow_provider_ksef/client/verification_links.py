"""The links behind an invoice's QR codes: KOD I shows the invoice, KOD II its issuer (KSeF docs: kody-qr)."""

from __future__ import annotations

import base64
import binascii
from datetime import date

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from airflow_provider_ksef.client.credentials import CertificateCredential, SigningKey, name_of
from airflow_provider_ksef.client.identifiers import check_ksef_number, check_nip
from airflow_provider_ksef.client.settings import ContextIdentifier
from airflow_provider_ksef.exceptions import KsefInputError

LABEL_WITHOUT_NUMBER = "OFFLINE"
CERTIFICATE_LABEL = "CERTYFIKAT"
"""What stands under the code of :func:`certificate_link`."""
_SALT_BYTES = 32
_P256_BYTES = 32
_SHA256_BYTES = 32
_SERIAL_DIGITS = 16


def invoice_link(qr_url: str, seller_nip: str, issue_date: date, invoice_hash: str) -> str:
    """
    Make the link of KOD I, under which anybody can see whether KSeF has an invoice, unchanged.

    :param qr_url: the environment's base of links, ``environment.qr_url`` of the client's settings.
    :param seller_nip: of the seller, as the invoice names it.
    :param issue_date: the invoice's ``P_1``.
    :param invoice_hash: Base64 SHA-256 of the XML as KSeF tells it, see
        :func:`~airflow_provider_ksef.client.crypto.sha256_base64`.
    :raises KsefInputError: where the NIP or the hash is none.
    """
    nip, digest = check_nip(seller_nip, "seller_nip"), _in_url(_digest(invoice_hash))
    return f"{qr_url.rstrip('/')}/invoice/{nip}/{issue_date:%d-%m-%Y}/{digest}"


def certificate_link(
    qr_url: str,
    context: ContextIdentifier,
    seller_nip: str,
    invoice_hash: str,
    credential: CertificateCredential,
) -> str:
    """
    Make the link of KOD II, which says who issued an invoice offline; it is signed on this machine.

    RSA keys sign by RSASSA-PSS (SHA-256, MGF1 with SHA-256, 32 bytes of salt), EC keys by ECDSA on P-256 in
    the short form of IEEE P1363, which KSeF recommends.

    :param qr_url: the environment's base of links, ``environment.qr_url`` of the client's settings.
    :param context: in whose name the invoice was issued.
    :param seller_nip: of the seller, as the invoice names it.
    :param invoice_hash: Base64 SHA-256 of the XML.
    :param credential: a KSeF certificate of type ``Offline`` with its key, from
        :func:`~airflow_provider_ksef.client.certificates.read_certificate`. It cannot log in.
    :raises KsefInputError: where the NIP or the hash is none, the certificate is none that KSeF issued for
        offline invoices, or its key cannot sign links.
    """
    nip, digest = check_nip(seller_nip, "seller_nip"), _in_url(_digest(invoice_hash))
    check_offline_certificate(credential)
    serial = certificate_serial(credential.certificate)
    link = f"{qr_url.rstrip('/')}/certificate/{context.type}/{context.value}/{nip}/{serial}/{digest}"
    _, _, signed = link.rpartition("://")
    return f"{link}/{_in_url(_signature(credential.private_key, signed.encode()))}"


def check_offline_certificate(credential: CertificateCredential) -> None:
    """
    Refuse a certificate that cannot sign links of KOD II.

    :param credential: see :func:`certificate_link`.
    :raises KsefInputError: names the certificate, and what is wrong with it or with its key.
    """
    _check_purpose(credential.certificate)
    certificate_serial(credential.certificate)
    key = credential.private_key
    if not isinstance(key, RSAPrivateKey) and not isinstance(key.curve, ec.SECP256R1):
        raise KsefInputError(
            "private_key",
            None,
            f"is an EC key on the curve {key.curve.name}",
            "Links are signed with RSA or on P-256 (secp256r1): ask KSeF for a certificate of such a key.",
        )


def certificate_serial(certificate: x509.Certificate) -> str:
    """
    Give a certificate's serial number as KSeF writes it: 16 hexadecimal digits.

    :raises KsefInputError: where it is longer, so that KSeF cannot have issued the certificate.
    """
    serial = f"{certificate.serial_number:0{_SERIAL_DIGITS}X}"
    if len(serial) > _SERIAL_DIGITS:
        raise _no_offline_certificate(certificate, "has a serial number that is none of KSeF's")
    return serial


def invoice_label(ksef_number: str | None) -> str:
    """
    Give what stands under the code of :func:`invoice_link`.

    :param ksef_number: of the invoice; None where it has none yet.
    :raises KsefInputError: where it is no KSeF number.
    """
    return LABEL_WITHOUT_NUMBER if ksef_number is None else check_ksef_number(ksef_number)


def _digest(invoice_hash: str) -> bytes:
    try:
        digest = base64.b64decode(invoice_hash, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != _SHA256_BYTES:
        raise KsefInputError(
            "invoice_hash",
            invoice_hash,
            "is not a SHA-256 in Base64",
            "Give the hash of the invoice's XML as KSeF tells it, 44 characters that end in =.",
        )
    return digest


def _in_url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _signature(key: SigningKey, signed: bytes) -> bytes:
    if isinstance(key, RSAPrivateKey):
        return key.sign(signed, padding.PSS(padding.MGF1(hashes.SHA256()), _SALT_BYTES), hashes.SHA256())
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(_P256_BYTES, "big") + s.to_bytes(_P256_BYTES, "big")


def _check_purpose(certificate: x509.Certificate) -> None:
    """KSeF tells its two types of certificates apart by their key usage (KSeF docs: certyfikaty-KSeF)."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not usage.content_commitment:
        raise _no_offline_certificate(certificate, "may not sign links: its key usage is not non-repudiation")


def _no_offline_certificate(certificate: x509.Certificate, problem: str) -> KsefInputError:
    return KsefInputError(
        "certificate", name_of(certificate), problem, "Give a certificate of KSeF of the type Offline."
    )
