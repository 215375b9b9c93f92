from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from airflow_provider_ksef.client import certificate_enrollment, ksef_certificates
from airflow_provider_ksef.client.certificate_requests import (
    KEY_TYPES,
    EnrollmentData,
    build_request,
    check_request,
    generate_private_key,
)
from airflow_provider_ksef.exceptions import KsefApiError, KsefInputError, KsefIntegrityError
from tests.emulator.signing import make_key
from tests.unit.client.fake_ksef import FakeKsef, problem

PERSON = EnrollmentData(
    "Jan Żółw",
    "PL",
    given_names=("Jan", "Maria"),
    surname="Żółw",
    serial_number="PNOPL-30112206276",
    unique_identifier="d9d31ba6-f1c8-4a2e-9f1c-4a2e9f1c4a2e",
)
COMPANY = EnrollmentData(
    "Alfa", "PL", organization_name="Alfa sp. z o.o.", organization_identifier="VATPL-5250001210"
)


def signed(names: list[tuple[x509.ObjectIdentifier, str]], key: Any, algorithm: Any, **more: Any) -> bytes:
    attributes = [x509.NameAttribute(oid, value) for oid, value in names]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    return builder.sign(key, algorithm, **more).public_bytes(Encoding.DER)


@pytest.mark.parametrize("data", [PERSON, COMPANY])
@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_what_is_built_passes_the_check(data: EnrollmentData, key_type: str) -> None:
    request = build_request(data, generate_private_key(key_type))
    assert check_request(request.csr, data) == request.csr
    parsed = x509.load_der_x509_csr(request.csr)
    assert parsed.is_signature_valid
    assert {each.oid.dotted_string for each in parsed.subject} <= {
        "2.5.4.3", "2.5.4.4", "2.5.4.5", "2.5.4.6", "2.5.4.10", "2.5.4.42", "2.5.4.45", "2.5.4.97",
    }  # fmt: skip


@pytest.mark.parametrize(
    "change", [{"common_name": "Inny"}, {"surname": None}, {"organization_name": "Alfa"}]
)
def test_each_difference_is_named_without_its_value(change: dict[str, str | None]) -> None:
    request = build_request(PERSON, make_key("SECP256R1"))
    wanted = replace(PERSON, **change)  # type: ignore[arg-type]
    with pytest.raises(KsefInputError, match=f"in {next(iter(change))}") as refused:
        check_request(request.csr, wanted)
    assert "Żółw" not in str(refused.value)


def test_given_names_may_be_one_text() -> None:
    joined = replace(PERSON, given_names=("Jan Maria",))
    check_request(build_request(PERSON, make_key("SECP256R1")).csr, joined)
    check_request(build_request(joined, make_key("SECP256R1")).csr, PERSON)
    with pytest.raises(KsefInputError, match="in given_names"):
        check_request(build_request(joined, make_key("SECP256R1")).csr, replace(PERSON, given_names=("Jan",)))


def test_another_attribute_is_named_by_its_number() -> None:
    names = [(NameOID.COMMON_NAME, "Alfa"), (NameOID.COUNTRY_NAME, "PL"), (NameOID.LOCALITY_NAME, "Łódź")]
    with pytest.raises(KsefInputError, match=r"in 2\.5\.4\.7"):
        check_request(signed(names, make_key("SECP256R1"), hashes.SHA256()), EnrollmentData("Alfa", "PL"))


@pytest.mark.parametrize(
    ("key", "algorithm", "more", "code"),
    [
        ("rsa-2048", hashes.SHA256(), {"rsa_padding": padding.PSS(padding.MGF1(hashes.SHA256()), 32)}, None),
        ("SECP256R1", hashes.SHA512(), {}, None),
        ("rsa-3072", hashes.SHA256(), {}, "25010"),
        ("SECP384R1", hashes.SHA384(), {}, "25010"),
        ("SECP256R1", hashes.SHA3_256(), {}, "25011"),
    ],
)
def test_keys_and_signatures(key: str, algorithm: Any, more: Any, code: str | None) -> None:
    names = [(NameOID.COMMON_NAME, "Alfa"), (NameOID.COUNTRY_NAME, "PL")]
    request = signed(names, make_key(key), algorithm, **more)
    if code is None:
        check_request(request, EnrollmentData("Alfa", "PL"))
        return
    with pytest.raises(KsefInputError, match=code):
        check_request(request, EnrollmentData("Alfa", "PL"))


def test_damaged_requests_are_refused() -> None:
    csr = build_request(COMPANY, make_key("SECP256R1")).csr
    wrong = [b"", csr[:-1], csr[:-1] + bytes([csr[-1] ^ 1]), b64encode(csr)]
    for damaged in wrong:
        with pytest.raises(KsefInputError, match="25004"):
            check_request(damaged, COMPANY)


def test_other_keys_are_not_built_with() -> None:
    with pytest.raises(KsefInputError, match="private_key=None"):
        build_request(COMPANY, make_key("SECP384R1"))
    with pytest.raises(KsefInputError, match="key_type='DSA'"):
        generate_private_key("DSA")
    with pytest.raises(KsefIntegrityError, match="do not fit"):
        build_request(replace(COMPANY, country_name="Polska"), make_key("SECP256R1"))


def test_private_keys_are_written_and_never_shown() -> None:
    request = build_request(COMPANY, make_key("SECP256R1"))
    plain, encrypted = request.private_key_pem(), request.private_key_pem("sekret")
    read_back = load_pem_private_key(plain.encode(), None)
    assert read_back.public_key() == request.private_key.public_key()
    assert "ENCRYPTED" in encrypted
    assert repr(request) == "CertificateRequest()"
    assert "30112206276" not in repr(PERSON)


@pytest.mark.parametrize(
    ("given", "read"), [("Jan Maria", ("Jan Maria",)), (["Jan", "Maria"], ("Jan", "Maria")), (None, ())]
)
def test_given_names_come_as_text_or_list(given: str | list[str] | None, read: tuple[str, ...]) -> None:
    answer = {"commonName": "Jan Żółw", "countryName": "PL", "givenName": given, "someday": 1}
    ksef = FakeKsef(replies={"GET /certificates/enrollments/data": [httpx.Response(200, json=answer)]})
    with ksef.sync_client() as client:
        data = client.run(certificate_enrollment.enrollment_data())
    assert data.given_names == read


@pytest.mark.parametrize("name", ["krót", "x" * 101, "Próba!", "próba\n1"])
def test_names_of_certificates_are_checked(name: str) -> None:
    with pytest.raises(KsefInputError, match="certificate_name="):
        certificate_enrollment.enroll(name, "Authentication", b"")
    with pytest.raises(KsefInputError, match="certificate_type="):
        certificate_enrollment.enroll("Sync 2026", "Both", b"")


def test_certificates_are_asked_for_by_serial_number() -> None:
    for wrong in ([], "01F20A5D352AE590", ["01f20a5d352ae590"]):
        with pytest.raises(KsefInputError, match="certificate_serial_numbers="):
            ksef_certificates.retrieve(wrong)
    with pytest.raises(KsefInputError, match="revocation_reason="):
        ksef_certificates.revoke("01F20A5D352AE590", "Lost")
    for wrong_query in ({"type": "Both"}, {"status": "Lost"}, {"certificate_serial_number": "1"}):
        with pytest.raises(KsefInputError):
            ksef_certificates.query(**wrong_query)


def test_a_refusal_tells_what_it_means_in_english() -> None:
    ksef = FakeKsef(replies={"GET /certificates/enrollments/data": [problem(400, 25001)]})
    with ksef.sync_client() as client, pytest.raises(KsefApiError, match="log in with a certificate"):
        client.run(certificate_enrollment.enrollment_data())
