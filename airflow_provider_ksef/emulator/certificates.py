"""What a signer's certificate says: who it is, what kind it is, and whether it may be used."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from dataclasses import dataclass
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from airflow_provider_ksef.emulator.errors import ApiError
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.moments import ticks_of
from airflow_provider_ksef.emulator.wire import present

_PERSON = (
    ("Pesel", re.compile(r"(?:PNOPL|PESEL).*?(\d{11})", re.ASCII)),
    ("Nip", re.compile(r"(?:TINPL|NIP).*?(\d{10})", re.ASCII)),
)
_SEAL = re.compile(r"VATPL.*?(\d{10})", re.ASCII)
_OF_ALL = {NameOID.COMMON_NAME: "commonName", NameOID.COUNTRY_NAME: "countryName"}
_OF_PERSON = {
    NameOID.GIVEN_NAME: "givenName",
    NameOID.SURNAME: "surname",
    NameOID.SERIAL_NUMBER: "serialNumber",
    **_OF_ALL,
}
_OF_ORGANIZATION = {
    NameOID.ORGANIZATION_NAME: "organizationName",
    NameOID.ORGANIZATION_IDENTIFIER: "organizationIdentifier",
    **_OF_ALL,
}
_LEAST_RSA, _LEAST_CURVE = 2048, 256


@dataclass(frozen=True)
class SignerCertificate:
    """
    The certificate of a signature.

    :param subject: who it says that the signer is, if it has an identifier that KSeF knows.
    :param method: KSeF's name for signatures of its kind, e.g. ``QualifiedSeal``.
    """

    certificate: x509.Certificate
    subject: Identity | None
    method: str

    @property
    def fingerprint(self) -> Identity:
        return Identity("Fingerprint", sha256(self.der).hexdigest().upper())

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def organization(self) -> str | None:
        """The name of the company that it was made for."""
        return _first(_names(self.certificate), NameOID.ORGANIZATION_NAME)

    @property
    def is_self_signed(self) -> bool:
        """Whether nobody else vouches for it."""
        try:
            self.certificate.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            return False
        return True

    @property
    def missing_attributes(self) -> list[str]:
        """What its subject lacks of that which KSeF wants of certificates of its kind."""
        names = _names(self.certificate)
        wanted = _OF_ORGANIZATION if _is_of_organization(names) else _OF_PERSON
        return [name for oid, name in wanted.items() if oid not in names]

    def is_valid_at(self, moment: int) -> bool:
        """Whether a moment, in ticks, is between its dates."""
        first, last = self.certificate.not_valid_before_utc, self.certificate.not_valid_after_utc
        return ticks_of(first) <= moment <= ticks_of(last)

    def describe(self, subject: Identity) -> str:
        """The details of the subject, as the claim ``sud`` has them."""
        names = _names(self.certificate)
        return json.dumps(
            present(
                subjectIdentifier=subject.to_json(),
                givenNames=names.get(NameOID.GIVEN_NAME),
                surname=_first(names, NameOID.SURNAME),
                serialNumber=_first(names, NameOID.SERIAL_NUMBER),
                commonName=_first(names, NameOID.COMMON_NAME),
                countryName=_first(names, NameOID.COUNTRY_NAME),
                organizationName=_first(names, NameOID.ORGANIZATION_NAME),
                organizationIdentifier=_first(names, NameOID.ORGANIZATION_IDENTIFIER),
            ),
            ensure_ascii=False,
        )


def read_certificate(text: str) -> SignerCertificate:
    """
    Read a certificate from its Base64 text.

    :raises ApiError: 21115 where it is none, or its key is too weak or of another kind.
    """
    try:
        certificate = x509.load_der_x509_certificate(b64decode(text))
        _check_key(certificate)
        names = _names(certificate)
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise ApiError(21115, f"Nie można odczytać certyfikatu: {error}") from None
    return SignerCertificate(certificate, *_recognize(names))


def _check_key(certificate: x509.Certificate) -> None:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _LEAST_RSA:
            raise ApiError(21115, f"Klucz RSA ma {key.key_size} bitów, wymagane co najmniej {_LEAST_RSA}.")
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.key_size < _LEAST_CURVE:
            detail = f"Krzywa ma {key.curve.key_size} bitów, wymagane co najmniej {_LEAST_CURVE}."
            raise ApiError(21115, detail)
    else:
        raise ApiError(21115, "Nieobsługiwany rodzaj klucza; dozwolone są RSA i ECDSA.")


def _recognize(names: dict[x509.ObjectIdentifier, list[str]]) -> tuple[Identity | None, str]:
    if _is_of_organization(names):
        organization = names[NameOID.ORGANIZATION_IDENTIFIER][0]
        provider = Identity("PeppolId", _first(names, NameOID.COMMON_NAME) or "")
        if provider.value == organization and provider.is_well_formed:
            return provider, "PeppolSignature"
        found = _SEAL.search(organization)
        return (Identity("Nip", found[1]) if found else None), "QualifiedSeal"
    serial = _first(names, NameOID.SERIAL_NUMBER) or ""
    for kind, pattern in _PERSON:
        found = pattern.search(serial)
        if found:
            return Identity(kind, found[1]), "QualifiedSignature"
    return None, "QualifiedSignature"


def _is_of_organization(names: dict[x509.ObjectIdentifier, list[str]]) -> bool:
    is_person = NameOID.GIVEN_NAME in names or NameOID.SURNAME in names
    return NameOID.ORGANIZATION_IDENTIFIER in names and not is_person


def _names(certificate: x509.Certificate) -> dict[x509.ObjectIdentifier, list[str]]:
    names: dict[x509.ObjectIdentifier, list[str]] = {}
    for attribute in certificate.subject:
        if isinstance(attribute.value, str):
            names.setdefault(attribute.oid, []).append(attribute.value)
    return names


def _first(names: dict[x509.ObjectIdentifier, list[str]], oid: x509.ObjectIdentifier) -> str | None:
    return names.get(oid, [None])[0]
