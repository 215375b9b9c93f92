"""What somebody may do in a context, whatever was given to whom; and grants that a stopped emulator began."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.entitlements import permissions_in
from airflow_provider_ksef.emulator.grant_rules import judge_revocation
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.permission_views import personal, state_of
from airflow_provider_ksef.emulator.permission_work import Give, begin
from airflow_provider_ksef.emulator.resuming import resume_work
from airflow_provider_ksef.emulator.settings import Settings
from airflow_provider_ksef.emulator.store.grants import ALL_PARTNERS, Grant, GrantKind, new_id

COMPANIES = [Identity("Nip", nip) for nip in ("5250001210", "1130405061", "1111111111")]
PEOPLE = [Identity("Pesel", "30112206276"), Identity("Fingerprint", "A" * 64)]
PERMISSIONS = ("InvoiceRead", "InvoiceWrite")


@contextmanager
def emulated(settings: Settings, folder: Path) -> Iterator[Emulator]:
    emulator = Emulator(settings, folder)
    yield emulator
    emulator.close()


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """An emulator without web server."""
    with tempfile.TemporaryDirectory() as folder, emulated(Settings(), Path(folder)) as emulator:
        yield emulator


def grant_of(
    kind: GrantKind,
    giver: Identity,
    place: Identity,
    taker: Identity,
    permission: str,
    *,
    can_delegate: bool = False,
) -> Grant:
    return Grant(new_id(), kind, giver, place, taker, permission, can_delegate, giver, "na próbę", 1)


company, permission = st.sampled_from(COMPANIES), st.sampled_from(PERMISSIONS)
by_hand = st.builds(
    lambda giver, taker, permission: grant_of(GrantKind.PERSON, giver, giver, taker, permission),
    company,
    st.sampled_from(PEOPLE),
    permission,
)
to_company = st.builds(
    lambda pair, permission, can_delegate: grant_of(
        GrantKind.ENTITY, pair[0], pair[0], pair[1], permission, can_delegate=can_delegate
    ),
    st.permutations(COMPANIES),
    permission,
    st.booleans(),
)
passed_on = st.builds(
    lambda giver, place, taker, permission: grant_of(GrantKind.INDIRECT, giver, place, taker, permission),
    company,
    st.sampled_from([*COMPANIES, ALL_PARTNERS]),
    st.sampled_from(PEOPLE),
    permission,
)


def expected(grants: list[Grant], context: Identity, subject: Identity) -> set[str]:
    """The rule in other words: what was given there, and what reaches from there through an intermediary."""
    there = [each for each in grants if each.granted_in == each.holds_in == context]
    offices = {(each.authorized, each.permission) for each in there if each.can_delegate}
    return {
        each.permission
        for each in grants
        if each.authorized == subject
        and (
            each in there
            if each.kind is not GrantKind.INDIRECT
            else each.holds_in in (context, ALL_PARTNERS) and (each.granted_in, each.permission) in offices
        )
    }


@given(st.lists(st.one_of(by_hand, to_company, passed_on), max_size=12, unique_by=lambda each: each.id))
def test_who_may_do_what_follows_from_the_grants_alone(emulator: Emulator, grants: list[Grant]) -> None:
    emulator.database.execute("DELETE FROM permission_grants")
    emulator.grants.add(grants)
    kept = emulator.grants.select()
    for context in COMPANIES:
        for subject in (*PEOPLE, *COMPANIES):
            held = permissions_in(context, subject, emulator.taxpayers, emulator.grants)
            if subject == context:
                assert held == ("Owner",)
                continue
            assert set(held) == expected(kept, context, subject)
            caller: Any = SimpleNamespace(
                context_identity=context, subject=str(subject), permissions=held, context=str(context)
            )
            told = [each for each in personal(emulator, caller) if _is_for(each, context)]
            active = {each.permission for each in told if state_of(emulator, each) == "Active"}
            assert set(held) <= active


def _is_for(grant: Grant, context: Identity) -> bool:
    return grant.kind is not GrantKind.INDIRECT or grant.granted_in != context


@given(st.lists(st.one_of(by_hand, to_company, passed_on), min_size=1, max_size=12))
def test_who_takes_back_what_was_given_leaves_nothing(emulator: Emulator, grants: list[Grant]) -> None:
    emulator.database.execute("DELETE FROM permission_grants")
    emulator.grants.add(grants)
    for each in emulator.grants.select():
        assert judge_revocation(each, each.granted_in, ("Owner",)) == 200
        outsiders = [other for other in COMPANIES if other not in (each.granted_in, each.holds_in)]
        assert [judge_revocation(each, other, ("Owner",)) for other in outsiders] == [410] * len(outsiders)
        emulator.grants.remove(each.id)
    for context in COMPANIES:
        for subject in PEOPLE:
            assert permissions_in(context, subject, emulator.taxpayers, emulator.grants) == ()


def test_a_grant_that_was_begun_is_given_after_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    wanted = grant_of(GrantKind.PERSON, COMPANIES[0], COMPANIES[0], PEOPLE[0], "InvoiceRead")
    caller: Any = SimpleNamespace(context=str(COMPANIES[0]))
    with emulated(Settings(state=state, delay=3600), tmp_path) as emulator:
        reference = begin(emulator, caller, Give([wanted]))
        assert emulator.grants.select() == []
    with emulated(Settings(state=state), tmp_path) as emulator:
        resume_work(emulator)
        deadline = time.monotonic() + 20
        while (operation := emulator.operations.get(reference)) and operation.code == 100:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert emulator.grants.select() == [wanted]
