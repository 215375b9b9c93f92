"""Certificate requests (PKCS#10), built and judged on this machine (KSeF docs: certyfikaty-KSeF)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from airflow_provider_ksef.client.credentials import SigningKey
from airflow_provider_ksef.client.input_checks import check_choice
from airflow_provider_ksef.exceptions import KsefInputError, KsefIntegrityError

KEY_TYPES = ("EC P-256", "RSA-2048")
"""Kinds of keys that KSeF certifies; it recommends the first one."""
_RSA_BITS = 2048
_HASHES = (hashes.SHA1, hashes.SHA256, hashes.SHA384, hashes.SHA512)
_OIDS = {
    "common_name": NameOID.COMMON_NAME,
    "surname": NameOID.SURNAME,
    "serial_number": NameOID.SERIAL_NUMBER,
    "country_name": NameOID.COUNTRY_NAME,
    "organization_name": NameOID.ORGANIZATION_NAME,
    "given_names": NameOID.GIVEN_NAME,
    "unique_identifier": NameOID.X500_UNIQUE_IDENTIFIER,
    "organization_identifier": NameOID.ORGANIZATION_IDENTIFIER,
}
_REMEDY = "Build the request from the enrollment data as they are, see build_request."


@dataclass(frozen=True)
class EnrollmentData:
    """
    What a request must say of the applicant, letter by letter: KSeF reads it from the login's certificate.

    :param common_name: 2.5.4.3.
    :param country_name: 2.5.4.6, two letters.
    :param given_names: 2.5.4.42, of a person; KSeF's answer may hold them as one text.
    :param surname: 2.5.4.4, of a person.
    :param serial_number: 2.5.4.5, such as a person's PESEL or NIP.
    :param unique_identifier: 2.5.4.45.
    :param organization_name: 2.5.4.10, of a company.
    :param organization_identifier: 2.5.4.97, such as a company's NIP.
    """

    common_name: str
    country_name: str
    given_names: tuple[str, ...] = ()
    surname: str | None = field(default=None, repr=False)
    serial_number: str | None = field(default=None, repr=False)
    unique_identifier: str | None = field(default=None, repr=False)
    organization_name: str | None = None
    organization_identifier: str | None = None

    def attributes(self) -> dict[str, tuple[str, ...]]:
        """Give what there is, by field name."""
        given = {name: getattr(self, name) for name in _OIDS}
        return {
            name: value if isinstance(value, tuple) else (value,) for name, value in given.items() if value
        }


@dataclass(frozen=True)
class CertificateRequest:
    """
    A request with the private key that belongs to it and to the certificate that comes of it.

    :param csr: PKCS#10 in DER.
    :param private_key: it never leaves this machine.
    """

    csr: bytes = field(repr=False)
    private_key: SigningKey = field(repr=False)

    def private_key_pem(self, password: str | None = None) -> str:
        """
        Write the private key as PEM (PKCS#8), as the connection's field ``private_key`` wants it.

        :param password: encrypts it; without one it is readable for everybody.
        """
        encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        return self.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode("ascii")


def generate_private_key(key_type: str = KEY_TYPES[0]) -> SigningKey:
    """
    Make a key that KSeF certifies.

    :param key_type: ``EC P-256`` or ``RSA-2048``.
    :raises KsefInputError: where it is another one.
    """
    if check_choice("key_type", key_type, KEY_TYPES) == KEY_TYPES[0]:
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)


def build_request(data: EnrollmentData, private_key: SigningKey) -> CertificateRequest:
    """
    Build a request that says what KSeF wants it to say, signed with SHA-256.

    :param data: from :func:`~airflow_provider_ksef.client.certificate_enrollment.enrollment_data`.
    :param private_key: as :func:`generate_private_key` makes it.
    :raises KsefInputError: where KSeF does not certify such keys.
    :raises KsefIntegrityError: where the data do not fit into a request.
    """
    _check_key(private_key.public_key(), "private_key")
    try:
        names = [
            x509.NameAttribute(_OIDS[name], value)
            for name, values in data.attributes().items()
            for value in values
        ]
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    except ValueError as error:
        raise KsefIntegrityError(
            f"KSeF's enrollment data do not fit into a certificate request: {error}.",
            "Look at the names in the certificate that you logged in by.",
        ) from error
    csr = builder.sign(private_key, hashes.SHA256())
    return CertificateRequest(csr.public_bytes(Encoding.DER), private_key)


def check_request(csr: bytes, data: EnrollmentData) -> bytes:
    """
    Give a request back, or say why KSeF would refuse it.

    :param csr: PKCS#10 in DER.
    :param data: what it must say of the applicant.
    :raises KsefInputError: where it is no request, its key or signature is none that KSeF takes, or it says
        something else; names of attributes are told, values are not.
    """
    try:
        request = x509.load_der_x509_csr(csr)
        subject, public_key = request.subject, request.public_key()
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise KsefInputError(
            "csr",
            None,
            "is no certificate request in DER (KSeF: 25004)",
            "Give the PKCS#10 as DER, not as PEM.",
        ) from error
    _check_key(public_key, "csr")
    _check_signature(request)
    if wrong := _differing(subject, data):
        raise KsefInputError(
            "csr", None, f"differs from the enrollment data in {', '.join(wrong)} (KSeF: 25003)", _REMEDY
        )
    return csr


def _check_key(key: object, field_name: str) -> None:
    is_rsa = isinstance(key, rsa.RSAPublicKey) and key.key_size == _RSA_BITS
    is_ec = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    if not is_rsa and not is_ec:
        raise KsefInputError(
            field_name,
            None,
            "has a key that KSeF does not certify (KSeF: 25010)",
            f"Use a key of one of these kinds: {', '.join(KEY_TYPES)}.",
        )


def _check_signature(request: x509.CertificateSigningRequest) -> None:
    try:
        is_known = isinstance(request.signature_hash_algorithm, _HASHES)
        is_valid = request.is_signature_valid
    except UnsupportedAlgorithm:
        is_known = is_valid = False
    if not is_known:
        raise KsefInputError(
            "csr",
            None,
            "is signed by an algorithm that KSeF does not take (KSeF: 25011)",
            "Sign it by RSA or ECDSA with SHA-256, SHA-384 or SHA-512.",
        )
    if not is_valid:
        raise KsefInputError(
            "csr", None, "has a wrong signature (KSeF: 25004)", "Sign the request by the key that it holds."
        )


def _differing(subject: x509.Name, data: EnrollmentData) -> list[str]:
    wanted = {_OIDS[name]: values for name, values in data.attributes().items()}
    names = {oid: name for name, oid in _OIDS.items()}
    given = {attribute.oid for attribute in subject}
    return [
        names.get(oid, oid.dotted_string)
        for oid in dict.fromkeys((*wanted, *given))
        if not _is_same(_values(subject, oid), wanted.get(oid, ()))
    ]


def _is_same(given: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether values are the same; several given names may be one text on either side."""
    return " ".join(given) == " ".join(wanted)


def _values(subject: x509.Name, oid: x509.ObjectIdentifier) -> list[str]:
    return [str(attribute.value) for attribute in subject.get_attributes_for_oid(oid)]
