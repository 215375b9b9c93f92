"""What a sink keeps of a secret that is still to come: deferral, other wants, refusals, other sinks."""

from __future__ import annotations

import json
import stat
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.client.certificate_enrollment import EnrollmentStatus
from airflow_provider_ksef.exceptions import KsefInputError, KsefStatusError, KsefTransportError
from airflow_provider_ksef.operators import pending_applications
from airflow_provider_ksef.operators.certificates import KsefRevokeCertificateOperator
from airflow_provider_ksef.operators.connection_sink import AirflowConnectionSink
from airflow_provider_ksef.operators.pending_secrets import PendingSecret
from airflow_provider_ksef.operators.secret_sinks import FileSink, NewSecret
from tests.emulator.signing import seal
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.airflow_runs import EXAMPLES, run_dag
from tests.system.credential_ways import (
    SOON,
    active_certificates,
    active_tokens,
    applications,
    enroll,
    generate,
    lets_in,
    rotate,
    run_deferred,
)
from tests.system.managing_ways import connect_as
from tests.system.operator_context import NotedState, context
from tests.system.secret_search import (
    assert_none,
    assert_none_below,
    private_key_spellings,
    token_spellings,
)

DEFERRED: dict[str, Any] = {"deferrable": True, "poll_interval": 0.2}
MAKERS = {"token": (generate, active_tokens), "certificate": (enroll, active_certificates)}
REFERENCE = "20260901-EH-1A2B3C7000-0F1E2D3C4E-78"


IDENTIFIER = {"type": "Nip", "value": NIP}
AT_WORK: dict[str, tuple[str, dict[str, Any]]] = {
    "token": (
        "/tokens/[^/]+$",
        {
            "referenceNumber": REFERENCE,
            "authorIdentifier": IDENTIFIER,
            "contextIdentifier": IDENTIFIER,
            "description": "for the sync",
            "requestedPermissions": ["InvoiceRead"],
            "dateCreated": "2026-09-01T00:00:00Z",
            "status": "Pending",
            "statusDetails": [],
        },
    ),
    "certificate": (
        "/certificates/enrollments/[0-9][^/]+$",
        {"requestDate": "2026-09-01T00:00:00Z", "status": {"code": 100, "description": "x"}},
    ),
}


class KilledError(BaseException):
    """As if the worker had been killed there."""


class OwnSink:
    """What a user may have written before there were pending secrets."""

    can_tell = True

    def __init__(self) -> None:
        self.kept: NewSecret | None = None

    def check(self) -> None:
        pass

    def read(self) -> NewSecret | None:
        return self.kept

    def save(self, secret: NewSecret) -> None:
        self.kept = secret


@pytest.fixture
def owned(connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch) -> EmulatorProcess:
    """An emulator that takes its time, and a connection by the company's seal that leads there."""
    connect_as(monkeypatch, connected)
    monkeypatch.setattr(pending_applications, "LOOKING_SECONDS", 0.1)
    return connected


@pytest.fixture
def sink(tmp_path: Path) -> FileSink:
    return FileSink(tmp_path / "secret")


def kill_at(
    monkeypatch: pytest.MonkeyPatch, operator: Any, where: str, state: NotedState | None = None
) -> None:
    """Kill a task where it would do something for the first time: in place, and before it is done."""

    def killed(*_: object, **__: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(FileSink, where, killed)
        with pytest.raises(KilledError):
            operator.execute(context(state))


@pytest.mark.parametrize("kind", MAKERS)
def test_a_deferred_task_finds_its_secret_in_the_sink_and_nowhere_else(
    owned: EmulatorProcess, sink: FileSink, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, active = MAKERS[kind]
    kept: list[PendingSecret] = []
    keep = FileSink.keep_pending

    def keeping(to: FileSink, pending: PendingSecret) -> None:
        keep(to, pending)
        kept.append(pending)
        assert stat.S_IMODE((tmp_path / "secret.pending").stat().st_mode) == 0o600

    monkeypatch.setattr(FileSink, "keep_pending", keeping)
    state, (path, body) = NotedState(), AT_WORK[kind]
    owned.control("faults", method="GET", path=path, times=1, status=200, body=body)
    made, deferrals = run_deferred(make(sink, **DEFERRED), context(state))
    assert made["status"] in ("generated", "enrolled")
    assert len(deferrals) == 1
    assert active() == {made.get("token_reference_number") or made["certificate_serial_number"]}
    assert lets_in(sink.read())
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("secret")] == ["secret"]
    assert state == {}
    token, key = kept[-1].token, kept[-1].private_key
    secrets = token_spellings(token) if token else private_key_spellings(key)
    assert_none(secrets, "the deferral", json.dumps([deferrals, made]).encode())
    assert token not in repr(kept[-1]) or not token


def test_a_rotation_by_dag_test_is_deferred_and_leaves_no_secret(
    owned: EmulatorProcess,
    tmp_path: Path,
    airflow_home: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dag_id = "ksef_credentials_deferred"
    monkeypatch.setenv("KSEF_SECRETS", str(tmp_path))
    secrets: set[bytes] = set()
    for statuses in (("rotated", "generated"), ("rotated", "already")):
        run = run_dag(EXAMPLES / f"{dag_id}.py", dag_id, {})
        assert run.state == "success"
        assert (run.xcom("certificate")["status"], run.xcom("token")["status"]) == statuses
        certificate, token = FileSink(tmp_path / "pem").read(), FileSink(tmp_path / "token").read()
        assert certificate is not None
        assert token is not None
        secrets |= private_key_spellings(certificate.private_key) | token_spellings(token.token)
    assert owned.requests()["POST /certificates/enrollments"] == 2
    assert active_certificates() == {run.xcom("certificate")["certificate_serial_number"]}
    printed = capfd.readouterr()
    assert "'rotated'" in printed.out + printed.err
    assert_none(secrets, "what was printed", (printed.out + printed.err).encode())
    assert_none_below(secrets, airflow_home)


@pytest.mark.parametrize("how", [{}, DEFERRED], ids=["in place", "deferred"])
@pytest.mark.parametrize("kind", MAKERS)
def test_what_is_pending_for_other_wants_is_dropped_and_revoked(
    owned: EmulatorProcess,
    sink: FileSink,
    kind: str,
    how: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make, active = MAKERS[kind]
    other: dict[str, Any] = {
        "token": {"permissions": ["InvoiceRead", "InvoiceWrite"]},
        "certificate": {"certificate_name": "Sync 2027"},
    }
    kill_at(monkeypatch, make(sink), "save")
    assert len(active()) == 1
    made, _ = run_deferred(make(sink, **other[kind], **how), context())
    assert made["status"] in ("generated", "enrolled")
    time.sleep(0.4)  # until KSeF has revoked it
    assert active() == {made.get("token_reference_number") or made["certificate_serial_number"]}
    assert sink.read_pending() is None


@pytest.mark.parametrize("kind", MAKERS)
def test_what_is_pending_in_another_environment_is_dropped_and_told(
    owned: EmulatorProcess,
    sink: FileSink,
    kind: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make, active = MAKERS[kind]
    kill_at(monkeypatch, make(sink), "save")
    (first,) = active()
    pending = sink.read_pending()
    assert pending is not None
    sink.keep_pending(replace(pending, wanted={**pending.wanted, "environment": "https://elsewhere/v2"}))
    make(sink).execute(context())
    assert pending.reference_number in caplog.text
    assert len(active() - {first}) == 1
    assert first in active()
    caplog.clear()
    sink.keep_pending(PendingSecret({"of": "another kind"}, time.time(), reference_number=REFERENCE))
    assert make(sink).execute(context())["status"] == "already"
    assert REFERENCE in caplog.text
    assert sink.read_pending() is None


def test_a_refused_application_fails_its_own_try_and_no_later_one(
    owned: EmulatorProcess, sink: FileSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    owned.control("faults", kind="enrollment-status", code=400)
    with pytest.raises(KsefStatusError, match="status 400"):
        run_deferred(enroll(sink, **DEFERRED), context())
    assert sink.read_pending() is None
    owned.control("faults", kind="enrollment-status", code=550)
    monkeypatch.setattr(EnrollmentStatus, "is_final", property(lambda _: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        enroll(sink).execute(context())
    monkeypatch.undo()
    connect_as(monkeypatch, owned)
    refused = sink.read_pending()
    assert refused is not None
    assert enroll(sink).execute(context())["status"] == "enrolled"
    assert applications() == 3
    assert lets_in(sink.read())


def test_an_application_that_ksef_knows_no_more_is_found_by_its_key(
    owned: EmulatorProcess, sink: FileSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at(monkeypatch, enroll(sink), "save")
    pending = sink.read_pending()
    assert pending is not None
    sink.keep_pending(replace(pending, reference_number=REFERENCE))
    made = enroll(sink).execute(context())
    assert active_certificates() == {made["certificate_serial_number"]}
    assert applications() == 1
    assert lets_in(sink.read())


def test_an_application_without_answer_is_waited_for_and_not_repeated(
    owned: EmulatorProcess, sink: FileSink
) -> None:
    owned.control("faults", method="POST", path="/certificates/enrollments$", times=1, drop="after")
    with pytest.raises(KsefTransportError):
        enroll(sink).execute(context())
    none = {"certificates": [], "hasMore": False}
    owned.control("faults", method="POST", path="/certificates/query$", times=2, status=200, body=none)
    made = enroll(sink).execute(context())  # KSeF shows it at the third look alone
    assert active_certificates() == {made["certificate_serial_number"]}
    assert applications() == 1


def test_an_application_that_was_never_sent_is_sent_with_the_same_key(
    owned: EmulatorProcess, sink: FileSink
) -> None:
    owned.control("faults", method="POST", path="/certificates/enrollments$", times=1, drop="before")
    with pytest.raises(KsefTransportError):
        enroll(sink).execute(context())
    pending = sink.read_pending()
    assert pending is not None
    enroll(sink).execute(context())
    saved = sink.read()
    assert saved is not None
    assert saved.private_key == pending.private_key
    assert applications() == 1


def test_a_certificate_that_was_revoked_while_it_was_pending_is_applied_for_anew(
    owned: EmulatorProcess, sink: FileSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at(monkeypatch, enroll(sink), "save")
    (serial,) = active_certificates()
    KsefRevokeCertificateOperator(task_id="r", certificate_serial_number=serial).execute(context())
    assert enroll(sink).execute(context())["certificate_serial_number"] != serial
    assert lets_in(sink.read())


def test_what_was_saved_and_not_forgotten_is_finished(
    owned: EmulatorProcess, sink: FileSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = enroll(sink).execute(context())["certificate_serial_number"]
    kill_at(monkeypatch, rotate(sink, renew_before=SOON), "drop_pending")
    told = rotate(sink).execute(context())
    assert (told["status"], told["revoked"]) == ("not_due", [old])
    assert sink.read_pending() is None
    assert lets_in(sink.read())


@pytest.mark.parametrize("kind", MAKERS)
def test_a_sink_that_keeps_nothing_pending_is_waited_for_in_place(
    owned: EmulatorProcess, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, active = MAKERS[kind]
    own, state = OwnSink(), NotedState()
    own.kept = NewSecret(certificate=seal("VATPL-1111111111").pem.decode())  # whose number is none of KSeF's
    with monkeypatch.context() as patched:
        patched.setattr(OwnSink, "save", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            make(own).execute(context(state))
    made, deferrals = run_deferred(make(own, **DEFERRED), context(state))
    assert deferrals == []
    assert state == {}
    time.sleep(0.4)  # until KSeF has revoked what was lost
    assert made["status"] in ("generated", "enrolled")
    assert lets_in(own.kept)
    assert len(active()) == 1


def test_a_token_is_refused_where_it_would_take_the_place_of_the_tasks_certificate(
    owned: EmulatorProcess, sink: FileSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KsefInputError, match=r"sink=\"AirflowConnectionSink\('ksef_default'"):
        generate(AirflowConnectionSink("ksef_default"))
    with pytest.raises(KsefInputError, match="sink='FileSink': is a class"):
        generate(FileSink)
    enroll(sink).execute(context())
    extra = {"certificate": str(tmp_path / "secret"), "private_key": str(tmp_path / "secret")}
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", owned.connection(password="", extra=json.dumps(extra)))
    with pytest.raises(KsefInputError, match="logs in by"):
        generate(sink).execute(context())
    assert lets_in(sink.read())
