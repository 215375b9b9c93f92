"""Certificates and keys as users have them, made for the tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID, ObjectIdentifier

from airflow_provider_ksef.client.credentials import SigningKey

NIP = "5250001210"
PASSWORD = "correct-horse-battery"
PERSON = {
    NameOID.GIVEN_NAME: "Jan",
    NameOID.SURNAME: "Kowalski",
    NameOID.SERIAL_NUMBER: f"TINPL-{NIP}",
    NameOID.COMMON_NAME: "Jan Kowalski",
    NameOID.COUNTRY_NAME: "PL",
}
SEAL = {
    NameOID.ORGANIZATION_NAME: "Alfa sp. z o.o.",
    NameOID.ORGANIZATION_IDENTIFIER: f"VATPL-{NIP}",
    NameOID.COMMON_NAME: "Alfa",
    NameOID.COUNTRY_NAME: "PL",
}


@cache
def key_of(kind: str, owner: str = "") -> SigningKey:
    """One key for each kind (``rsa-2048``, ``secp256r1``) and owner, made once per run."""
    family, _, size = kind.partition("-")
    if family == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=int(size))
    return ec.generate_private_key({curve.name: curve for curve in CURVES}[kind]())


CURVES = (ec.SECP224R1, ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


def certificate_of(
    key: SigningKey,
    names: dict[ObjectIdentifier, str] = PERSON,
    *,
    begins: timedelta = timedelta(hours=-1),
    ends: timedelta = timedelta(days=30),
    issuer: tuple[x509.Certificate, SigningKey] | None = None,
) -> x509.Certificate:
    """:param issuer: who signs it, as KSeF does with its own certificates; without one it signs itself."""
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in names.items()])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(0xABCDEF)
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256())


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def key_pem(key: SigningKey, password: str = "", form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    return key.private_bytes(Encoding.PEM, form, _encryption(password)).decode()


def p12(key: SigningKey | None, certificate: x509.Certificate | None, password: str = "") -> bytes:
    return pkcs12.serialize_key_and_certificates(b"ksef", key, certificate, None, _encryption(password))


def _encryption(password: str) -> BestAvailableEncryption | NoEncryption:
    return BestAvailableEncryption(password.encode()) if password else NoEncryption()
