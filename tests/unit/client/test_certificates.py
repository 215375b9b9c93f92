"""Reading certificates: every form in which users have them, and every mistake by its own words."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat

from airflow_provider_ksef.client.certificates import read_certificate
from airflow_provider_ksef.client.credentials import CertificateCredential
from airflow_provider_ksef.exceptions import KsefInputError
from tests.unit.client.certificate_samples import (
    PASSWORD,
    PERSON,
    SEAL,
    certificate_of,
    key_of,
    key_pem,
    p12,
    pem,
)

KINDS = ("rsa-2048", "secp256r1", "secp384r1", "secp521r1")
TRADITIONAL = PrivateFormat.TraditionalOpenSSL
RSA = key_of("rsa-2048")
EC = key_of("secp256r1")


@dataclass(frozen=True)
class OnDisk:
    """Content that a field names by its file."""

    name: str
    content: str | bytes

    def write(self, folder: Path) -> str:
        file = folder / self.name
        file.write_bytes(self.content.encode() if isinstance(self.content, str) else self.content)
        return str(file)


@dataclass(frozen=True)
class Given:
    """What stands in the three fields of a connection."""

    certificate: str | OnDisk
    private_key: str | OnDisk | None = None
    password: str | None = None

    def read(self, folder: Path) -> CertificateCredential:
        certificate, key = (
            field.write(folder) if isinstance(field, OnDisk) else field
            for field in (self.certificate, self.private_key)
        )
        return read_certificate(str(certificate), key, self.password)


def one_line(text: str) -> str:
    return text.replace("\n", "")


def escaped(text: str) -> str:
    return text.replace("\n", "\\n")


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


GOOD: dict[str, Callable[[Any, Any], Given]] = {
    "PEM": lambda key, cert: Given(pem(cert), key_pem(key)),
    "PEM encrypted": lambda key, cert: Given(pem(cert), key_pem(key, PASSWORD), PASSWORD),
    "PEM of OpenSSL": lambda key, cert: Given(pem(cert), key_pem(key, "", TRADITIONAL)),
    "PEM of OpenSSL encrypted": lambda key, cert: Given(
        pem(cert), key_pem(key, PASSWORD, TRADITIONAL), PASSWORD
    ),
    "PEM with a password nobody needs": lambda key, cert: Given(pem(cert), key_pem(key), PASSWORD),
    "PEM in one line": lambda key, cert: Given(one_line(pem(cert)), one_line(key_pem(key))),
    "PEM with spaces": lambda key, cert: Given(pem(cert).replace("\n", " "), key_pem(key).replace("\n", " ")),
    "PEM escaped": lambda key, cert: Given(escaped(pem(cert)), escaped(key_pem(key))),
    "PEM encrypted in one line": lambda key, cert: Given(
        pem(cert), one_line(key_pem(key, PASSWORD)), PASSWORD
    ),
    "PEM chain": lambda key, cert: Given(
        pem(certificate_of(key_of("secp256r1", "issuer"), SEAL)) + pem(cert), key_pem(key)
    ),
    "PEM files": lambda key, cert: Given(OnDisk("c.pem", pem(cert)), OnDisk("k.pem", key_pem(key))),
    "DER file": lambda key, cert: Given(OnDisk("c.crt", cert.public_bytes(Encoding.DER)), key_pem(key)),
    "Base64 of DER": lambda key, cert: Given(b64(cert.public_bytes(Encoding.DER)), key_pem(key)),
    "PKCS#12": lambda key, cert: Given(b64(p12(key, cert, PASSWORD)), None, PASSWORD),
    "PKCS#12 in lines": lambda key, cert: Given(
        base64.encodebytes(p12(key, cert, PASSWORD)).decode(), "", PASSWORD
    ),
    "PKCS#12 file": lambda key, cert: Given(OnDisk("c.p12", p12(key, cert, PASSWORD)), None, PASSWORD),
    "PKCS#12 file without password": lambda key, cert: Given(OnDisk("c.p12", p12(key, cert)), None, None),
}


@pytest.mark.parametrize("form", GOOD)
@pytest.mark.parametrize("kind", ["rsa-2048", "secp256r1"])
def test_every_form_gives_the_same_certificate_and_secret(kind: str, form: str, tmp_path: Path) -> None:
    key = key_of(kind)
    certificate = certificate_of(key)
    credential = GOOD[form](key, certificate).read(tmp_path)
    assert credential.certificate == certificate
    assert credential.secret_bytes == CertificateCredential(certificate, key).secret_bytes


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_that_ksef_takes(kind: str, tmp_path: Path) -> None:
    assert Given(pem(certificate_of(key_of(kind))), key_pem(key_of(kind))).read(tmp_path).secret_bytes


BAD: dict[str, tuple[Callable[[], Given], str, str]] = {
    "nothing at all": (lambda: Given("hello world!", key_pem(RSA)), "certificate", "neither PEM"),
    "no file": (lambda: Given("/nowhere/c.pem", key_pem(RSA)), "certificate", "/nowhere/c.pem"),
    "a key in the certificate's place": (
        lambda: Given(key_pem(RSA), key_pem(RSA)),
        "certificate",
        "no certificate",
    ),
    "Base64 of something else": (
        lambda: Given(b64(b"something else"), key_pem(RSA)),
        "certificate",
        "no certificate",
    ),
    "no key": (lambda: Given(pem(certificate_of(RSA))), "private_key", "is missing"),
    "an empty key": (lambda: Given(pem(certificate_of(RSA)), "  "), "private_key", "is missing"),
    "a certificate in the key's place": (
        lambda: Given(pem(certificate_of(RSA)), pem(certificate_of(RSA))),
        "private_key",
        "no private key",
    ),
    "another key": (
        lambda: Given(pem(certificate_of(RSA)), key_pem(EC)),
        "private_key",
        "does not belong",
    ),
    "another key of the same kind": (
        lambda: Given(pem(certificate_of(EC)), key_pem(key_of("secp256r1", "else"))),
        "private_key",
        "does not belong",
    ),
    "no password": (
        lambda: Given(pem(certificate_of(RSA)), key_pem(RSA, PASSWORD)),
        "private_key_password",
        "is missing",
    ),
    "a wrong password": (
        lambda: Given(pem(certificate_of(RSA)), key_pem(RSA, PASSWORD), "wrong"),
        "private_key_password",
        "does not open the private key",
    ),
    "a wrong password of PKCS#12": (
        lambda: Given(b64(p12(RSA, certificate_of(RSA), PASSWORD)), None, "wrong"),
        "private_key_password",
        "does not open the PKCS#12",
    ),
    "no password of PKCS#12 in the form": (
        lambda: Given(b64(p12(RSA, certificate_of(RSA)))),
        "private_key_password",
        "needs a password",
    ),
    "PKCS#12 and a key": (
        lambda: Given(b64(p12(RSA, certificate_of(RSA), PASSWORD)), key_pem(RSA), PASSWORD),
        "private_key",
        "beside a PKCS#12",
    ),
    "PKCS#12 without a key": (
        lambda: Given(OnDisk("c.p12", p12(None, certificate_of(RSA)))),
        "certificate",
        "without a private key",
    ),
    "PKCS#12 without a certificate": (
        lambda: Given(OnDisk("c.p12", p12(RSA, None))),
        "certificate",
        "without a certificate",
    ),
    "a short RSA key": (
        lambda: Given(pem(certificate_of(key_of("rsa-1024"))), key_pem(key_of("rsa-1024"))),
        "private_key",
        "1024 bits",
    ),
    "a small curve": (
        lambda: Given(pem(certificate_of(key_of("secp224r1"))), key_pem(key_of("secp224r1"))),
        "private_key",
        "secp224r1",
    ),
    "another kind of key": (
        lambda: Given(pem(certificate_of(RSA)), ed25519_pem()),
        "private_key",
        "neither an RSA nor an EC key",
    ),
    "expired": (
        lambda: Given(
            pem(certificate_of(RSA, begins=timedelta(days=-9), ends=timedelta(days=-2))), key_pem(RSA)
        ),
        "certificate",
        "has expired",
    ),
    "not valid yet": (
        lambda: Given(pem(certificate_of(RSA, begins=timedelta(days=2))), key_pem(RSA)),
        "certificate",
        "is not valid before",
    ),
}


def ed25519_pem() -> str:
    key = ed25519.Ed25519PrivateKey.generate()
    return key_pem(key)  # type: ignore[arg-type]


@pytest.mark.parametrize("mistake", BAD)
def test_a_mistake_is_named_without_the_secret(mistake: str, tmp_path: Path) -> None:
    make, field, words = BAD[mistake]
    given = make()
    with pytest.raises(KsefInputError) as raised:
        given.read(tmp_path)
    told = str(raised.value)
    assert (raised.value.field, words in told) == (field, True), told
    assert raised.value.remedy
    secrets = [PASSWORD, *str(given.private_key).split("\n")[1:3]]
    assert not [secret for secret in secrets if secret in told]


@pytest.mark.parametrize("wrong", [{"subject_identifier_type": "nip"}, {"auth_schema_version": "3.0"}])
def test_an_unknown_choice_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(KsefInputError, match=next(iter(wrong))):
        read_certificate(pem(certificate_of(RSA)), key_pem(RSA), **wrong)


def test_a_secret_that_was_pasted_into_the_wrong_field_is_not_shown() -> None:
    with pytest.raises(KsefInputError) as raised:
        read_certificate("my-secret-password", key_pem(RSA))
    assert "my-secret" not in str(raised.value)


def test_neither_repr_nor_text_shows_key_or_numbers_of_persons() -> None:
    credential = read_certificate(pem(certificate_of(RSA)), key_pem(RSA))
    shown = repr(credential) + str(credential) + repr(replace(credential))
    assert "Jan Kowalski (ABCDEF)" in str(credential)
    assert PERSON[list(PERSON)[2]] not in shown
    assert "PRIVATE" not in shown
    assert "RSAPrivateKey" not in shown
