"""Operators for test data and collective identifiers, and secrets that go into an Airflow connection."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_ksef.client import permission_queries, test_data
from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.operators.collective_identifier import KsefCollectiveIdentifierOperator
from airflow_provider_ksef.operators.test_data import KsefTestDataOperator
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.airflow_runs import EXAMPLES, run_dag
from tests.system.conftest import seed
from tests.system.managing_ways import connect_as
from tests.system.operator_context import context
from tests.system.permitted import PESEL

GROUP: dict[str, Any] = {
    "action": "create_subject",
    "subject_nip": NIP,
    "subject_type": "VatGroup",
    "description": "a VAT group",
    "subunits": [{"subject_nip": "7980332920", "description": "a member"}],
}
STEPS = [
    GROUP,
    {"action": "create_person", "nip": "1111111111", "pesel": PESEL, "description": "sole trader"},
    {
        "action": "grant_permissions",
        "context_nip": NIP,
        "authorized_identifier": {"type": "Pesel", "value": PESEL},
        "permissions": ["InvoiceRead"],
        "description": "reads invoices",
    },
    {"action": "grant_attachment", "nip": NIP},
    {"action": "block_context", "context": {"type": "Nip", "value": "1111111111"}},
    {"action": "unblock_context", "context": {"type": "Nip", "value": "1111111111"}},
]


def make(steps: list[dict[str, Any]]) -> dict[str, Any]:
    return KsefTestDataOperator(task_id="make", steps=steps).execute(context())


def test_test_data_are_made_and_what_is_there_is_success(
    connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = make(STEPS)
    assert told["already"] == []
    assert told["done"][:2] == [f"create_subject {NIP}", "create_person 1111111111"]
    assert make(STEPS[:2]) == {"done": [], "already": told["done"][:2]}
    connect_as(monkeypatch, connected)
    with KsefHook().get_conn() as ksef:
        (role,) = ksef.run(permission_queries.query_entities_roles())
    assert role.role == "VatGroupUnit"


@pytest.mark.parametrize("host", ["https://api.ksef.mf.gov.pl/v2", "https://api-demo.ksef.mf.gov.pl/v2"])
def test_production_is_refused_before_anything_is_sent(
    connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", connected.connection(host=host))
    with pytest.raises(KsefInputError, match="has no test data"):
        make(STEPS)
    stands_for = connected.connection(extra={"environment": "production"})
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", stands_for)
    with pytest.raises(KsefInputError, match="has no test data"):
        make(STEPS)
    assert connected.requests() == {}


def test_an_address_that_may_be_any_ksefs_is_refused_unless_the_connection_says_test(
    connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy of KSeF answers without the emulator's sign, as an ordered answer does."""
    keys = "/security/public-key-certificates"
    connected.control("faults", method="GET", path=f"{keys}$", status=200, body=[], times=2)
    with pytest.raises(KsefInputError, match=r"environment=None: is not set .*\"environment\": \"test\""):
        make(STEPS)
    with KsefHook().get_conn() as ksef:
        environment = ksef.settings.environment
        with pytest.raises(KsefInputError, match="environment=None: is not set"):
            ksef.run(test_data.remove_person(environment, "1111111111"))
    assert connected.requests() == {f"GET {keys}": 2}
    named = connected.connection(extra={"environment": "test"})
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", named)
    assert make(STEPS)["already"] == []
    assert connected.requests()[f"GET {keys}"] == 2


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ({"action": "create"}, r"steps\[0\]\.action='create'"),
        ({**GROUP, "subject": 1}, r"steps\[0\]\.subject=None: is no parameter"),
        ({"action": "create_subject"}, r"steps\[0\]\.subject_nip=None: is missing"),
        ({**GROUP, "subject_nip": 5250001210}, "quotation marks"),
        ({**GROUP, "subject_nip": "5250001211"}, r"steps\[0\]\.subject_nip='5250001211'"),
        ({**GROUP, "created_date": "yesterday"}, r"steps\[0\]\.created_date='yesterday': is no moment"),
        ({**GROUP, "subunits": [{"nip": "1"}]}, r"steps\[0\]\.subunits\[0\]="),
        (
            {**GROUP, "subunits": [{"subject_nip": "5250001211", "description": "a member"}]},
            r"steps\[0\]\.subunits\[0\]\.subject_nip='5250001211'",
        ),
        (
            {**STEPS[2], "authorized_identifier": {"type": "Pesel", "value": "30112206277"}},
            r"steps\[0\]\.authorized_identifier\.value='30112206277'",
        ),
        (
            {**STEPS[4], "context": {"type": "Nip", "value": "5250001211"}},
            r"steps\[0\]\.context\.value='5250001211': has a wrong checksum",
        ),
        (
            {**STEPS[4], "context": {"type": "InternalId", "value": f"{NIP}-00001"}},
            r"steps\[0\]\.context\.value='5250001210-00001'",
        ),
        ({**STEPS[4], "context": {"type": "PESEL", "value": PESEL}}, r"steps\[0\]\.context\.type='PESEL'"),
        ({**STEPS[1], "is_bailiff": "false"}, r"steps\[0\]\.is_bailiff='false': is not true or false"),
    ],
)
def test_a_wrong_step_is_told_when_the_dag_is_parsed(step: dict[str, Any], told: str) -> None:
    with pytest.raises(KsefInputError, match=told):
        KsefTestDataOperator(task_id="make", steps=[step])


def collect(invoices: list[Any]) -> dict[str, Any]:
    return KsefCollectiveIdentifierOperator(task_id="collect", ksef_numbers=invoices).execute(context())


def test_invoices_get_one_identifier_however_often_it_is_asked_for(connected: EmulatorProcess) -> None:
    seed(connected, 3, subject_type="Subject1")
    numbers = connected.ksef_numbers(subject_type="Subject1")
    told = collect(numbers)
    assert (told["status"], told["invoice_count"]) == ("generated", 3)
    assert collect(numbers[::-1]) == {**told, "status": "already"}
    assert collect(numbers[:2])["status"] == "generated"
    paid = [{"ksef_number": number, "payment": {"amount": "12.30", "currency": "PLN"}} for number in numbers]
    with_payment = collect(paid)
    assert with_payment["status"] == "generated"
    assert collect(paid) == {**with_payment, "status": "already"}


def test_the_numbers_may_come_from_a_mapped_task(connected: EmulatorProcess) -> None:
    seed(connected, 2, subject_type="Subject1")
    numbers = connected.ksef_numbers(subject_type="Subject1")
    run = run_dag(EXAMPLES / "ksef_collected.py", "ksef_collected", {"numbers": numbers})
    assert run.state == "success"
    assert collect(numbers) == {**run.xcom("collect"), "status": "already"}


def test_wrong_invoices_are_told_when_the_dag_is_parsed() -> None:
    number = "5250001210-20260901-0A1B2C000000-C6"
    for wrong, told in (
        (["x"], r"ksef_numbers\[0\]\.ksef_number='x'"),
        ([{"ksef_number": number, "payment": {"amount": 1.1, "currency": "PLN"}}], "not exact"),
        ([{"number": number}], r"ksef_numbers\[0\]=.*is no invoice"),
        ([number], r"ksef_numbers=1: .* 2 to 5000"),
        ([number, number], r"ksef_numbers=.* are there twice"),
    ):
        with pytest.raises(KsefInputError, match=told):
            KsefCollectiveIdentifierOperator(task_id="collect", ksef_numbers=wrong)
