"""Sending a few invoices: what is sent how, what is refused before, what the operator gives."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, TaskDeferred

from airflow_provider_ksef.client.crypto import sha256_base64
from airflow_provider_ksef.exceptions import KsefApiError, KsefInputError
from airflow_provider_ksef.operators.online import KsefSendInvoicesOperator
from airflow_provider_ksef.tables.reading import read
from airflow_provider_ksef.triggers.moment import KsefMomentTrigger
from tests.emulator_process import EmulatorProcess
from tests.pef_document import pef_document
from tests.system.airflow_runs import OWN_DAGS, run_dag
from tests.system.client_ways import DEFAULT_SESSION, limit_sessions
from tests.system.conftest import openings, sample_invoices
from tests.system.operator_context import NotedState, context
from tests.system.test_submissions_kept import connect_offline
from tests.unit.client.test_verification_links import offline_credential

SENT = "POST /sessions/online/{referenceNumber}/invoices"


def operator(invoices: Path, **parameters: Any) -> KsefSendInvoicesOperator:
    return KsefSendInvoicesOperator(
        task_id="send", invoices=str(invoices), **{"poll_interval": 0.1, **parameters}
    )


@pytest.mark.parametrize("how", ["in_place", "deferred"])
def test_invoices_are_sent_through_airflow(connected: EmulatorProcess, outgoing: Path, how: str) -> None:
    run = run_dag(OWN_DAGS, f"send_{how}", {"invoices": f"{outgoing}/*.xml"})
    assert run.state == "success"
    result = run.xcom("send")
    assert {key: result[key] for key in ("code", "status", "invoice_count", "accepted", "rejected")} == {
        "code": 200,
        "status": "partly_accepted",
        "invoice_count": 25,
        "accepted": 23,
        "rejected": 2,
    }
    assert result["sessions"] == [result["session_reference_number"]]
    assert {Path(rejection["file"]).parent for rejection in result["rejections"]} == {outgoing}
    assert connected.requests()[SENT] == 25


def test_rejected_invoices_fail_the_task_after_it_has_told(
    connected: EmulatorProcess, outgoing: Path
) -> None:
    made = context()
    with pytest.raises(AirflowFailException, match="KSeF rejected 2 of 25"):
        operator(outgoing).execute(made)
    assert made["ti"].pushed["result"]["rejected"] == 2


def test_a_rejected_offline_invoice_is_corrected(
    connected: EmulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_offline(monkeypatch, offline_credential("secp256r1"))
    right = sample_invoices(tmp_path / "right", count=1) / "FV-0001.xml"
    wrong = tmp_path / "wrong.xml"
    wrong.write_bytes(right.read_bytes().replace(b"P_15>", b"P_99>"))
    given: dict[str, Any] = {"offline_mode": True, "tables_path": str(tmp_path / "tables")}
    given["offline_conn_id"] = "ksef_offline"
    rejected = operator(wrong, on_rejected="warn", **given).execute(context())
    assert rejected["rejected"] == 1
    of_wrong = sha256_base64(wrong.read_bytes())
    corrected = operator(right, hash_of_corrected_invoice=of_wrong, **given).execute(context())
    assert corrected["accepted"] == 1
    of_right = sha256_base64(right.read_bytes())
    with pytest.raises(KsefApiError, match="21167"):
        operator(right, hash_of_corrected_invoice=of_right, **given).execute(context())
    rows = read("submissions", tmp_path / "tables").to_pylist()
    told = {(row["state"], row["status_code"], row["hash_of_corrected_invoice"]) for row in rows}
    assert told == {("rejected", 450, None), ("accepted", 200, of_wrong), ("unprocessed", 21167, of_right)}
    assert all("/certificate/" in row["certificate_url"] for row in rows)


def test_a_pef_invoice_is_sent(connected: EmulatorProcess, tmp_path: Path) -> None:
    file = tmp_path / "pef.xml"
    file.write_bytes(pef_document())
    tables = tmp_path / "tables"
    result = operator(file, form_code="PEF (3)", tables_path=str(tables)).execute(context())
    assert result["accepted"] == 1
    (row,) = read("submissions", tables).to_pylist()
    assert (row["state"], row["form_code"], row["invoice_number"]) == ("accepted", "PEF (3)", "PEF/1")


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"form_code": "FA(3)"}, "form_code"),
        ({"hash_of_corrected_invoice": "x" * 44}, "offline_mode"),
        ({"hash_of_corrected_invoice": "short", "offline_mode": True}, "hash_of_corrected_invoice"),
    ],
)
def test_what_ksef_would_refuse_is_refused_before_anything_is_sent(
    connected: EmulatorProcess, tmp_path: Path, parameters: dict[str, Any], field: str
) -> None:
    with pytest.raises(KsefInputError) as refused:
        operator(sample_invoices(tmp_path / "two", count=2), **parameters).execute(context())
    assert refused.value.field == field
    assert connected.requests() == {}


def test_a_correction_of_two_files_is_none(connected: EmulatorProcess, tmp_path: Path) -> None:
    task = operator(
        sample_invoices(tmp_path / "two", count=2), hash_of_corrected_invoice="x" * 44, offline_mode=True
    )
    with pytest.raises(KsefInputError, match="invoices='2 files': a technical correction is one invoice"):
        task.execute(context())
    assert openings(connected) == []


@pytest.fixture
def with_wrong(tmp_path: Path) -> Path:
    """Two right invoices, a copy of one, and one that is cut."""
    folder = sample_invoices(tmp_path / "outgoing", count=2)
    right = (folder / "FV-0001.xml").read_bytes()
    (folder / "copy.xml").write_bytes(right)
    (folder / "cut.xml").write_bytes(right[:-20])
    return folder


def test_one_wrong_file_stops_all_and_the_report_tells_of_each(
    connected: EmulatorProcess, with_wrong: Path
) -> None:
    given = context()
    with pytest.raises(KsefInputError, match=r"copy\.xml: is a copy of .*FV-0001\.xml"):
        operator(with_wrong).execute(given)
    report = given["ti"].pushed["check_report"]
    assert {Path(each["file"]).name for each in report["problems"]} == {"copy.xml", "cut.xml"}
    assert connected.requests() == {}


def test_wrong_files_are_left_out_where_that_is_wanted(
    connected: EmulatorProcess, with_wrong: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "rejected"
    result = operator(with_wrong, on_invalid="skip", rejected_path=str(kept)).execute(context())
    assert (result["invoice_count"], result["accepted"]) == (2, 2)
    assert sorted(path.name for path in kept.glob("*.xml")) == ["copy.xml", "cut.xml"]


def test_a_dry_run_checks_and_sends_nothing(connected: EmulatorProcess, with_wrong: Path) -> None:
    report = operator(with_wrong, dry_run=True, on_invalid="skip").execute(context())
    assert (report["valid"], report["invalid"], report["session_count"]) == (2, 2, 1)
    with pytest.raises(KsefInputError, match="2 of 4 files"):
        operator(with_wrong, dry_run=True).execute(context())
    with pytest.raises(KsefInputError, match="1 of 1 files"):
        operator(with_wrong / "cut.xml", dry_run=True, on_invalid="skip").execute(context())
    assert connected.requests() == {}


def test_rejected_files_are_not_kept_among_those_that_are_sent(
    connected: EmulatorProcess, with_wrong: Path
) -> None:
    with pytest.raises(KsefInputError, match="rejected_path"):
        operator(with_wrong, rejected_path=str(with_wrong)).execute(context())
    assert connected.requests() == {}


def test_a_pef_invoice_of_another_seller_is_refused(connected: EmulatorProcess, tmp_path: Path) -> None:
    file = tmp_path / "pef.xml"
    file.write_bytes(pef_document(seller="1130405061"))
    with pytest.raises(KsefInputError, match=r"the seller is 1130405061.*invoice\.other-seller"):
        operator(file, form_code="PEF (3)").execute(context())
    assert connected.requests() == {}


def test_a_full_session_is_followed_by_another(connected: EmulatorProcess, tmp_path: Path) -> None:
    limit_sessions(connected, online=replace(DEFAULT_SESSION, max_invoices=2))
    result = operator(sample_invoices(tmp_path / "outgoing", count=5)).execute(context())
    assert (result["accepted"], len(result["sessions"])) == (5, 3)
    assert connected.requests()["POST /sessions/online/{referenceNumber}/close"] == 3


def test_the_pace_that_ksef_allows_is_told(
    connected: EmulatorProcess, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rates = {"invoiceSend": {"perSecond": 10, "perMinute": 30, "perHour": 40}}
    connected.control("faults", method="GET", path="/rate-limits", times=1, status=200, body=rates)
    operator(sample_invoices(tmp_path / "outgoing", count=41)).execute(context())
    assert "41 invoices take 60 minutes or more" in caplog.text


@pytest.mark.parametrize("has_state", [True, False])
def test_a_long_wait_for_ksef_leaves_the_worker_and_sending_goes_on_after_it(
    connected: EmulatorProcess, tmp_path: Path, has_state: bool
) -> None:
    folder = sample_invoices(tmp_path / "outgoing", count=3)
    too_many = {"status": 429, "headers": {"Retry-After": "900"}}
    connected.control("faults", method="POST", path="/invoices$", times=1, **too_many)
    state = NotedState() if has_state else None
    with pytest.raises(TaskDeferred) as deferred:
        operator(folder, deferrable=True).execute(context(state))
    trigger = deferred.value.trigger
    assert isinstance(trigger, KsefMomentTrigger)
    assert 890 < trigger.moment - time.time() <= 900
    event = {"reference_number": trigger.reference_number, "code": None, "error": None}
    woken = operator(folder, wait_for_completion=False)
    result = woken.execute_complete(context(state), {**event, "resume": trigger.resume})
    assert result["invoice_count"] == 3
    assert connected.requests()["POST /sessions/online"] == 1
    assert connected.requests()[SENT] == 3 + 1


def test_without_deferral_a_long_wait_reschedules(connected: EmulatorProcess, tmp_path: Path) -> None:
    too_many = {"status": 429, "headers": {"Retry-After": "900"}}
    connected.control("faults", method="POST", path="/invoices$", times=1, **too_many)
    folder, state = sample_invoices(tmp_path / "outgoing", count=2), NotedState()
    with pytest.raises(AirflowRescheduleException) as left:
        operator(folder).execute(context(state))
    assert 890 < left.value.reschedule_date.timestamp() - time.time() <= 900
    result = operator(folder, wait_for_completion=False).execute(context(state))
    assert result["invoice_count"] == 2
    assert connected.requests()["POST /sessions/online"] == 1


def test_not_waiting_gives_the_session(connected: EmulatorProcess, tmp_path: Path) -> None:
    folder = sample_invoices(tmp_path / "outgoing", count=2)
    result = operator(folder, wait_for_completion=False).execute(context())
    assert (result["invoice_count"], result["accepted"], result["status"]) == (2, None, None)
    assert result["sessions"] == [result["session_reference_number"]]


@pytest.mark.parametrize(
    ("field", "value"),
    [("on_rejected", "ignore"), ("on_invalid", "ignore"), ("poll_interval", 0), ("timeout", -1)],
)
def test_an_impossible_parameter_is_refused_when_the_dag_is_parsed(field: str, value: Any) -> None:
    with pytest.raises(KsefInputError, match=field):
        operator(Path("x.xml"), **{field: value})
