"""For whom a context may issue invoices."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from airflow_provider_ksef.emulator.documents import AuthorizedSubject
from airflow_provider_ksef.emulator.rights import may_issue
from airflow_provider_ksef.emulator.synthetic import synthesize

NIP, MEMBER, BAILIFF, AUTHORITY = "5250001210", "1111111111", "7980332920", "5110203043"
SALE = synthesize(NIP, "Subject1", 0, 1, date(2026, 3, 31)).facts


class Known:
    """Who is related to whom in these tests."""

    def parents(self, nip: str) -> set[str]:
        return {NIP} if nip == MEMBER else set()

    def has_role(self, nip: str, role: str) -> bool:
        return (nip, role) in {(BAILIFF, "CourtBailiff"), (AUTHORITY, "EnforcementAuthority")}


@pytest.mark.parametrize(
    ("nip", "named", "role", "may"),
    [
        (NIP, None, 0, True),
        (MEMBER, None, 0, True),
        (BAILIFF, None, 0, False),
        (BAILIFF, BAILIFF, 2, True),
        (BAILIFF, BAILIFF, 1, False),
        (BAILIFF, AUTHORITY, 2, False),
        (AUTHORITY, AUTHORITY, 1, True),
        (AUTHORITY, AUTHORITY, 2, False),
        (AUTHORITY, AUTHORITY, 3, False),
        ("9999999999", "9999999999", 1, False),
    ],
)
def test_who_may_issue(nip: str, named: str | None, role: int, may: bool) -> None:
    facts = replace(SALE, authorized_subject=AuthorizedSubject(named, None, role) if named else None)
    assert may_issue(facts, nip, Known()) is may


def test_without_relations_each_issues_for_itself() -> None:
    assert may_issue(SALE, NIP, None)
    assert not may_issue(SALE, MEMBER, None)
