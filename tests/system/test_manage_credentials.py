"""Operators that make and revoke tokens and certificates, and tell when they end; kills lose nothing."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_ksef.exceptions import KsefInputError, KsefTransportError
from airflow_provider_ksef.operators.certificates import KsefRevokeCertificateOperator
from airflow_provider_ksef.operators.secret_sinks import FileSink, NewSecret
from airflow_provider_ksef.operators.tokens import KsefRevokeTokenOperator
from airflow_provider_ksef.sensors.expiry import KsefCertificateExpirySensor, KsefTokenExpirySensor
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.airflow_runs import EXAMPLES, run_dag
from tests.system.credential_ways import (
    SOON,
    KilledError,
    active_certificates,
    active_tokens,
    enroll,
    generate,
    lets_in,
    rotate,
)
from tests.system.managing_ways import connect_as
from tests.system.operator_context import NotedState, context
from tests.system.secret_search import assert_none_below, private_key_spellings, token_spellings
from tests.system.test_triggers import event_of


class FunctionSink:
    """A function that keeps secrets; a kill may be ordered before or after it has done so."""

    def __init__(self) -> None:
        self.kept: list[NewSecret] = []
        self.kills: list[str] = []

    def __call__(self, secret: NewSecret) -> None:
        kill = self.kills.pop() if self.kills else ""
        if kill == "before":
            raise KilledError
        self.kept.append(secret)
        if kill == "after":
            raise KilledError


def test_a_token_is_made_once_and_lets_in(owned: EmulatorProcess, tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "token")
    made = generate(sink).execute(context())
    assert made["status"] == "generated"
    assert lets_in(sink.read())
    again = generate(sink).execute(context())
    assert again == {"status": "already", "token_reference_number": made["token_reference_number"]}
    other = generate(sink, permissions=["InvoiceRead", "Introspection"]).execute(context())
    assert active_tokens() == {made["token_reference_number"], other["token_reference_number"]}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["token", "certificate"])
def test_a_kill_around_the_saving_leaves_one_that_works(owned: EmulatorProcess, kind: str, when: str) -> None:
    sink, state = FunctionSink(), NotedState()
    make, active = (generate, active_tokens) if kind == "token" else (enroll, active_certificates)
    sink.kills = [when]
    with pytest.raises(KilledError):
        make(sink).execute(context(state))
    assert len(active()) == 1
    done = make(sink).execute(context(state))
    assert done["status"] in ("generated", "enrolled")
    assert len(active()) == 1
    assert lets_in(sink.kept[-1])
    assert state == {}
    assert make(sink).execute(context(state))["status"] == "already"


@pytest.mark.parametrize("kind", ["token", "certificate"])
def test_what_came_without_an_answer_is_revoked_once_there_is_another(
    owned: EmulatorProcess, kind: str, tmp_path: Path
) -> None:
    sink, state = FileSink(tmp_path / "secret"), NotedState()
    make, active = (generate, active_tokens) if kind == "token" else (enroll, active_certificates)
    path = "/tokens$" if kind == "token" else "/certificates/enrollments$"
    owned.control("faults", method="POST", path=path, times=1, drop="after")
    with pytest.raises(KsefTransportError):
        make(sink).execute(context(state))
    time.sleep(0.5)
    assert len(active()) == 1
    make(sink).execute(context(state))
    assert len(active()) == 1
    assert lets_in(sink.read())


def test_a_token_is_revoked_once_in_place_or_deferred(slowly_owned: EmulatorProcess, tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "token")
    reference = generate(sink).execute(context())["token_reference_number"]
    revoke = KsefRevokeTokenOperator(
        task_id="revoke", token_reference_number=reference, deferrable=True, poll_interval=0.2
    )
    with pytest.raises(TaskDeferred) as deferred:
        revoke.execute(context())
    trigger: Any = deferred.value.trigger
    event = event_of(trigger)
    assert event["code"] == 200
    assert revoke.execute_complete(context(), event)["status"] == "revoked"
    assert revoke.execute(context())["status"] == "already"
    assert not lets_in(sink.read())


def test_a_certificate_is_enrolled_once_and_revoked_once(owned: EmulatorProcess, tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "pem")
    made = enroll(sink, key_type="RSA-2048").execute(context())
    serial = made["certificate_serial_number"]
    assert made["status"] == "enrolled"
    assert lets_in(sink.read())
    assert enroll(sink).execute(context())["status"] == "already"
    revoke = KsefRevokeCertificateOperator(task_id="revoke", certificate_serial_number=serial)
    assert revoke.execute(context())["status"] == "revoked"
    assert revoke.execute(context()) == {
        "status": "already",
        "certificate_serial_number": serial,
        "certificate_status": "Revoked",
    }
    assert enroll(sink).execute(context())["status"] == "enrolled"


def test_expiry_is_told_in_time(owned: EmulatorProcess, tmp_path: Path) -> None:
    certificate = enroll(FileSink(tmp_path / "pem")).execute(context())
    token = generate(FileSink(tmp_path / "token")).execute(context())
    for within, is_done in ((timedelta(days=30), False), (SOON, True)):
        for sensor in (
            KsefCertificateExpirySensor(task_id="s", within=within),
            KsefTokenExpirySensor(task_id="s", within=within, description="for the sync"),
        ):
            assert sensor.poke(context()).is_done is is_done
            sensor.deferrable = True
            if is_done:
                assert sensor.execute(context())["expiring"]
                continue
            with pytest.raises(TaskDeferred) as waiting:
                sensor.execute(context())
            assert waiting.value.trigger.moment - time.time() == pytest.approx(6 * 3600, abs=60)
    (told,) = KsefCertificateExpirySensor(task_id="s", within=SOON).poke(context()).xcom_value["expiring"]
    assert told["certificate_serial_number"] == certificate["certificate_serial_number"]
    assert 728 <= told["days_left"] <= 730
    none = KsefCertificateExpirySensor(task_id="s", within=SOON, certificate_type="Offline")
    assert not none.poke(context()).is_done
    old = KsefTokenExpirySensor(
        task_id="s", max_age=timedelta(0), within=timedelta(0), description="for the sync"
    )
    (told,) = old.poke(context()).xcom_value["expiring"]
    assert told["token_reference_number"] == token["token_reference_number"]
    assert datetime.fromisoformat(told["expires"]) < datetime.now(UTC)


def test_what_is_wrong_is_told_when_the_dag_is_parsed_or_before_ksef_is_asked(
    owned: EmulatorProcess, tmp_path: Path
) -> None:
    with pytest.raises(KsefInputError, match="sink"):
        generate("/data/secret")
    with pytest.raises(KsefInputError, match="has 4 characters"):
        generate(FileSink(tmp_path / "x"), description="four")
    with pytest.raises(KsefInputError, match="key_type"):
        enroll(FileSink(tmp_path / "x"), key_type="EC P-384")
    missing = FileSink(tmp_path / "missing" / "x")
    with pytest.raises(KsefInputError, match="can be written to"):
        enroll(missing).execute(context())
    with pytest.raises(KsefInputError, match="can be written to"):
        generate(missing).execute(context())
    assert owned.requests() == {}


def test_no_token_is_asked_for_where_ksef_makes_none(
    emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    connect_as(monkeypatch, emulator, login=f"{NIP}-DE123456789", context_type="NipVatUe")
    with pytest.raises(KsefInputError, match="context_type='NipVatUe'"):
        generate(FileSink(tmp_path / "x")).execute(context())
    assert emulator.requests() == {}


def test_a_login_by_token_is_told_before_ksef_is_asked(connected: EmulatorProcess, tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "x")
    revoke = KsefRevokeCertificateOperator(task_id="r", certificate_serial_number="01F20A5D352AE590")
    for task in (generate(sink), enroll(sink), rotate(sink), revoke):
        with pytest.raises(KsefInputError, match="ksef_conn_id='ksef_default': logs in by a KSeF token"):
            task.execute(context())
    assert connected.requests() == {}
    assert list(tmp_path.iterdir()) == []


def test_the_example_rotates_and_no_secret_is_left_in_airflow(
    owned: EmulatorProcess,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    airflow_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dag_id = "example_ksef_credentials"
    monkeypatch.setenv("KSEF_SECRETS", str(tmp_path))
    run = run_dag(EXAMPLES / f"{dag_id}.py", dag_id, {})
    assert run.state == "success"
    assert run.xcom("certificate")["status"] == "rotated"
    certificate, token = FileSink(tmp_path / "ksef.pem").read(), FileSink(tmp_path / "ksef.token").read()
    assert certificate is not None
    assert token is not None
    assert lets_in(token)
    secrets = private_key_spellings(certificate.private_key) | token_spellings(token.token)
    printed = capfd.readouterr()
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "printed").write_text(printed.out + printed.err)
    assert "'rotated'" in printed.out + printed.err
    assert_none_below(secrets, tmp_path / "log")
    assert_none_below(secrets, airflow_home)
