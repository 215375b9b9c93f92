"""Judging a certificate request (PKCS#10)."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from airflow_provider_ksef.emulator.crypto import decode_base64
from airflow_provider_ksef.emulator.enrollment_data import differs
from airflow_provider_ksef.emulator.errors import ApiError

_RSA_BITS = 2048
_HASHES = (hashes.SHA1, hashes.SHA256, hashes.SHA384, hashes.SHA512)


def read_certificate_request(text: str, data: dict[str, str]) -> x509.CertificateSigningRequest:
    """
    Read a request and judge it.

    :param text: Base64 of its DER.
    :param data: what it must say of the applicant.
    :raises ApiError: 25004 where it is none or its signature is wrong, 25010 for another kind of key, 25011
        for another hash, 25003 where it says something else.
    """
    try:
        request = x509.load_der_x509_csr(decode_base64(text))
        names = request.subject
    except (ValueError, x509.InvalidVersion):
        raise ApiError(25004) from None
    _check_key(request)
    _check_signature(request)
    if wrong := differs(names, data):
        raise ApiError(25003, f"Niezgodne atrybuty: {', '.join(wrong)}.")
    return request


def _check_key(request: x509.CertificateSigningRequest) -> None:
    try:
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise ApiError(25010) from None
    is_rsa = isinstance(key, rsa.RSAPublicKey) and key.key_size == _RSA_BITS
    is_ec = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    if not is_rsa and not is_ec:
        raise ApiError(25010)


def _check_signature(request: x509.CertificateSigningRequest) -> None:
    try:
        is_known = isinstance(request.signature_hash_algorithm, _HASHES)
    except UnsupportedAlgorithm:
        is_known = False
    if not is_known:
        raise ApiError(25011)
    try:
        is_valid = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, InvalidSignature):
        is_valid = False
    if not is_valid:
        raise ApiError(25004)
