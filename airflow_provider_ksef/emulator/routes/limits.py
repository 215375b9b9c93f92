"""How much a caller may do."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Response
from pydantic import Field

from airflow_provider_ksef.emulator.access import AnyCaller, Here
from airflow_provider_ksef.emulator.choices import SubjectKind
from airflow_provider_ksef.emulator.errors import Invalid
from airflow_provider_ksef.emulator.limits import (
    MOST_COLLECTED,
    Bound,
    ContextLimits,
    SessionLimits,
    certificate_limits,
)
from airflow_provider_ksef.emulator.wire import WireModel, WireResponse

router = APIRouter(tags=["Limity i ograniczenia"])

_MOST = 2**31 - 1


class SessionLimitsBody(WireModel):
    """Limits of one kind of sessions."""

    max_invoice_size: int = Field(alias="maxInvoiceSizeInMB")
    max_invoice_with_attachment_size: int = Field(alias="maxInvoiceWithAttachmentSizeInMB")
    max_invoices: int


class CollectiveLimitsBody(WireModel):
    """Limits of collective identifiers."""

    max_invoices: int


class ContextLimitsBody(WireModel):
    """Limits that a context shall have."""

    online_session: SessionLimitsBody
    batch_session: SessionLimitsBody
    collective_identifier: CollectiveLimitsBody | None = None


class EnrollmentLimitBody(WireModel):
    """How many certificates a subject may apply for."""

    max_enrollments: int | None = None


class CertificateLimitBody(WireModel):
    """How many certificates a subject may have."""

    max_certificates: int | None = None


class SubjectLimitsBody(WireModel):
    """Limits that the caller shall have; which kind of subject that is, is known from the login."""

    subject_identifier_type: SubjectKind | None = None
    enrollment: EnrollmentLimitBody | None = None
    certificate: CertificateLimitBody | None = None


@router.get("/limits/context", summary="Pobranie limitów dla bieżącego kontekstu")
def get_context_limits(caller: AnyCaller, emulator: Here) -> WireResponse:
    """Sizes and numbers of invoices."""
    return WireResponse(emulator.limits.context(caller.context))


@router.get("/limits/subject", summary="Pobranie limitów dla bieżącego podmiotu")
def get_subject_limits(caller: AnyCaller, emulator: Here) -> WireResponse:
    """Numbers of certificates."""
    enrollments, certificates = certificate_limits(caller.subject, *emulator.limits.subject(caller.subject))
    return WireResponse(
        {"enrollment": {"maxEnrollments": enrollments}, "certificate": {"maxCertificates": certificates}}
    )


@router.post("/testdata/limits/context/session", summary="Zmiana limitów sesji dla bieżącego kontekstu")
def set_context_limits(body: ContextLimitsBody, caller: AnyCaller, emulator: Here) -> Response:
    """Let sessions of the context hold more or less."""
    collected = body.collective_identifier
    wrong = [
        *_violations("onlineSession", body.online_session),
        *_violations("batchSession", body.batch_session),
    ]
    if collected:
        wrong += Bound("collectiveIdentifier.maxInvoices", 2, 5000).violations(collected.max_invoices)
    if wrong:
        raise Invalid(*wrong)
    limits = ContextLimits(
        _session_limits(body.online_session),
        _session_limits(body.batch_session),
        {"maxInvoices": collected.max_invoices} if collected else MOST_COLLECTED,
    )
    emulator.limits.set_context(caller.context, limits)
    return Response()


@router.delete(
    "/testdata/limits/context/session",
    summary="Przywrócenie domyślnych wartości limitów sesji dla bieżącego kontekstu",
)
def reset_context_limits(caller: AnyCaller, emulator: Here) -> Response:
    """Give the context KSeF's own limits back."""
    emulator.limits.reset_context(caller.context)
    return Response()


@router.post(
    "/testdata/limits/subject/certificate", summary="Zmiana limitów certyfikatów dla bieżącego podmiotu"
)
def set_subject_limits(
    caller: AnyCaller, emulator: Here, body: Annotated[SubjectLimitsBody | None, Body()] = None
) -> Response:
    """Let the caller have more certificates or less."""
    given = body or SubjectLimitsBody()
    enrollments = given.enrollment.max_enrollments if given.enrollment else None
    certificates = given.certificate.max_certificates if given.certificate else None
    wrong: list[str] = []
    if enrollments is not None:
        wrong += Bound("enrollment.maxEnrollments", 0, _MOST).violations(enrollments)
    if certificates is not None:
        wrong += Bound("certificate.maxCertificates", 0, _MOST).violations(certificates)
    if wrong:
        raise Invalid(*wrong)
    emulator.limits.set_subject(caller.subject, enrollments, certificates)
    return Response()


@router.delete(
    "/testdata/limits/subject/certificate",
    summary="Przywrócenie domyślnych wartości limitów certyfikatów dla bieżącego podmiotu",
)
def reset_subject_limits(caller: AnyCaller, emulator: Here) -> Response:
    """Give the caller KSeF's own limits back."""
    emulator.limits.reset_subject(caller.subject)
    return Response()


def _violations(name: str, given: SessionLimitsBody) -> list[str]:
    return [
        *Bound(f"{name}.maxInvoiceSizeInMB", 0, 5).violations(given.max_invoice_size),
        *Bound(f"{name}.maxInvoiceWithAttachmentSizeInMB", 0, 10).violations(
            given.max_invoice_with_attachment_size
        ),
        *Bound(f"{name}.maxInvoices", 0, 100_000).violations(given.max_invoices),
    ]


def _session_limits(given: SessionLimitsBody) -> SessionLimits:
    return SessionLimits(given.max_invoice_size, given.max_invoice_with_attachment_size, given.max_invoices)
