"""The authority that issues KSeF certificates."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import NameOID

from airflow_provider_ksef.emulator.choices import CertificateType
from airflow_provider_ksef.emulator.clock import Clock
from airflow_provider_ksef.emulator.moments import datetime_of
from airflow_provider_ksef.emulator.store.database import Database

_LIFE = timedelta(days=3650)


@dataclass(frozen=True)
class _Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


class Authority:
    """
    Issues certificates by a key that is made when the first one is wanted.

    :param database: keeps the key, so that a restart or a reset changes nothing.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def issue(
        self,
        request: x509.CertificateSigningRequest,
        kind: CertificateType,
        serial: str,
        dates: tuple[int, int],
    ) -> bytes:
        """
        Make a certificate.

        :param request: gives names and public key.
        :param serial: 16 hex digits.
        :param dates: the first moment and the last one, in ticks; a certificate knows only seconds.
        :returns: X.509 in DER.
        """
        start, end = (datetime_of(moment).replace(microsecond=0) for moment in dates)
        issuer = self._authority
        built = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(issuer.certificate.subject)
            .public_key(request.public_key())
            .serial_number(int(serial, 16))
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(kind), critical=True)
            .sign(issuer.key, hashes.SHA256())
        )
        return built.public_bytes(Encoding.DER)

    @cached_property
    def _authority(self) -> _Authority:
        with self._database.transaction():
            row = self._database.row("SELECT private_key, certificate FROM authority")
            if row is None:
                row = self._establish()
                self._database.execute("INSERT INTO authority (private_key, certificate) VALUES (?, ?)", row)
        key = load_der_private_key(row[0], None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("the kept key of the authority is not an EC key")
        return _Authority(key, x509.load_der_x509_certificate(row[1]))

    def _establish(self) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "PL"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "KSeF emulator"),
                x509.NameAttribute(NameOID.COMMON_NAME, "KSeF emulator certificates"),
            ]
        )
        start = datetime_of(self._clock.now()).replace(microsecond=0)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + _LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return private, certificate.public_bytes(Encoding.DER)


def new_serial() -> str:
    """Draw a serial number: 16 hex digits, the first of which leaves the number positive."""
    return f"01{secrets.token_hex(7).upper()}"


def _usage(kind: CertificateType) -> x509.KeyUsage:
    is_offline = kind is CertificateType.OFFLINE
    return x509.KeyUsage(
        digital_signature=not is_offline,
        content_commitment=is_offline,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
