"""How much of KSeF's budget a load takes, before anything is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.client.filters import SUBJECT_TYPES
from airflow_provider_ksef.client.identifiers import check_nip
from airflow_provider_ksef.client.limits import PRODUCTION_RATE_LIMITS, RateLimit
from airflow_provider_ksef.exceptions import KsefInputError

EXPORTS, STATUS = "invoiceExport", "invoiceExportStatus"
EXPORT_LIMIT = PRODUCTION_RATE_LIMITS.by_group()[EXPORTS]
"""Production's limit of ``POST /invoices/exports`` by context and address."""
STATUS_LIMIT = PRODUCTION_RATE_LIMITS.by_group()[STATUS]
"""Production's limit of ``GET /invoices/exports/{referenceNumber}``."""
EXPORT_INVOICES = 10_000
"""The most invoices of one export."""
LOGIN_CALLS = 7
"""Challenge, two public keys, token, status, redemption and logout."""


@dataclass(frozen=True)
class KsefPlan:
    """
    What a load takes at the least; KSeF counts by context and address, so each context has its own budget.

    :param contexts: companies, or parts of them.
    :param exports: exports of all contexts together; each is one call.
    :param status_calls: questions for the status of these exports.
    :param login_calls: of one login for each context.
    :param exports_per_hour: KSeF's budget of each context; None without limit.
    :param budget: exports of the busiest context in hours of that budget: 1.0 uses up an hour's.
    :param hours: whole hours that the busiest context must wait for its budget to come back; contexts run at
        the same time.
    """

    contexts: int
    exports: int
    status_calls: int
    login_calls: int
    exports_per_hour: int | None
    budget: float
    hours: int

    @property
    def calls(self) -> int:
        """All calls together, downloads aside: KSeF does not count them."""
        return self.exports + self.status_calls + self.login_calls

    def to_json(self) -> dict[str, Any]:
        """Give it as an operator's result."""
        return {**asdict(self), "calls": self.calls}

    def __str__(self) -> str:
        least = f"at least {self.exports} export(s) for {self.contexts} context(s), {self.calls} calls in all"
        if self.exports_per_hour is None:
            return f"{least}; KSeF sets no limit of exports an hour, {self.hours} hour(s) of waiting or more"
        return (
            f"{least}; {self.budget:.2f} hour(s) of the budget of {self.exports_per_hour} exports an hour "
            f"for each, {self.hours} hour(s) of waiting or more"
        )


def exports_of(invoices: int) -> int:
    """
    Tell how many exports one window takes; a window without invoices takes one, too.

    :param invoices: how many it holds.
    """
    return max(1, -(-invoices // EXPORT_INVOICES))


def plan_exports(
    exports: Sequence[int],
    *,
    calls_for_status: int = 4,
    limit: RateLimit = EXPORT_LIMIT,
    status_limit: RateLimit = STATUS_LIMIT,
) -> KsefPlan:
    """
    Plan exports that were counted already.

    :param exports: how many exports each context needs.
    :param calls_for_status: questions for the status of one export: its time in KSeF by ``poll_interval``.
    :param limit: of exports; production's, where that of ``GET /rate-limits`` is not given.
    :param status_limit: likewise, of questions for their status.
    """
    busiest = max(exports, default=0)
    per_hour = limit.per_hour or busiest or 1
    status_per_hour = status_limit.per_hour or busiest * calls_for_status or 1
    hours = max((busiest - 1) // per_hour, (busiest * calls_for_status - 1) // status_per_hour, 0)
    return KsefPlan(
        contexts=len(exports),
        exports=sum(exports),
        status_calls=sum(exports) * calls_for_status,
        login_calls=len(exports) * LOGIN_CALLS,
        exports_per_hour=limit.per_hour,
        budget=busiest / limit.per_hour if limit.per_hour else 0.0,
        hours=hours,
    )


def plan_here(ksef: KsefClient, exports: int) -> KsefPlan:
    """
    Plan exports of one context by its own limits, as far as this host's tasks know them; nothing is called.

    :param ksef: the client.
    :param exports: how many it takes.
    """
    known = ksef.known_limits()
    return plan_exports([exports], limit=known[EXPORTS], status_limit=known[STATUS])


def plan_load(
    nips: Sequence[str] | Mapping[str, int],
    *,
    date_from: str | date | datetime,
    date_to: str | date | datetime | None = None,
    subject_types: Sequence[str] = ("Subject2",),
    invoices: int = 0,
    calls_for_status: int = 4,
    limit: RateLimit = EXPORT_LIMIT,
    status_limit: RateLimit = STATUS_LIMIT,
) -> KsefPlan:
    """
    Plan the first load of one or more companies.

    :param nips: the companies; a mapping tells how many invoices to expect of each, in each role.
    :param date_from: where the load begins, as ``sync_from`` or ``date_from`` is given.
    :param date_to: where it ends; None is now.
    :param subject_types: roles to load.
    :param invoices: how many invoices to expect of a company in each role, where ``nips`` does not tell.
    :param calls_for_status: see :func:`plan_exports`.
    :param limit: see :func:`plan_exports`.
    :param status_limit: see :func:`plan_exports`.
    :raises KsefInputError: where a NIP, a role or a date is wrong.
    """
    from airflow_provider_ksef.tables.intervals import interval_windows

    unknown = set(subject_types) - set(SUBJECT_TYPES)
    if unknown or isinstance(subject_types, str):
        raise KsefInputError(
            "subject_types", subject_types, "is not known", f"Give some of: {', '.join(SUBJECT_TYPES)}."
        )
    for nip in nips:
        check_nip(nip, "nips")
    now = datetime.now(UTC)
    windows = len(interval_windows(date_from, now if date_to is None else date_to, "PermanentStorage", now))
    expected = nips if isinstance(nips, Mapping) else dict.fromkeys(nips, invoices)
    per_role = (max(windows, windows - 1 + -(-count // EXPORT_INVOICES)) for count in expected.values())
    exports = [len(subject_types) * count for count in per_role]
    return plan_exports(exports, calls_for_status=calls_for_status, limit=limit, status_limit=status_limit)
