"""
Limits that the TEST environment and emulators let one change, for the context or who is logged in.

Each function is given the environment and refuses production and DEMO before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_ksef.client.answers import nothing
from airflow_provider_ksef.client.calls import Call, Flow
from airflow_provider_ksef.client.input_checks import check_number
from airflow_provider_ksef.client.limits import RateLimit, SessionLimits
from airflow_provider_ksef.client.settings import Environment
from airflow_provider_ksef.client.test_environment import in_test_environment
from airflow_provider_ksef.exceptions import KsefInputError

RATE_LIMIT_GROUPS = (
    "onlineSession",
    "batchSession",
    "invoiceSend",
    "invoiceStatus",
    "sessionList",
    "sessionInvoiceList",
    "sessionMisc",
    "invoiceMetadata",
    "invoiceExport",
    "invoiceExportStatus",
    "invoiceDownload",
    "collectiveIdentifier",
    "other",
)
"""Groups of endpoints whose rate limits can be changed, as KSeF names them."""
_SESSION_LIMITS = "/testdata/limits/context/session"
_CERTIFICATE_LIMITS = "/testdata/limits/subject/certificate"
_RATE_LIMITS = "/testdata/rate-limits"
_MOST_MEGABYTES, _MOST_MEGABYTES_WITH_ATTACHMENT, _MOST_INVOICES = 5, 10, 100_000
_LEAST_COLLECTED, _MOST_COLLECTED = 2, 5000
_MOST = 2**31 - 1


def set_session_limits(
    environment: Environment,
    online_session: SessionLimits,
    batch_session: SessionLimits,
    *,
    collective_identifier_max_invoices: int | None = None,
) -> Flow[None]:
    """
    Change what sessions of the context hold (``POST /testdata/limits/context/session``).

    :param environment: of the client's settings; likewise below.
    :param online_session: of interactive sessions: up to 5 MB, 10 MB with attachment, 100,000 invoices.
    :param batch_session: of batch sessions, likewise.
    :param collective_identifier_max_invoices: 2 to 5000, from API 2.8 on; None leaves it out.
    :raises KsefInputError: where a limit is out of bounds, or the environment cannot be changed.
    """
    body: dict[str, Any] = {
        "onlineSession": _session("online_session", online_session),
        "batchSession": _session("batch_session", batch_session),
    }
    most = collective_identifier_max_invoices
    if most is not None:
        check_number("collective_identifier_max_invoices", most, _LEAST_COLLECTED, _MOST_COLLECTED)
        body["collectiveIdentifier"] = {"maxInvoices": most}
    return _call(environment, "POST", _SESSION_LIMITS, body)


def reset_session_limits(environment: Environment) -> Flow[None]:
    """Give the context KSeF's own limits back (``DELETE /testdata/limits/context/session``)."""
    return _call(environment, "DELETE", _SESSION_LIMITS)


def set_certificate_limits(
    environment: Environment, *, max_enrollments: int | None = None, max_certificates: int | None = None
) -> Flow[None]:
    """
    Change how many certificates who is logged in may have (``POST /testdata/limits/subject/certificate``).

    :param environment: of the client's settings.
    :param max_enrollments: applications; None is KSeF's own limit.
    :param max_certificates: active certificates; None is KSeF's own limit.
    :raises KsefInputError: where a limit is negative, or the environment cannot be changed.
    """
    body: dict[str, Any] = {}
    if max_enrollments is not None:
        number = check_number("max_enrollments", max_enrollments, 0, _MOST)
        body["enrollment"] = {"maxEnrollments": number}
    if max_certificates is not None:
        number = check_number("max_certificates", max_certificates, 0, _MOST)
        body["certificate"] = {"maxCertificates": number}
    return _call(environment, "POST", _CERTIFICATE_LIMITS, body)


def reset_certificate_limits(environment: Environment) -> Flow[None]:
    """Give who is logged in KSeF's own limits back (``DELETE /testdata/limits/subject/certificate``)."""
    return _call(environment, "DELETE", _CERTIFICATE_LIMITS)


def set_rate_limits(environment: Environment, rate_limits: Mapping[str, RateLimit]) -> Flow[None]:
    """
    Change how often the context may call (``POST /testdata/rate-limits``).

    :param environment: of the client's settings.
    :param rate_limits: for each of :data:`RATE_LIMIT_GROUPS`; KSeF takes up to ten times production's.
    :raises KsefInputError: where a group is missing or unknown, a limit is not a number over 0, or the
        environment cannot be changed.
    """
    wrong = sorted(rate_limits.keys() ^ set(RATE_LIMIT_GROUPS))
    if wrong:
        raise KsefInputError(
            "rate_limits", wrong, "are missing or unknown", f"Give all of: {', '.join(RATE_LIMIT_GROUPS)}."
        )
    body = {"rateLimits": {group: _rate(group, limit) for group, limit in rate_limits.items()}}
    return _call(environment, "POST", _RATE_LIMITS, body)


def reset_rate_limits(environment: Environment) -> Flow[None]:
    """Give the context the environment's own rate limits back (``DELETE /testdata/rate-limits``)."""
    return _call(environment, "DELETE", _RATE_LIMITS)


def set_production_rate_limits(environment: Environment) -> Flow[None]:
    """Give the context the rate limits of production (``POST /testdata/rate-limits/production``)."""
    return _call(environment, "POST", f"{_RATE_LIMITS}/production")


def _call(environment: Environment, method: str, path: str, body: dict[str, Any] | None = None) -> Flow[None]:
    return in_test_environment(environment, Call(method, path, nothing, body=body, is_safe=True))


def _session(field: str, limits: SessionLimits) -> dict[str, int]:
    bounds = {
        "max_invoice_size_in_mb": ("maxInvoiceSizeInMB", _MOST_MEGABYTES),
        "max_invoice_with_attachment_size_in_mb": (
            "maxInvoiceWithAttachmentSizeInMB",
            _MOST_MEGABYTES_WITH_ATTACHMENT,
        ),
        "max_invoices": ("maxInvoices", _MOST_INVOICES),
    }
    return {
        member: check_number(f"{field}.{name}", getattr(limits, name), 0, most)
        for name, (member, most) in bounds.items()
    }


def _rate(group: str, limit: RateLimit) -> dict[str, int]:
    windows = {"perSecond": limit.per_second, "perMinute": limit.per_minute, "perHour": limit.per_hour}
    return {
        member: check_number(f"rate_limits.{group}.{member}", value or 0, 1, _MOST)
        for member, value in windows.items()
    }
