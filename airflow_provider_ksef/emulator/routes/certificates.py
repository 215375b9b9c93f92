"""KSeF certificates: applying for them, reading and revoking them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Response
from pydantic import Field

from airflow_provider_ksef.emulator.access import AnyCaller, Caller, Here
from airflow_provider_ksef.emulator.certificate_requests import read_certificate_request
from airflow_provider_ksef.emulator.choices import CertificateStatus, CertificateType, RevocationReason
from airflow_provider_ksef.emulator.crypto import encode_base64
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.enrolling import (
    LIFE,
    Application,
    allowance,
    applicants_data,
    enroll,
)
from airflow_provider_ksef.emulator.errors import (
    ApiError,
    Invalid,
    foreign_resource,
    gone,
    method_not_allowed,
)
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.methods import TOKEN
from airflow_provider_ksef.emulator.moments import TICKS_PER_SECOND, format_moment
from airflow_provider_ksef.emulator.paging import PageOffset, PageSize, cut_page
from airflow_provider_ksef.emulator.searching import read_moment
from airflow_provider_ksef.emulator.store.certificates import Enrollment, KsefCertificate
from airflow_provider_ksef.emulator.wire import WireModel, WireResponse, present

router = APIRouter(tags=["Certyfikaty"])
Serial = Annotated[str, Path(alias="certificateSerialNumber")]

_NAME = r"^[a-zA-Z0-9_\- ąćęłńóśźżĄĆĘŁŃÓŚŹŻ]+$"
_MOST = 50
_RETENTION = 30 * 86_400 * TICKS_PER_SECOND
_DESCRIPTIONS = {
    100: "Wniosek przyjęty do realizacji",
    200: "Wniosek obsłużony (certyfikat wygenerowany)",
    400: "Wniosek odrzucony",
    500: "Nieznany błąd",
    550: "Operacja została anulowana przez system",
}


class EnrollmentBody(WireModel):
    """An application for a certificate."""

    certificate_name: str = Field(min_length=5, max_length=100, pattern=_NAME)
    certificate_type: CertificateType
    csr: str
    valid_from: str | None = None


class RetrievalBody(WireModel):
    """Which certificates are wanted."""

    certificate_serial_numbers: list[str] = Field(min_length=1, max_length=10)


class RevocationBody(WireModel):
    """Why a certificate is revoked."""

    revocation_reason: RevocationReason | None = None


class QueryBody(WireModel):
    """Which certificates are looked for."""

    certificate_serial_number: str | None = None
    name: str | None = None
    type: CertificateType | None = None
    status: CertificateStatus | None = None
    expires_after: str | None = None


class ShorteningBody(WireModel):
    """Until when a certificate shall be valid."""

    valid_to: str


@dataclass(frozen=True)
class _Filter:
    """The conditions of a query, of which each must hold."""

    body: QueryBody
    expires_after: int
    now: int

    def admits(self, certificate: KsefCertificate) -> bool:
        body = self.body
        return (
            certificate.issued <= self.now
            and body.certificate_serial_number in (None, certificate.serial)
            and (body.name or "").lower() in certificate.name.lower()
            and body.type in (None, certificate.kind)
            and body.status in (None, certificate.status_at(self.now))
            and certificate.valid_to > self.expires_after
        )


@router.get("/certificates/limits", summary="Pobranie danych o limitach certyfikatów")
def get_limits(caller: AnyCaller, emulator: Here) -> WireResponse:
    """How many certificates the caller may apply for and have."""
    left = allowance(emulator, Identity.parse(caller.subject), emulator.clock.now())
    may_apply = bool(left.enrollments_left and left.certificates_left)
    return WireResponse(
        {
            "canRequest": may_apply and applicants_data(emulator, caller) is not None,
            "enrollment": {"remaining": left.enrollments_left, "limit": left.enrollments},
            "certificate": {"remaining": left.certificates_left, "limit": left.certificates},
        }
    )


@router.get("/certificates/enrollments/data", summary="Pobranie danych do wniosku certyfikacyjnego")
def get_enrollment_data(caller: AnyCaller, emulator: Here) -> WireResponse:
    """What a certificate request must say of the caller."""
    data = applicants_data(emulator, caller)
    if data is None:
        raise ApiError(25001)
    return WireResponse(data)


@router.post("/certificates/enrollments", summary="Wysyłka wniosku certyfikacyjnego", status_code=202)
def apply_for_certificate(body: EnrollmentBody, caller: AnyCaller, emulator: Here) -> WireResponse:
    """Apply for a certificate of a key of one's own."""
    data = applicants_data(emulator, caller)
    if data is None:
        raise ApiError(25002)
    request = read_certificate_request(body.csr, data)
    valid_from = None if body.valid_from is None else read_moment("validFrom", body.valid_from)
    with emulator.database.transaction():
        latest = emulator.clock.now() + LIFE
        if valid_from is not None and valid_from > latest:
            raise Invalid(f"'validFrom' must be less than or equal to {format_moment(latest)}.")
        application = Application(body.certificate_name, body.certificate_type, request, valid_from)
        enrollment = enroll(emulator, Identity.parse(caller.subject), application)
    answer = {"referenceNumber": enrollment.reference, "timestamp": format_moment(enrollment.requested)}
    return WireResponse(answer, status_code=202)


@router.get(
    "/certificates/enrollments/{referenceNumber}",
    summary="Pobranie statusu przetwarzania wniosku certyfikacyjnego",
)
def get_enrollment(
    reference: Annotated[str, Path(alias="referenceNumber")], caller: AnyCaller, emulator: Here
) -> WireResponse:
    """How far an application has come."""
    enrollment = emulator.certificates.enrollment(reference)
    if enrollment is None:
        raise ApiError(25005)
    if enrollment.subject not in _identities(emulator, caller):
        raise foreign_resource()
    now = emulator.clock.now()
    if now > enrollment.requested + _RETENTION:
        raise gone()
    return WireResponse(_describe_enrollment(enrollment, is_decided=now >= enrollment.ready))


@router.post("/certificates/retrieve", summary="Pobranie certyfikatu lub listy certyfikatów")
def retrieve_certificates(body: RetrievalBody, caller: AnyCaller, emulator: Here) -> WireResponse:
    """The certificates themselves; those that are not there or belong to somebody else are left out."""
    now, owners = emulator.clock.now(), _identities(emulator, caller)
    serials = dict.fromkeys(body.certificate_serial_numbers)
    found = [emulator.certificates.get(serial, now) for serial in serials]
    listed = [
        {
            "certificate": encode_base64(each.der),
            "certificateName": each.name,
            "certificateSerialNumber": each.serial,
            "certificateType": each.kind,
        }
        for each in found
        if each is not None and each.subject in owners
    ]
    return WireResponse({"certificates": listed})


@router.post(
    "/certificates/{certificateSerialNumber}/revoke", summary="Unieważnienie certyfikatu", status_code=204
)
def revoke_certificate(
    serial: Serial, caller: AnyCaller, emulator: Here, _body: Annotated[RevocationBody | None, Body()] = None
) -> Response:
    """Let a certificate be good for nothing any more; KSeF tells the reason nowhere."""
    if caller.method == TOKEN:
        raise method_not_allowed(caller.method)
    now = emulator.clock.now()
    with emulator.database.transaction():
        certificate = _own_certificate(emulator, serial, caller, now)
        if certificate.status_at(now) is not CertificateStatus.ACTIVE:
            raise ApiError(25009)
        settled = now + round(emulator.settings.delay * TICKS_PER_SECOND)
        emulator.certificates.revoke(serial, settled)
    return Response(status_code=204)


@router.post("/certificates/query", summary="Pobranie listy metadanych certyfikatów")
def query_certificates(
    caller: AnyCaller,
    emulator: Here,
    body: Annotated[QueryBody | None, Body()] = None,
    page_offset: PageOffset = 0,
    page_size: PageSize = 10,
) -> WireResponse:
    """What is known of the caller's certificates, the newest application first."""
    given, now = body or QueryBody(), emulator.clock.now()
    after = -1 if given.expires_after is None else read_moment("expiresAfter", given.expires_after)
    wanted = _Filter(given, after, now)
    own = emulator.certificates.select(_identities(emulator, caller))
    found = [certificate for certificate in own if wanted.admits(certificate)]
    page, has_more = cut_page(found, offset=page_offset, size=page_size, most=_MOST)
    return WireResponse({"certificates": _listed(page, now), "hasMore": has_more})


@router.put("/testdata/certificates/{serialNumber}", summary="Aktualizacja certyfikatu")
def shorten_certificate(
    serial: Annotated[str, Path(alias="serialNumber")],
    body: ShorteningBody,
    caller: AnyCaller,
    emulator: Here,
) -> Response:
    """Let a certificate of the caller's expire earlier."""
    valid_to = read_moment("validTo", body.valid_to)
    with emulator.database.transaction():
        certificate = _own_certificate(emulator, serial, caller, emulator.clock.now())
        if valid_to > certificate.valid_to:
            latest = format_moment(certificate.valid_to)
            raise Invalid(f"'validTo' must be less than or equal to {latest}. You entered {body.valid_to}.")
        emulator.certificates.shorten(serial, valid_to)
    return Response()


def _identities(emulator: Emulator, caller: Caller) -> set[Identity]:
    """Whose certificates are the caller's own: also those of the NIP or PESEL that belongs to his."""
    return emulator.taxpayers.same_person(Identity.parse(caller.subject))


def _own_certificate(emulator: Emulator, serial: str, caller: Caller, now: int) -> KsefCertificate:
    certificate = emulator.certificates.get(serial, now)
    if certificate is None or certificate.subject not in _identities(emulator, caller):
        raise ApiError(25008)
    return certificate


def _describe_enrollment(enrollment: Enrollment, *, is_decided: bool) -> dict[str, Any]:
    code = enrollment.code if is_decided else 100
    details = [enrollment.detail] if is_decided and enrollment.detail else None
    return present(
        requestDate=format_moment(enrollment.requested),
        status=present(code=code, description=_DESCRIPTIONS[code], details=details),
        certificateSerialNumber=enrollment.serial if is_decided else None,
    )


def _listed(certificates: Iterable[KsefCertificate], now: int) -> list[dict[str, Any]]:
    return [
        present(
            certificateSerialNumber=each.serial,
            name=each.name,
            type=each.kind,
            commonName=each.common_name,
            status=each.status_at(now),
            subjectIdentifier=each.subject.to_json(),
            validFrom=format_moment(each.valid_from),
            validTo=format_moment(each.valid_to),
            lastUseDate=None if each.used is None else format_moment(each.used),
            requestDate=format_moment(each.requested),
        )
        for each in certificates
    ]
