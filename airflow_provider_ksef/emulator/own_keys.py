"""Keys of the emulator's own, each with a certificate that it has signed itself."""

# ruff: noqa: S608  the only texts put into statements are tables of this package

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import NameOID

from airflow_provider_ksef.emulator.store.database import Database

PrivateKey = TypeVar("PrivateKey", rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)


@dataclass(frozen=True)
class OwnKey(Generic[PrivateKey]):
    """A private key and its certificate."""

    private_key: PrivateKey = field(repr=False)
    certificate: x509.Certificate


def kept_key(
    database: Database,
    table: str,
    load: Callable[[bytes], PrivateKey],
    make: Callable[[], OwnKey[PrivateKey]],
) -> OwnKey[PrivateKey]:
    """
    Give the one key of a table; make and keep it where there is none yet.

    :param table: with the columns ``private_key`` and ``certificate``; a reset leaves it alone.
    :param load: reads the private key from PKCS#8 (DER).
    """
    with database.transaction():
        row = database.row(f"SELECT private_key, certificate FROM {table}")
        if row is None:
            made = make()
            row = (private_bytes(made.private_key), made.certificate.public_bytes(Encoding.DER))
            database.execute(f"INSERT INTO {table} (private_key, certificate) VALUES (?, ?)", row)
    return OwnKey(load(row[0]), x509.load_der_x509_certificate(row[1]))


def new_rsa_key() -> rsa.RSAPrivateKey:
    """Make a key of 2048 bits."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_bytes(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    """Write a private key as PKCS#8 (DER), to be kept."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def load_rsa_key(private: bytes) -> rsa.RSAPrivateKey:
    """Read a kept RSA key, which nobody but the emulator has written, so that it is not examined."""
    key = load_der_private_key(private, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("a kept key is not an RSA key")
    return key


def load_ec_key(private: bytes) -> ec.EllipticCurvePrivateKey:
    """Read a kept EC key."""
    key = load_der_private_key(private, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("a kept key is not an EC key")
    return key


def self_signed(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    name: str,
    dates: tuple[datetime, datetime],
    critical: Sequence[x509.ExtensionType] = (),
) -> x509.Certificate:
    """
    Issue a certificate of a key by that key.

    :param name: common name of its subject, and issuer.
    :param dates: the first second and the last one; parts of seconds are cut.
    :param critical: its extensions, all of them critical.
    """
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "PL"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "KSeF emulator"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    start, end = (moment.replace(microsecond=0) for moment in dates)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    for extension in critical:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(key, hashes.SHA256())
