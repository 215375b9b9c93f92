"""What KSeF refuses comes back through the operators with its code, its text, its meaning and a remedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_ksef.exceptions import KsefOperationError
from airflow_provider_ksef.operators.managing import ManagingOperator
from tests.emulator.entering import make
from tests.emulator.peer import Peer
from tests.emulator.signing import seal
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.managing_ways import connect_as
from tests.system.operator_context import context
from tests.system.permission_ways import answer_unfinished, asked, grant, held, revoke, sync, to_its_end
from tests.system.permitted import OFFICE, PERSON

TOLD = {
    400: ("Operacja zakończona niepowodzeniem", "KSeF does not say why: check the request"),
    410: ("Podane identyfikatory są niezgodne", "do not fit each other.* check that"),
    420: ("Użyte poświadczenia nie mają uprawnień", "lacks the permission: use one with CredentialsManage"),
    430: ("Kontekst identyfikatora nie odpowiada wymaganej roli", "context lacks the role: only bailiffs"),
    440: ("niedozwolona dla wskazanych powiązań", "not related so: the client must first let"),
    450: ("niedozwolona dla wskazanego identyfikatora", "identifier of this type: give another one"),
    500: ("Nieznany błąd", "failed for an unknown reason: try again later"),
    550: (
        r"Operacja została anulowana przez system \(Przetwarzanie zostało przerwane .*\)",
        "broke off: try again",
    ),
}
WAYS: dict[str, Callable[..., ManagingOperator]] = {
    "grant": grant,
    "revoke": lambda **more: revoke({**PERSON, "permissions": ["InvoiceRead"]}, **more),
    "sync": lambda **more: sync([{**PERSON, "permissions": ["InvoiceRead", "Introspection"]}], **more),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("code", TOLD)
def test_each_code_tells_ksefs_text_its_meaning_and_what_to_do(
    owned: EmulatorProcess, code: int, way: str
) -> None:
    """Each code in place and deferred, and so is each operator."""
    deferrable = bool((list(TOLD).index(code) + list(WAYS).index(way)) % 2)
    text, meaning = TOLD[code]
    if way == "revoke":
        grant().execute(context())
    before = held()
    owned.control("faults", kind="permission-status", code=code)
    if deferrable:
        answer_unfinished(owned)
    with pytest.raises(KsefOperationError, match=rf"status {code}: .*{text}.*\. .*{meaning}") as refused:
        to_its_end(WAYS[way](deferrable=deferrable), context())
    assert refused.value.code == code
    assert held() == before


def make_group(emulator: EmulatorProcess) -> None:
    members = [{"subjectNip": "7980332920", "description": "a member"}]
    group = {"subjectNip": NIP, "subjectType": "VatGroup", "description": "a VAT group", "subunits": members}
    make(Peer(emulator), "subject", **group)


BELOW: dict[str, Any] = {
    **PERSON,
    "kind": "subunit",
    "permissions": None,
    "context_identifier": {"type": "Nip", "value": "1111111111"},
}


def test_what_the_context_may_not_give_is_refused_without_any_fault(owned: EmulatorProcess) -> None:
    with pytest.raises(KsefOperationError, match=r"430: .*bailiffs"):
        grant({**PERSON, "permissions": ["EnforcementOperations"]}).execute(context())
    with pytest.raises(KsefOperationError, match=r"430: .*VAT groups and local governments"):
        grant(BELOW).execute(context())
    make_group(owned)
    with pytest.raises(KsefOperationError, match=r"410: .*the company below belongs to this context"):
        grant(BELOW).execute(context())
    assert asked(owned) == 3


def test_who_manages_only_parts_takes_no_other_permission_away(
    owned: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant(OFFICE).execute(context())
    helper = {**PERSON, "subject_identifier": {"type": "Nip", "value": "1111111111"}}
    grant({**helper, "permissions": ["SubunitManage"]}).execute(context())
    connect_as(monkeypatch, owned, seal("VATPL-1111111111"))
    with pytest.raises(KsefOperationError, match=r"420: .*use one with CredentialsManage"):
        revoke(OFFICE).execute(context())
    assert held() == {"InvoiceRead 1111111111", "SubunitManage 1111111111"}
