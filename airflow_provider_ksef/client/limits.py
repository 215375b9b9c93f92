"""KSeF's limits: how much a session holds, how many certificates one may have, how often one may call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import msgspec

from airflow_provider_ksef.client.answers import json_parser
from airflow_provider_ksef.client.calls import Answer, Call

_UNLIMITED = -1


@dataclass(frozen=True)
class SessionLimits:
    """
    What one session holds; a MB has 1,000,000 bytes.

    :param max_invoice_size_in_mb: of an invoice without attachment.
    :param max_invoice_with_attachment_size_in_mb: of an invoice with one.
    :param max_invoices: in the session.
    """

    max_invoice_size_in_mb: int
    max_invoice_with_attachment_size_in_mb: int
    max_invoices: int


@dataclass(frozen=True)
class ContextLimits:
    """
    Limits of the context.

    :param online_session: of interactive sessions.
    :param batch_session: of batch sessions.
    :param collective_identifier_max_invoices: invoices of one collective identifier, from API 2.8 on.
    """

    online_session: SessionLimits
    batch_session: SessionLimits
    collective_identifier_max_invoices: int | None


@dataclass(frozen=True)
class SubjectLimits:
    """
    Limits of who is logged in; None where KSeF does not say.

    :param max_enrollments: applications for certificates.
    :param max_certificates: active certificates.
    """

    max_enrollments: int | None
    max_certificates: int | None


@dataclass(frozen=True)
class RateLimit:
    """
    How many calls are allowed within sliding windows; None is without limit.

    :param per_second: within a second.
    :param per_minute: within a minute.
    :param per_hour: within an hour.
    """

    per_second: int | None
    per_minute: int | None
    per_hour: int | None


@dataclass(frozen=True)
class RateLimits:
    """
    Limits by KSeF's group of endpoints; None where this version of KSeF has no such group.

    :param others: groups that a newer KSeF has, by KSeF's name.
    :param are_enforced: whether calls are refused by them: KSeF's are; an emulator tells production's as KSeF
        does, for any client to read, and may let all calls through.
    """

    online_session: RateLimit | None = None
    online_session_close: RateLimit | None = None
    batch_session: RateLimit | None = None
    batch_session_close: RateLimit | None = None
    invoice_send: RateLimit | None = None
    invoice_status: RateLimit | None = None
    session_list: RateLimit | None = None
    session_invoice_list: RateLimit | None = None
    session_misc: RateLimit | None = None
    invoice_metadata: RateLimit | None = None
    invoice_export: RateLimit | None = None
    invoice_export_status: RateLimit | None = None
    invoice_download: RateLimit | None = None
    collective_identifier: RateLimit | None = None
    other: RateLimit | None = None
    anonymous: RateLimit | None = None
    global_: RateLimit | None = None
    others: Mapping[str, RateLimit] = field(default_factory=dict)
    are_enforced: bool = True

    def by_group(self) -> dict[str, RateLimit]:
        """Give the limits that there are by KSeF's names of the groups."""
        known = {group: getattr(self, name) for group, name in _FIELDS.items()}
        return {**{group: limit for group, limit in known.items() if limit is not None}, **self.others}


class _SessionLimits(msgspec.Struct):
    max_invoice_size_in_mb: int = msgspec.field(name="maxInvoiceSizeInMB")
    max_invoice_with_attachment_size_in_mb: int = msgspec.field(name="maxInvoiceWithAttachmentSizeInMB")
    max_invoices: int = msgspec.field(name="maxInvoices")


class _CollectiveIdentifier(msgspec.Struct, rename="camel"):
    max_invoices: int | None = None


class _ContextLimits(msgspec.Struct, rename="camel"):
    online_session: _SessionLimits
    batch_session: _SessionLimits
    collective_identifier: _CollectiveIdentifier | None = None


class _Enrollment(msgspec.Struct, rename="camel"):
    max_enrollments: int | None = None


class _Certificate(msgspec.Struct, rename="camel"):
    max_certificates: int | None = None


class _SubjectLimits(msgspec.Struct):
    enrollment: _Enrollment | None = None
    certificate: _Certificate | None = None


class _RateLimit(msgspec.Struct, rename="camel"):
    per_second: int = _UNLIMITED
    per_minute: int = _UNLIMITED
    per_hour: int = _UNLIMITED


def context_limits() -> Call[ContextLimits]:
    """Read the limits of the connection's context (``GET /limits/context``)."""
    return Call("GET", "/limits/context", _parse_context, is_safe=True)


def subject_limits() -> Call[SubjectLimits]:
    """Read the limits of who is logged in (``GET /limits/subject``)."""
    return Call("GET", "/limits/subject", _parse_subject, is_safe=True)


def rate_limits() -> Call[RateLimits]:
    """Read how often each group of endpoints may be called (``GET /rate-limits``)."""
    return Call("GET", "/rate-limits", _parse_rates, is_safe=True)


def _session(limits: _SessionLimits) -> SessionLimits:
    return SessionLimits(
        limits.max_invoice_size_in_mb, limits.max_invoice_with_attachment_size_in_mb, limits.max_invoices
    )


def _context(limits: _ContextLimits) -> ContextLimits:
    collective = limits.collective_identifier
    return ContextLimits(
        _session(limits.online_session),
        _session(limits.batch_session),
        collective.max_invoices if collective else None,
    )


def _subject(limits: _SubjectLimits) -> SubjectLimits:
    return SubjectLimits(
        limits.enrollment.max_enrollments if limits.enrollment else None,
        limits.certificate.max_certificates if limits.certificate else None,
    )


def _rate(limit: _RateLimit) -> RateLimit:
    windows = (limit.per_second, limit.per_minute, limit.per_hour)
    return RateLimit(*(None if window == _UNLIMITED else window for window in windows))


def _rates(answer: dict[str, msgspec.Raw]) -> RateLimits:
    limits = {
        group: _rate(msgspec.json.decode(limit, type=_RateLimit))
        for group, limit in answer.items()
        if bytes(limit).startswith(b"{")
    }
    known: dict[str, Any] = {name: limits.pop(group) for group, name in _FIELDS.items() if group in limits}
    return RateLimits(**known, others=limits)


def _parse_rates(answer: Answer) -> RateLimits:
    are_enforced = answer.headers.get("x-emulator-rate-limits-enforced") != "false"
    return replace(_parse_limits(answer), are_enforced=are_enforced)


def _group_of(field_name: str) -> str:
    first, *more = field_name.split("_")
    return first + "".join(word.capitalize() for word in more)


PRODUCTION_RATE_LIMITS = RateLimits(
    online_session=RateLimit(10, 30, 120),
    online_session_close=RateLimit(20, 60, 240),
    batch_session=RateLimit(10, 20, 60),
    batch_session_close=RateLimit(20, 40, 120),
    invoice_send=RateLimit(10, 30, 180),
    invoice_status=RateLimit(30, 120, 1200),
    session_list=RateLimit(5, 10, 60),
    session_invoice_list=RateLimit(10, 20, 200),
    session_misc=RateLimit(10, 120, 1200),
    invoice_metadata=RateLimit(8, 16, 20),
    invoice_export=RateLimit(8, 16, 20),
    invoice_export_status=RateLimit(10, 60, 600),
    invoice_download=RateLimit(8, 16, 64),
    collective_identifier=RateLimit(10, 60, 120),
    other=RateLimit(10, 30, 120),
    anonymous=RateLimit(60, None, None),
)
"""What KSeF allows in production (KSeF docs: limity-api, September 2026)."""
_FIELDS = {_group_of(item.name): item.name for item in fields(RateLimits) if item.type == "RateLimit | None"}
_parse_context = json_parser(_ContextLimits, _context)
_parse_subject = json_parser(_SubjectLimits, _subject)
_parse_limits = json_parser(dict[str, msgspec.Raw], _rates)
