"""Reading a certificate and its private key: PEM or PKCS#12, given as text or as a file, and checked."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import pkcs12

from airflow_provider_ksef.client.credentials import CertificateCredential, SigningKey, name_of
from airflow_provider_ksef.exceptions import KsefInputError

MIN_RSA_BITS = 2048
MIN_CURVE_BITS = 256
CLOCK_TOLERANCE = timedelta(days=1)
"""How wrong our clock may be before we refuse a certificate by it; KSeF's own time decides at the login."""
_LONGEST_PATH = 1024
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_CERTIFICATE_REMEDY = (
    "Give the certificate as PEM, a PKCS#12 file in Base64, or the path of a file with either on the worker."
)
_KEY_REMEDY = "Give the private key as PEM, or the path of a PEM file on the worker."
_PASSWORD_REMEDY = "Put the password of the key or PKCS#12 file into private_key_password."  # noqa: S105


def read_certificate(
    certificate: str,
    private_key: str | None = None,
    password: str | None = None,
    *,
    subject_identifier_type: str = "certificateSubject",
    auth_schema_version: str = "2.1",
) -> CertificateCredential:
    """
    Read a certificate and its key, and check all that can be checked before anything is sent.

    :param certificate: PEM, a PKCS#12 file in Base64, or the path of a file with either.
    :param private_key: PEM or the path of a PEM file; not with PKCS#12, which holds the key.
    :param password: of the private key or the PKCS#12 file, where there is one.
    :param subject_identifier_type: see :class:`~airflow_provider_ksef.client.CertificateCredential`.
    :param auth_schema_version: likewise.
    :raises KsefInputError: names the field and what is wrong with it, never a secret.
    """
    content, is_inline = _content("certificate", certificate, _CERTIFICATE_REMEDY)
    if _is_pkcs12(content):
        found, key = _from_pkcs12(content, private_key, password, is_inline=is_inline)
    else:
        found, key = _certificates(content), _private_key(private_key, password)
    _check_strength(key)
    chosen = _of_key(found, key)
    check_validity(chosen, datetime.now(UTC), CLOCK_TOLERANCE)
    return CertificateCredential(chosen, key, subject_identifier_type, auth_schema_version)


def check_validity(certificate: x509.Certificate, now: datetime, tolerance: timedelta = timedelta(0)) -> None:
    """
    Check that a certificate is valid.

    :param certificate: the certificate.
    :param now: the time that counts.
    :param tolerance: how far that time may be wrong.
    :raises KsefInputError: where it is expired or not valid yet.
    """
    shown = name_of(certificate)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now - tolerance > end:
        raise KsefInputError(
            "certificate",
            shown,
            f"has expired on {end:%Y-%m-%d %H:%M} UTC",
            "Give a certificate that is valid.",
        )
    if now + tolerance < begin:
        raise KsefInputError(
            "certificate",
            shown,
            f"is not valid before {begin:%Y-%m-%d %H:%M} UTC",
            "Give a certificate that is valid already, and check the worker's clock.",
        )


def _content(field: str, given: str, remedy: str) -> tuple[bytes, bool]:
    """Give the bytes that a field holds or names, and whether the field itself holds them."""
    text = given.strip()
    if "-----BEGIN" in text:
        return _with_line_breaks(text).encode(), True
    if path := _file(text):
        try:
            return path.read_bytes(), False
        except OSError as error:
            raise KsefInputError(field, text, f"cannot be read ({error.strerror})", remedy) from error
    try:
        return base64.b64decode("".join(text.split()), validate=True), True
    except (binascii.Error, ValueError) as error:
        # What is no path may be a secret that was pasted into the wrong field, so only paths are shown.
        shown = text if text.startswith(("/", "~", ".")) else None
        raise KsefInputError(
            field, shown, "is neither PEM nor Base64 nor a file that is there", remedy
        ) from error


def _file(text: str) -> Path | None:
    """Give the file of this name, where there is one."""
    with suppress(OSError, RuntimeError, ValueError):
        path = Path(text).expanduser()
        return path if len(text) <= _LONGEST_PATH and path.is_file() else None
    return None


def _with_line_breaks(text: str) -> str:
    r"""Give PEM its line breaks back, which a form field of one line or a ``\n`` in JSON has taken away."""

    def rewritten(match: re.Match[str]) -> str:
        label, body = match.groups()
        if ":" in body:
            return match.group()
        joined = "".join(body.split())
        lines = [joined[start : start + 64] for start in range(0, len(joined), 64)]
        return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"))

    return _PEM.sub(rewritten, text.replace("\\n", "\n"))


def _is_pkcs12(content: bytes) -> bool:
    """Whether this is DER that begins as PKCS#12 does: a sequence with the version 3."""
    return content[:1] == b"\x30" and b"\x02\x01\x03" in content[:9]


def _from_pkcs12(
    content: bytes, private_key: str | None, password: str | None, *, is_inline: bool
) -> tuple[Sequence[x509.Certificate], SigningKey]:
    if private_key:
        raise KsefInputError(
            "private_key",
            None,
            "is given beside a PKCS#12 file, which holds the key itself",
            "Leave private_key empty, or give the certificate alone as PEM.",
        )
    if is_inline and not password:
        raise KsefInputError(
            "private_key_password",
            None,
            "is missing: Airflow shows the field certificate, so a PKCS#12 file in it needs a password",
            "Protect the file by a password, or give its path on the worker instead.",
        )
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(
            content, password.encode() if password else None
        )
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KsefInputError(
            "private_key_password", None, "does not open the PKCS#12 file", _PASSWORD_REMEDY
        ) from error
    found = [one for one in (certificate, *others) if one is not None]
    if key is None or not found:
        missing = "private key" if key is None else "certificate"
        raise KsefInputError(
            "certificate", None, f"is a PKCS#12 file without a {missing}", "Export both into the file."
        )
    return found, _signing_key(key)


def _certificates(content: bytes) -> Sequence[x509.Certificate]:
    try:
        if b"-----BEGIN" in content:
            return x509.load_pem_x509_certificates(content)
        return [x509.load_der_x509_certificate(content)]
    except ValueError as error:
        raise KsefInputError(
            "certificate", None, "holds no certificate that can be read", _CERTIFICATE_REMEDY
        ) from error


def _private_key(given: str | None, password: str | None) -> SigningKey:
    if not given or not given.strip():
        raise KsefInputError("private_key", None, "is missing beside the certificate", _KEY_REMEDY)
    content, _ = _content("private_key", given, _KEY_REMEDY)
    is_encrypted = b"ENCRYPTED" in content
    if is_encrypted and not password:
        raise KsefInputError(
            "private_key_password", None, "is missing: the private key is encrypted", _PASSWORD_REMEDY
        )
    secret = password.encode() if is_encrypted and password else None
    try:
        key = serialization.load_pem_private_key(content, secret)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        if is_encrypted:
            raise KsefInputError(
                "private_key_password", None, "does not open the private key", _PASSWORD_REMEDY
            ) from error
        raise KsefInputError(
            "private_key", None, "holds no private key that can be read", _KEY_REMEDY
        ) from error
    return _signing_key(key)


def _signing_key(key: object) -> SigningKey:
    if not isinstance(key, (RSAPrivateKey, EllipticCurvePrivateKey)):
        raise KsefInputError(
            "private_key", None, "is neither an RSA nor an EC key", "KSeF takes RSA and EC keys only."
        )
    return key


def _check_strength(key: SigningKey) -> None:
    if isinstance(key, RSAPrivateKey) and key.key_size < MIN_RSA_BITS:
        raise KsefInputError(
            "private_key",
            None,
            f"is an RSA key of {key.key_size} bits",
            f"KSeF takes RSA keys of at least {MIN_RSA_BITS} bits.",
        )
    if isinstance(key, EllipticCurvePrivateKey) and key.curve.key_size < MIN_CURVE_BITS:
        raise KsefInputError(
            "private_key",
            None,
            f"is an EC key on the curve {key.curve.name}",
            f"KSeF takes curves of at least {MIN_CURVE_BITS} bits, such as P-256.",
        )


def _of_key(found: Sequence[x509.Certificate], key: SigningKey) -> x509.Certificate:
    """Choose the certificate of the key; the others of a chain are KSeF's to know."""
    ours = key.public_key()
    for certificate in found:
        with suppress(ValueError, UnsupportedAlgorithm):
            if certificate.public_key() == ours:
                return certificate
    raise KsefInputError(
        "private_key",
        None,
        f"does not belong to the certificate {name_of(found[0])}",
        "Give the certificate and the private key of one pair.",
    )
