"""Who sees which sessions of a context."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.errors import ApiError, Problem
from airflow_provider_ksef.emulator.routes.lookup import own_session, sees_whole_context
from airflow_provider_ksef.emulator.settings import Settings
from airflow_provider_ksef.emulator.store.sessions import SessionFilter
from tests.emulator.test_upo import SESSION

OPENER = "Pesel:30112206276"


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    emulator = Emulator(Settings(), tmp_path)
    emulator.sessions.add(replace(SESSION, subject=OPENER))
    yield emulator
    emulator.close()


def caller(subject: str, *permissions: str, context: str = SESSION.context) -> Any:
    return SimpleNamespace(context=context, subject=subject, permissions=permissions)


@pytest.mark.parametrize("permission", ["Owner", "Introspection", "EnforcementOperations"])
def test_some_see_all_sessions_of_the_context(emulator: Emulator, permission: str) -> None:
    other = caller("Nip:1130405061", permission)
    assert sees_whole_context(other)
    assert own_session(emulator, SESSION.reference, other).subject == OPENER


@pytest.mark.parametrize("permission", ["InvoiceWrite", "PefInvoiceWrite", "InvoiceRead"])
def test_others_see_their_own(emulator: Emulator, permission: str) -> None:
    assert own_session(emulator, SESSION.reference, caller(OPENER, permission)).subject == OPENER
    for stranger in (caller("Nip:1130405061", permission), caller(OPENER, "Owner", context="Nip:1130405061")):
        with pytest.raises(Problem) as refused:
            own_session(emulator, SESSION.reference, stranger)
        assert refused.value.status == 403
        assert refused.value.extra == {"reasonCode": "insufficient-resource-access"}


def test_what_is_not_there_is_told_before_who_asks(emulator: Emulator) -> None:
    with pytest.raises(ApiError) as refused:
        own_session(emulator, SESSION.reference[:-1] + "Z", caller("Nip:1130405061"))
    assert refused.value.code == 21173


def test_a_list_holds_those_of_a_subject(emulator: Emulator) -> None:
    emulator.sessions.add(replace(SESSION, reference="20260901-SO-1A2B3C6000-0F1E2D3C4E-00", subject="Nip:1"))

    def listed(subject: str | None) -> int:
        return len(emulator.sessions.select(SESSION.context, SessionFilter("Online", subject), 0, 10))

    assert (listed(None), listed(OPENER), listed("Nip:2")) == (2, 1, 0)
