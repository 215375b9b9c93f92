"""Applying for KSeF certificates and logging in by them, on cryptography alone."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.emulator.peer import Peer
from tests.emulator.signing import ECDSA_SHA256, Shape, Signer, make_key, request_xml
from tests.emulator_process import NIP

OIDS = {
    "commonName": NameOID.COMMON_NAME,
    "countryName": NameOID.COUNTRY_NAME,
    "givenName": NameOID.GIVEN_NAME,
    "surname": NameOID.SURNAME,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "uniqueIdentifier": NameOID.X500_UNIQUE_IDENTIFIER,
    "organizationName": NameOID.ORGANIZATION_NAME,
    "organizationIdentifier": NameOID.ORGANIZATION_IDENTIFIER,
}


def enrollment_data(peer: Peer) -> dict[str, str]:
    answer = peer.http.get("/certificates/enrollments/data")
    assert answer.status_code == 200, answer.text
    data: dict[str, str] = answer.json()
    return data


def write_request(
    data: Mapping[str, str], key: Any = None, algorithm: Any = None, rsa_padding: Any = None
) -> bytes:
    """A certificate request in DER."""
    names = [x509.NameAttribute(OIDS[name], value) for name, value in data.items()]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    signed = builder.sign(key or make_key("SECP256R1"), algorithm or hashes.SHA256(), rsa_padding=rsa_padding)
    return signed.public_bytes(Encoding.DER)


def apply(peer: Peer, request: bytes, kind: str = "Authentication", **members: Any) -> httpx.Response:
    body = {
        "certificateName": "Na próbę 1",
        "certificateType": kind,
        "csr": b64encode(request).decode(),
        **members,
    }
    return peer.http.post("/certificates/enrollments", json=body)


def enrollment(peer: Peer, applied: httpx.Response) -> dict[str, Any]:
    """Wait for the end of an application."""
    assert applied.status_code == 202, applied.text
    deadline = time.monotonic() + 20
    while True:
        answer = peer.http.get(f"/certificates/enrollments/{applied.json()['referenceNumber']}")
        status: dict[str, Any] = answer.json()
        if status["status"]["code"] != 100:
            return status
        assert time.monotonic() < deadline, status
        time.sleep(0.05)


def issued(peer: Peer, kind: str = "Authentication", key: Any = None, **members: Any) -> tuple[str, Signer]:
    """Apply for a certificate; give its serial number, and itself with its key."""
    key = key or make_key("SECP256R1")
    status = enrollment(peer, apply(peer, write_request(enrollment_data(peer), key), kind, **members))
    assert status["status"]["code"] == 200, status
    serial = status["certificateSerialNumber"]
    (found,) = retrieved(peer, serial)
    return serial, Signer(x509.load_der_x509_certificate(b64decode(found["certificate"])), key)


def retrieved(peer: Peer, *serials: str) -> list[dict[str, Any]]:
    answer = peer.http.post("/certificates/retrieve", json={"certificateSerialNumbers": serials})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["certificates"]
    return found


def queried(
    peer: Peer, parameters: Mapping[str, int] | None = None, **conditions: Any
) -> list[dict[str, Any]]:
    answer = peer.http.post("/certificates/query", json=conditions, params=parameters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["certificates"]
    return found


def revoke(peer: Peer, serial: str, **body: str) -> httpx.Response:
    return peer.http.post(f"/certificates/{serial}/revoke", **({"json": body} if body else {}))


def submit_by_key(
    peer: Peer, signer: Signer, context: tuple[str, str] = ("Nip", NIP), **more: str
) -> httpx.Response:
    """Log in by an EC key."""
    xml = request_xml(peer.challenge()["challenge"], context, **more)
    return peer.submit_signed(Shape(method=ECDSA_SHA256).sign(xml, signer))
