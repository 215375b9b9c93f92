"""KSeF's public keys and which of them is the right one now (KSeF docs: klucze-publiczne-do-szyfrowania)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from airflow_provider_ksef.client.crypto import wrap_key
from airflow_provider_ksef.exceptions import KsefIntegrityError

KeyUsage: TypeAlias = Literal["KsefTokenEncryption", "SymmetricKeyEncryption"]


@dataclass(frozen=True)
class PublicKey:
    """
    A public key that KSeF publishes.

    :param id: ``publicKeyId``, sent with everything that is encrypted with it.
    :param certificate_id: changes when the same key gets a new certificate.
    :param certificate: X.509 in DER.
    :param usage: ``KsefTokenEncryption``, ``SymmetricKeyEncryption`` or both.
    :param valid_from: inclusive.
    :param valid_to: exclusive.
    """

    id: str
    certificate_id: str
    certificate: bytes = field(repr=False)
    usage: frozenset[str]
    valid_from: datetime
    valid_to: datetime

    def encrypt(self, secret: bytes) -> bytes:
        """
        Encrypt for KSeF by RSAES-OAEP.

        :raises KsefIntegrityError: where the certificate holds no RSA key.
        """
        try:
            public_key = x509.load_der_x509_certificate(self.certificate).public_key()
        except ValueError as error:
            raise _unusable(self.id) from error
        if not isinstance(public_key, RSAPublicKey):
            raise _unusable(self.id)
        return wrap_key(secret, public_key)


def current_key(keys: Iterable[PublicKey], usage: KeyUsage, now: datetime) -> PublicKey | None:
    """
    Choose the key of this usage that is valid now; of several the one with the latest ``valid_from``.

    :param keys: all that KSeF publishes.
    :param usage: what is to be encrypted.
    :param now: KSeF's time.
    """
    valid = [key for key in keys if usage in key.usage and key.valid_from <= now < key.valid_to]
    return max(valid, key=lambda key: key.valid_from, default=None)


def _unusable(key_id: str) -> KsefIntegrityError:
    return KsefIntegrityError(
        f"KSeF's public key {key_id} is not an RSA certificate.",
        "Look for a newer version of this package, or check what stands between you and KSeF.",
    )
