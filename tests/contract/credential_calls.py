"""Calls of the client's functions for tokens, certificates, logins, test data and collective identifiers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import httpx

from airflow_provider_ksef.client import (
    attachments,
    certificate_enrollment,
    certificate_requests,
    collective_identifiers,
    ksef_certificates,
    limit_overrides,
    login_sessions,
    peppol,
    session_list,
    test_data,
    tokens,
)
from airflow_provider_ksef.client.calls import Call, Flow
from airflow_provider_ksef.client.collected_invoices import CollectedInvoice, Payment
from airflow_provider_ksef.client.limits import RateLimit, SessionLimits
from airflow_provider_ksef.client.settings import ENVIRONMENTS, ContextIdentifier
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from tests.unit.client.fake_ksef import NIP, problem

TEST = ENVIRONMENTS["test"]
TOKEN = "20260901-EC-1A2B3CC000-0F1E2D3C53-D1"
LOGIN = "20260901-AU-1A2B3C5000-0F1E2D3C4C-A2"
ENROLLMENT = "20260901-EH-1A2B3CA000-0F1E2D3C51-AD"
SERIAL = "01F20A5D352AE590"
PERSON = SubjectIdentifier("Pesel", "30112206276")
NUMBERS = ("5250001210-20260901-0A1B2C000000-C6", "5250001210-20260901-0A1B2C-000000-C6")
COLLECTIVE = "5250001210-IZ202609-0A1B2C300000-A9"
SESSION_LIMITS = SessionLimits(5, 10, 100_000)
RATES = dict.fromkeys(limit_overrides.RATE_LIMIT_GROUPS, RateLimit(1, 2, 3))
START = datetime(2026, 9, 1, 12, tzinfo=UTC)
DATA = certificate_requests.EnrollmentData(
    "Alfa sp. z o.o.", "PL", organization_name="Alfa", organization_identifier=f"VATPL-{NIP}"
)
REPLIES: dict[str, list[httpx.Response]] = {
    "GET /certificates/enrollments/data": [
        httpx.Response(
            200,
            json={
                "commonName": DATA.common_name,
                "countryName": "PL",
                "organizationName": "Alfa",
                "organizationIdentifier": f"VATPL-{NIP}",
            },
        )
    ],
    "POST /collective-identifiers/invoices": [problem(404)],
}
"""Answers without which a flow would end before its last call."""


@cache
def csr() -> bytes:
    return certificate_requests.build_request(DATA, certificate_requests.generate_private_key()).csr


OPERATIONS: dict[str, Callable[[], Flow[Any] | Call[Any]]] = {
    "tokens.generate": lambda: tokens.generate(tokens.TOKEN_PERMISSIONS, "for the sync"),
    "tokens.query": tokens.query,
    "tokens.query: all filters": lambda: tokens.query(
        statuses=tokens.TOKEN_STATUSES,
        description="sync",
        author_identifier=NIP,
        author_identifier_type="Nip",
    ),
    "tokens.get_status": lambda: tokens.get_status(TOKEN),
    "tokens.wait_until_settled": lambda: tokens.wait_until_settled(TOKEN),
    "tokens.revoke": lambda: tokens.revoke(TOKEN),
    "login_sessions.query": login_sessions.query,
    "login_sessions.end": lambda: login_sessions.end(LOGIN),
    "certificate_enrollment.enrollment_data": certificate_enrollment.enrollment_data,
    "certificate_enrollment.enroll": lambda: certificate_enrollment.enroll(
        "Sync_2026 - żółty", "Authentication", csr()
    ),
    "certificate_enrollment.enroll: later": lambda: certificate_enrollment.enroll(
        "Sync 2026", "Offline", csr(), valid_from=START
    ),
    "certificate_enrollment.get_status": lambda: certificate_enrollment.get_status(ENROLLMENT),
    "ksef_certificates.limits": ksef_certificates.limits,
    "ksef_certificates.query": ksef_certificates.query,
    "ksef_certificates.query: all filters": lambda: ksef_certificates.query(
        certificate_serial_number=SERIAL, name="Sync", type="Offline", status="Active", expires_after=START
    ),
    "ksef_certificates.retrieve": lambda: ksef_certificates.retrieve([SERIAL]),
    **{
        f"ksef_certificates.revoke: {reason}": lambda reason=reason: ksef_certificates.revoke(SERIAL, reason)
        for reason in ksef_certificates.REVOCATION_REASONS
    },  # type: ignore[misc]
    "session_list.query": lambda: session_list.query("Online"),
    "session_list.query: all filters": lambda: session_list.query(
        "Batch",
        date_created_from=START,
        date_created_to=START,
        date_closed_from=START,
        date_closed_to=START,
        date_modified_from=START,
        date_modified_to=START,
        statuses=session_list.SESSION_STATUSES,
    ),
    "attachments.get_status": attachments.get_status,
    "peppol.query": peppol.query,
    "collective_identifiers.generate": lambda: collective_identifiers.generate(
        [
            CollectedInvoice(NUMBERS[0], Payment(Decimal("1234.56"), "PLN"), "rata 1"),
            CollectedInvoice(NUMBERS[1]),
        ]
    ),
    "collective_identifiers.query": lambda: collective_identifiers.query(START, START + timedelta(days=100)),
    "collective_identifiers.query: all filters": lambda: collective_identifiers.query(
        START,
        START,
        collective_identifier_number=COLLECTIVE,
        invoice_count_from=2,
        invoice_count_to=500,
        created_in_current_context=False,
    ),
    "collective_identifiers.query_by_ksef_number": lambda: collective_identifiers.query_by_ksef_number(
        NUMBERS[0]
    ),
    "collective_identifiers.list_invoices": lambda: collective_identifiers.list_invoices([COLLECTIVE]),
    **{
        f"test_data.create_subject: {kind}": lambda kind=kind: test_data.create_subject(
            TEST, NIP, kind, "na próbę", created_date=START
        )
        for kind in test_data.SUBJECT_KINDS
    },  # type: ignore[misc]
    "test_data.create_subject: with subunits": lambda: test_data.create_subject(
        TEST, NIP, "VatGroup", "Grupa VAT", subunits=[test_data.Subunit("1111111111", "członek")]
    ),
    "test_data.remove_subject": lambda: test_data.remove_subject(TEST, NIP),
    "test_data.create_person": lambda: test_data.create_person(
        TEST, NIP, PERSON.value, "Komornik", is_bailiff=True, created_date=START
    ),
    "test_data.remove_person": lambda: test_data.remove_person(TEST, NIP),
    "test_data.grant_permissions": lambda: test_data.grant_permissions(
        TEST, NIP, PERSON, test_data.TEST_PERMISSIONS, "na próbę"
    ),
    "test_data.revoke_permissions": lambda: test_data.revoke_permissions(
        TEST, NIP, SubjectIdentifier("Fingerprint", "0123456789ABCDEF" * 4)
    ),
    "test_data.grant_attachment": lambda: test_data.grant_attachment(TEST, NIP),
    "test_data.revoke_attachment": lambda: test_data.revoke_attachment(
        TEST, NIP, expected_end_date=date(2030, 1, 1)
    ),
    "test_data.block_context": lambda: test_data.block_context(TEST, ContextIdentifier("Nip", NIP)),
    "test_data.unblock_context": lambda: test_data.unblock_context(
        TEST, ContextIdentifier("InternalId", f"{NIP}-12346")
    ),
    "test_data.update_certificate": lambda: test_data.update_certificate(TEST, SERIAL, START),
    "limit_overrides.set_session_limits": lambda: limit_overrides.set_session_limits(
        TEST, SESSION_LIMITS, SESSION_LIMITS
    ),
    "limit_overrides.reset_session_limits": lambda: limit_overrides.reset_session_limits(TEST),
    "limit_overrides.set_certificate_limits": lambda: limit_overrides.set_certificate_limits(
        TEST, max_enrollments=0, max_certificates=1
    ),
    "limit_overrides.reset_certificate_limits": lambda: limit_overrides.reset_certificate_limits(TEST),
    "limit_overrides.set_rate_limits": lambda: limit_overrides.set_rate_limits(TEST, RATES),
    "limit_overrides.reset_rate_limits": lambda: limit_overrides.reset_rate_limits(TEST),
    "limit_overrides.set_production_rate_limits": lambda: limit_overrides.set_production_rate_limits(TEST),
}
