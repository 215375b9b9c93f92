"""Client and emulator judge certificate requests by code of their own, and come to the same result."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_ksef.client.certificate_requests import EnrollmentData, build_request, check_request
from airflow_provider_ksef.emulator.certificate_requests import read_certificate_request
from airflow_provider_ksef.emulator.enrollment_data import enrollment_data
from airflow_provider_ksef.emulator.errors import ApiError
from airflow_provider_ksef.exceptions import KsefInputError
from tests.emulator.signing import make_key

NAMES = {
    "common_name": "commonName",
    "country_name": "countryName",
    "given_names": "givenName",
    "surname": "surname",
    "serial_number": "serialNumber",
    "unique_identifier": "uniqueIdentifier",
    "organization_name": "organizationName",
    "organization_identifier": "organizationIdentifier",
}
TEXTS = st.text(st.sampled_from("aąBĆ 1-ż"), min_size=1, max_size=8).map(str.strip).filter(bool)
OPTIONAL = st.none() | TEXTS
PRINTABLE = st.none() | st.text(st.sampled_from("ABC123- "), min_size=1, max_size=8)
DATA = st.builds(
    EnrollmentData,
    TEXTS,
    st.sampled_from(["PL", "DE"]),
    given_names=st.lists(TEXTS, max_size=2).map(tuple),
    surname=OPTIONAL,
    serial_number=PRINTABLE,
    unique_identifier=OPTIONAL,
    organization_name=OPTIONAL,
    organization_identifier=OPTIONAL,
)


def told(data: EnrollmentData) -> dict[str, str]:
    """The data as KSeF's answer has them."""
    return {NAMES[name]: " ".join(values) for name, values in data.attributes().items()}


@settings(max_examples=60)
@given(DATA)
def test_what_the_client_builds_is_taken(data: EnrollmentData) -> None:
    csr = build_request(data, make_key("SECP256R1")).csr
    check_request(csr, data)
    read_certificate_request(b64encode(csr).decode(), told(data))
    assert enrollment_data(x509.load_der_x509_csr(csr).subject) == told(data)


@settings(max_examples=60)
@given(DATA, DATA, st.sets(st.sampled_from(list(NAMES)), max_size=2))
def test_both_refuse_the_same(data: EnrollmentData, other: EnrollmentData, changed: set[str]) -> None:
    wanted = replace(data, **{name: getattr(other, name) for name in changed})
    csr = build_request(data, make_key("SECP256R1")).csr
    refusals = []
    for judge, error in (
        (lambda: check_request(csr, wanted), KsefInputError),
        (lambda: read_certificate_request(b64encode(csr).decode(), told(wanted)), ApiError),
    ):
        try:
            judge()
        except error as refused:
            refusals.append(25003 if isinstance(refused, KsefInputError) else refused.code)
    assert refusals in ([], [25003, 25003])
    assert bool(refusals) == (told(data) != told(wanted))
