"""Applying for a KSeF certificate (KSeF docs: certyfikaty-KSeF)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from airflow_provider_ksef.client.answers import StatusInfo, json_parser, moment
from airflow_provider_ksef.client.calls import Call, Flow
from airflow_provider_ksef.client.certificate_requests import (
    KEY_TYPES,
    CertificateRequest,
    EnrollmentData,
    build_request,
    check_request,
    generate_private_key,
)
from airflow_provider_ksef.client.crypto import base64_text
from airflow_provider_ksef.client.identifiers import check_reference_number
from airflow_provider_ksef.client.input_checks import check_choice, check_length, moment_text
from airflow_provider_ksef.client.ksef_certificates import (
    CERTIFICATE_TYPES,
    RetrievedCertificate,
    retrieve,
)
from airflow_provider_ksef.client.waiting import wait_until
from airflow_provider_ksef.exceptions import KsefInputError, KsefIntegrityError, KsefStatusError

PATIENCE = 300.0
"""Seconds within which KSeF has to issue a certificate."""
_NAME_LENGTH = (5, 100)
_NAME = re.compile(r"[a-zA-Z0-9_\- ąćęłńóśźżĄĆĘŁŃÓŚŹŻ]+")
_IN_PROGRESS, _DONE = 100, 200
_REMEDIES = {
    400: "KSeF refused the application: use a new key where another holder has it certified, and revoke "
    "certificates that are not needed where the limit is reached.",
    500: "KSeF failed for an unknown reason: try again later.",
    550: "KSeF broke off: apply again.",
}


@dataclass(frozen=True)
class Enrollment:
    """
    An application that KSeF took.

    :param reference_number: of the application.
    :param timestamp: when it took it, UTC.
    """

    reference_number: str
    timestamp: datetime


@dataclass(frozen=True)
class EnrollmentStatus:
    """
    How an application stands.

    :param request_date: when it was made, UTC.
    :param code: 100 in progress, 200 issued, 400 refused, 500 and 550 broken off.
    :param description: KSeF's text for the code.
    :param details: KSeF's reasons.
    :param certificate_serial_number: of the certificate, once it is issued.
    """

    request_date: datetime
    code: int
    description: str
    details: tuple[str, ...]
    certificate_serial_number: str | None

    @property
    def is_final(self) -> bool:
        """Whether KSeF has decided."""
        return self.code != _IN_PROGRESS


@dataclass(frozen=True)
class IssuedCertificate:
    """
    A new certificate with its private key.

    :param certificate: as KSeF issued it.
    :param request: holds the private key.
    """

    certificate: RetrievedCertificate
    request: CertificateRequest = field(repr=False)


class _Data(msgspec.Struct, rename="camel"):
    common_name: str
    country_name: str
    given_name: str | list[str] | None = None
    surname: str | None = None
    serial_number: str | None = None
    unique_identifier: str | None = None
    organization_name: str | None = None
    organization_identifier: str | None = None

    def __repr__(self) -> str:
        return f"<enrollment data of {self.common_name}>"


class _Enrollment(msgspec.Struct, rename="camel"):
    reference_number: str
    timestamp: str


class _Status(msgspec.Struct, rename="camel"):
    request_date: str
    status: StatusInfo
    certificate_serial_number: str | None = None


def enrollment_data() -> Call[EnrollmentData]:
    """
    Read what a request must say of who is logged in (``GET /certificates/enrollments/data``).

    :raises KsefApiError: 25001 after a login by token.
    """
    return Call("GET", "/certificates/enrollments/data", _parse_data, is_safe=True)


def enroll(
    certificate_name: str, certificate_type: str, csr: bytes, *, valid_from: datetime | None = None
) -> Flow[Enrollment]:
    """
    Hold a request against KSeF's data and apply for a certificate (``POST /certificates/enrollments``).

    :param certificate_name: to find it by, 5 to 100 letters, digits, spaces, hyphens and underscores.
    :param certificate_type: ``Authentication`` to log in by, or ``Offline`` to sign invoices' links by.
    :param csr: PKCS#10 in DER, see :func:`~airflow_provider_ksef.client.certificate_requests.build_request`.
    :param valid_from: with a time zone; None is from its issue on.
    :raises KsefInputError: where a value is wrong or the request differs from the enrollment data; nothing
        was applied for then.
    :raises KsefApiError: 25002 after a login by token, 25006 and 25007 where a limit is reached.
    """
    body = {
        "certificateName": check_certificate_name(certificate_name),
        "certificateType": check_choice("certificate_type", certificate_type, CERTIFICATE_TYPES),
    }
    if valid_from is not None:
        body["validFrom"] = moment_text("valid_from", valid_from)
    return _enroll(body, csr)


def get_status(reference_number: str) -> Call[EnrollmentStatus]:
    """
    Read how an application stands (``GET /certificates/enrollments/{referenceNumber}``), within 30 days.

    :param reference_number: of the application.
    :raises KsefInputError: where it is no reference number.
    :raises KsefApiError: 25005 where there is none, 410 after 30 days.
    """
    path = f"/certificates/enrollments/{check_reference_number(reference_number)}"
    return Call("GET", path, _parse_status, is_safe=True)


def wait_for_certificate(reference_number: str, patience: float = PATIENCE) -> Flow[str]:
    """
    Wait until a certificate is issued.

    :param reference_number: of the application.
    :param patience: seconds after which to give up.
    :returns: its serial number.
    :raises KsefStatusError: where KSeF refuses it or breaks off.
    :raises KsefTimeoutError: where KSeF takes longer.
    """
    what = f"Application {reference_number}"
    status = yield from wait_until(what, get_status(reference_number), _is_final, patience=patience)
    return issued_serial(reference_number, status)


def issued_serial(reference_number: str, status: EnrollmentStatus) -> str:
    """
    Give the serial number of the certificate that an application has led to.

    :param reference_number: of the application.
    :param status: a final one.
    :raises KsefStatusError: where KSeF refused it or broke off.
    """
    what = f"Application {reference_number}"
    if status.code != _DONE:
        remedy = _REMEDIES.get(status.code, "Look the code up in KSeF's documentation of certificates.")
        raise KsefStatusError(what, status.code, status.description, status.details, remedy)
    if status.certificate_serial_number is None:
        raise KsefIntegrityError(
            f"{what} is done, and KSeF tells no serial number.", "List the certificates to find the new one."
        )
    return status.certificate_serial_number


def obtain(
    certificate_name: str,
    certificate_type: str,
    *,
    key_type: str = KEY_TYPES[0],
    valid_from: datetime | None = None,
    patience: float = PATIENCE,
) -> Flow[IssuedCertificate]:
    """
    Make a key, apply for a certificate of it, and wait for the certificate.

    The key is in memory only: whoever must not lose it makes and keeps it first, and calls
    :func:`enroll`, :func:`wait_for_certificate` and
    :func:`~airflow_provider_ksef.client.ksef_certificates.retrieve` one by one.

    :param certificate_name: as in :func:`enroll`, likewise the next and ``valid_from``.
    :param certificate_type: ``Authentication`` or ``Offline``.
    :param key_type: ``EC P-256`` or ``RSA-2048``.
    :param patience: seconds after which to give up.
    """
    check_choice("key_type", key_type, KEY_TYPES)
    data = yield from enrollment_data()
    request = build_request(data, generate_private_key(key_type))
    enrollment = yield from enroll(certificate_name, certificate_type, request.csr, valid_from=valid_from)
    serial = yield from wait_for_certificate(enrollment.reference_number, patience)
    found = yield from retrieve([serial])
    if not found:
        raise KsefIntegrityError(
            f"KSeF issued the certificate {serial} and does not give it.", "Read it later."
        )
    return IssuedCertificate(found[0], request)


def check_certificate_name(value: str, field_name: str = "certificate_name") -> str:
    """
    Give a certificate's name back, or say what is wrong with it.

    :raises KsefInputError: where KSeF does not take it.
    """
    check_length(field_name, value, *_NAME_LENGTH)
    if not _NAME.fullmatch(value):
        raise KsefInputError(
            field_name,
            value,
            "has characters that KSeF does not take",
            "Use letters, digits, spaces, hyphens and underscores only.",
        )
    return value


def _enroll(body: dict[str, str], csr: bytes) -> Flow[Enrollment]:
    data = yield from enrollment_data()
    csr_text = base64_text(check_request(csr, data))
    return (
        yield from Call(
            "POST", "/certificates/enrollments", _parse_enrollment, body={**body, "csr": csr_text}
        )
    )


def _is_final(status: EnrollmentStatus) -> bool:
    return status.is_final


def _data(answer: _Data) -> EnrollmentData:
    names = answer.given_name or ()
    return EnrollmentData(
        common_name=answer.common_name,
        country_name=answer.country_name,
        given_names=(names,) if isinstance(names, str) else tuple(names),
        surname=answer.surname,
        serial_number=answer.serial_number,
        unique_identifier=answer.unique_identifier,
        organization_name=answer.organization_name,
        organization_identifier=answer.organization_identifier,
    )


def _status(answer: _Status) -> EnrollmentStatus:
    return EnrollmentStatus(
        request_date=moment(answer.request_date),
        code=answer.status.code,
        description=answer.status.description,
        details=tuple(answer.status.details or ()),
        certificate_serial_number=answer.certificate_serial_number,
    )


_parse_data = json_parser(_Data, _data)
_parse_enrollment = json_parser(
    _Enrollment, lambda told: Enrollment(told.reference_number, moment(told.timestamp))
)
_parse_status = json_parser(_Status, _status)
