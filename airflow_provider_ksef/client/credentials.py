"""The secrets that a login is made with: a KSeF token, or a certificate with its private key."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509.oid import NameOID

from airflow_provider_ksef.client.input_checks import check_choice
from airflow_provider_ksef.exceptions import KsefInputError

SUBJECT_IDENTIFIER_TYPES = ("certificateSubject", "certificateFingerprint")
AUTH_SCHEMA_VERSIONS = ("2.1", "2.0")
LONGEST_TOKEN = 160
"""Characters of a KSeF token (``GenerateTokenResponse``); it has to fit into one RSA block."""

SigningKey: TypeAlias = RSAPrivateKey | EllipticCurvePrivateKey


@dataclass(frozen=True)
class TokenCredential:
    """
    A KSeF token, as KSeF showed it once when it was made.

    :param token: the whole string, its parts joined by ``|``.
    :raises KsefInputError: where it is empty, or too long for a token.
    """

    token: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.token.strip():
            raise KsefInputError(
                "password", None, "there is no KSeF token", "Generate a token in KSeF and give it whole."
            )
        if len(self.token.encode()) > LONGEST_TOKEN:
            raise KsefInputError(
                "password",
                f"{len(self.token)} characters",
                f"is longer than a KSeF token, which has {LONGEST_TOKEN} at most",
                "Give the token as KSeF showed it, and nothing else.",
            )

    @property
    def secret_bytes(self) -> bytes:
        """Key material for :func:`~airflow_provider_ksef.client.crypto.derive_key`."""
        return self.token.encode()

    def __str__(self) -> str:
        return "a KSeF token"


@dataclass(frozen=True)
class CertificateCredential:
    """
    A certificate and its private key, to sign logins with; made by
    :func:`~airflow_provider_ksef.client.certificates.read_certificate`.

    :param certificate: a qualified or personal certificate, a company seal, or one that KSeF issued.
    :param private_key: RSA or EC.
    :param subject_identifier_type: whether KSeF knows the subject by its names in the certificate
        (``certificateSubject``) or the certificate by its SHA-256 (``certificateFingerprint``).
    :param auth_schema_version: version of ``AuthTokenRequest`` that is signed: ``2.1`` or ``2.0``.
    :raises KsefInputError: where one of the two last is unknown to KSeF.
    """

    certificate: x509.Certificate = field(repr=False)
    private_key: SigningKey = field(repr=False)
    subject_identifier_type: str = SUBJECT_IDENTIFIER_TYPES[0]
    auth_schema_version: str = AUTH_SCHEMA_VERSIONS[0]

    def __post_init__(self) -> None:
        check_choice("subject_identifier_type", self.subject_identifier_type, SUBJECT_IDENTIFIER_TYPES)
        check_choice("auth_schema_version", self.auth_schema_version, AUTH_SCHEMA_VERSIONS)

    @cached_property
    def secret_bytes(self) -> bytes:
        """Key material, the same for the same key whatever file it came from: PKCS#8 in DER."""
        return self.private_key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def __str__(self) -> str:
        return f"the certificate {name_of(self.certificate)}"


Credential: TypeAlias = TokenCredential | CertificateCredential


def name_of(certificate: x509.Certificate) -> str:
    """Name a certificate without the numbers of persons that its subject holds."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return f"{str(names[0].value) if names else 'without a name'} ({certificate.serial_number:X})"
