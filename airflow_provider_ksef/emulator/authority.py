"""The authority that issues KSeF certificates."""

from __future__ import annotations

import secrets
from datetime import timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from airflow_provider_ksef.emulator.choices import CertificateType
from airflow_provider_ksef.emulator.clock import Clock
from airflow_provider_ksef.emulator.moments import datetime_of
from airflow_provider_ksef.emulator.own_keys import OwnKey, kept_key, load_ec_key, self_signed
from airflow_provider_ksef.emulator.store.database import Database

_LIFE = timedelta(days=3650)


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
        built = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(self._own.certificate.subject)
            .public_key(request.public_key())
            .serial_number(int(serial, 16))
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(kind), critical=True)
            .sign(self._own.private_key, hashes.SHA256())
        )
        return built.public_bytes(Encoding.DER)

    @cached_property
    def _own(self) -> OwnKey[ec.EllipticCurvePrivateKey]:
        return kept_key(self._database, "authority", load_ec_key, self._establish)

    def _establish(self) -> OwnKey[ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        start = datetime_of(self._clock.now())
        issues_certificates = x509.BasicConstraints(ca=True, path_length=0)
        certificate = self_signed(
            key, "KSeF emulator certificates", (start, start + _LIFE), [issues_certificates]
        )
        return OwnKey(key, certificate)


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
