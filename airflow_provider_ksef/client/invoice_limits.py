"""How large an invoice may be, how many a session takes: by the company's own limits, or KSeF's defaults."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from airflow_provider_ksef.client.calls import Flow
from airflow_provider_ksef.client.limits import SessionLimits, context_limits
from airflow_provider_ksef.exceptions import KsefError, KsefInputError, KsefLoginError

log = logging.getLogger(__name__)

SessionKind: TypeAlias = Literal["batch", "online"]
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class InvoiceLimits:
    """
    What invoices and sessions are held against; the defaults are KSeF's own (KSeF docs: limity).

    :param max_size: bytes of an invoice without attachment.
    :param max_size_with_attachment: bytes of an invoice with one.
    :param max_invoices: in one session.
    :param source: whose limits these are, as errors name it.
    """

    max_size: int = MEGABYTE
    max_size_with_attachment: int = 3 * MEGABYTE
    max_invoices: int = 10_000
    source: str = "KSeF's default"

    @property
    def largest(self) -> int:
        """Bytes of any invoice: one with attachment may have what one without it may."""
        return max(self.max_size, self.max_size_with_attachment)

    def is_as_large_as(self, other: InvoiceLimits) -> bool:
        """Whether both mean the same, whosever they are."""
        return replace(self, source=other.source) == other


DEFAULT_LIMITS = InvoiceLimits()
UNREAD_LIMITS = replace(
    DEFAULT_LIMITS, source="KSeF's default, for the company's own limit could not be read"
)
"""What holds where KSeF does not tell the company's."""


def limits_of(session: SessionLimits, source: str) -> InvoiceLimits:
    """
    Give the limits of a session in bytes.

    :param session: as KSeF tells them.
    :param source: whose they are.
    """
    return InvoiceLimits(
        session.max_invoice_size_in_mb * MEGABYTE,
        session.max_invoice_with_attachment_size_in_mb * MEGABYTE,
        session.max_invoices,
        source,
    )


def read_limits(kind: SessionKind) -> Flow[InvoiceLimits]:
    """
    Ask KSeF for the limits of the connection's context; where it does not tell them, its defaults hold.

    :param kind: of the session.
    :raises KsefLoginError: where the login is refused.
    :raises KsefInputError: where the connection's secret is of no use.
    """
    try:
        told = yield from context_limits()
    except (KsefLoginError, KsefInputError):
        raise
    except KsefError as error:
        log.warning("The company's own limits cannot be read, so KSeF's defaults hold: %s", error)
        return UNREAD_LIMITS
    session = told.batch_session if kind == "batch" else told.online_session
    limits = limits_of(session, f"the company's limit for {kind} sessions, GET /limits/context")
    if not limits.is_as_large_as(DEFAULT_LIMITS):
        log.info(
            "The company's own limits of %s sessions: %d bytes an invoice, %d with attachment, %d invoices.",
            kind,
            limits.max_size,
            limits.largest,
            limits.max_invoices,
        )
    return limits
