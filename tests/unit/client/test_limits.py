"""Limits of context, subject and calls, of KSeF as it is and as it may become."""

from __future__ import annotations

from dataclasses import fields

import httpx
import pytest

from airflow_provider_ksef.client import limits
from airflow_provider_ksef.client.limits import RateLimit, RateLimits, SessionLimits
from airflow_provider_ksef.exceptions import KsefIntegrityError
from tests.unit.client.conftest import RunAll
from tests.unit.client.fake_ksef import FakeKsef

OLD_GROUPS = [
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
]
NEW_GROUPS = ["onlineSessionClose", "batchSessionClose", "anonymous", "global"]


def rates(*groups: str) -> dict[str, object]:
    return {
        group: {"perSecond": place, "perMinute": place * 2, "perHour": -1}
        for place, group in enumerate(groups, start=1)
    }


def values(found: RateLimits) -> list[RateLimit]:
    named = [getattr(found, item.name) for item in fields(found)]
    return [limit for limit in named if isinstance(limit, RateLimit)]


def test_all_groups_are_typed_and_minus_one_is_no_limit(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies["GET /rate-limits"] = [httpx.Response(200, json=rates(*OLD_GROUPS, *NEW_GROUPS))]
    [found] = run_all(ksef, limits.rate_limits())
    assert found.online_session == RateLimit(1, 2, None)
    assert found.invoice_export_status == RateLimit(10, 20, None)
    assert found.global_ == RateLimit(17, 34, None)
    assert len(values(found)) == 17
    assert found.others == {}


def test_an_older_ksef_has_fewer_groups(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies["GET /rate-limits"] = [httpx.Response(200, json=rates(*OLD_GROUPS))]
    [found] = run_all(ksef, limits.rate_limits())
    assert len(values(found)) == 13
    assert (found.online_session_close, found.global_) == (None, None)


def test_groups_of_a_newer_ksef_are_kept(ksef: FakeKsef, run_all: RunAll) -> None:
    body = {**rates(*OLD_GROUPS, "peppol"), "note": "text", "global": None}
    ksef.replies["GET /rate-limits"] = [httpx.Response(200, json=body)]
    [found] = run_all(ksef, limits.rate_limits())
    assert found.others == {"peppol": RateLimit(14, 28, None)}
    assert len(values(found)) == 13


@pytest.mark.parametrize("body", [[], {"onlineSession": {"perSecond": "many"}}])
def test_other_answers_are_an_error(ksef: FakeKsef, run_all: RunAll, body: object) -> None:
    ksef.replies["GET /rate-limits"] = [httpx.Response(200, json=body)]
    with pytest.raises(KsefIntegrityError):
        run_all(ksef, limits.rate_limits())


def test_the_contexts_limits(ksef: FakeKsef, run_all: RunAll) -> None:
    session = {"maxInvoiceSizeInMB": 1, "maxInvoiceWithAttachmentSizeInMB": 3, "maxInvoices": 10000}
    old = {"onlineSession": session, "batchSession": {**session, "maxInvoices": 5, "more": 1}}
    new = {**old, "collectiveIdentifier": {"maxInvoices": 500}}
    ksef.replies["GET /limits/context"] = [httpx.Response(200, json=body) for body in (old, new)]
    before, after = run_all(ksef, limits.context_limits(), limits.context_limits())
    assert before.online_session == SessionLimits(1, 3, 10000)
    assert before.batch_session == SessionLimits(1, 3, 5)
    assert (before.collective_identifier_max_invoices, after.collective_identifier_max_invoices) == (
        None,
        500,
    )


def test_the_subjects_limits(ksef: FakeKsef, run_all: RunAll) -> None:
    full = {"enrollment": {"maxEnrollments": 300}, "certificate": {"maxCertificates": 100}}
    empty = {"enrollment": None}
    ksef.replies["GET /limits/subject"] = [httpx.Response(200, json=body) for body in (full, empty)]
    some, none = run_all(ksef, limits.subject_limits(), limits.subject_limits())
    assert (some.max_enrollments, some.max_certificates) == (300, 100)
    assert (none.max_enrollments, none.max_certificates) == (None, None)


@pytest.mark.parametrize(
    ("told", "are_enforced"), [({}, True), ({"X-Emulator-Rate-Limits-Enforced": "false"}, False)]
)
def test_an_emulator_may_say_that_it_refuses_nobody(
    ksef: FakeKsef, run_all: RunAll, told: dict[str, str], are_enforced: bool
) -> None:
    ksef.replies["GET /rate-limits"] = [httpx.Response(200, json=rates(*OLD_GROUPS), headers=told)]
    [found] = run_all(ksef, limits.rate_limits())
    assert found.are_enforced is are_enforced
    assert found.online_session == RateLimit(1, 2, None)
