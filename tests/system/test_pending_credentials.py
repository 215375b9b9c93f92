"""What a sink keeps of a secret that is still to come: deferral, other wants, other sinks."""

from __future__ import annotations

import json
import stat
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.operators.connection_sink import AirflowConnectionSink
from airflow_provider_ksef.operators.pending_secrets import PendingSecret
from airflow_provider_ksef.operators.secret_sinks import FileSink, NewSecret
from tests.emulator.signing import seal
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.airflow_runs import EXAMPLES, run_dag
from tests.system.credential_ways import (
    DEFERRED,
    REFERENCE,
    active_certificates,
    active_tokens,
    enroll,
    generate,
    kill_at,
    lets_in,
    run_deferred,
)
from tests.system.operator_context import NotedState, context
from tests.system.secret_search import assert_none, assert_none_below, private_key_spellings, token_spellings

MAKERS = {"token": (generate, active_tokens), "certificate": (enroll, active_certificates)}
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
def sink(tmp_path: Path) -> FileSink:
    return FileSink(tmp_path / "secret")


@pytest.mark.parametrize("kind", MAKERS)
def test_a_deferred_task_finds_its_secret_in_the_sink_and_nowhere_else(
    slowly_owned: EmulatorProcess, sink: FileSink, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
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
    slowly_owned.control("faults", method="GET", path=path, times=1, status=200, body=body)
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
    slowly_owned: EmulatorProcess,
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
    assert slowly_owned.requests()["POST /certificates/enrollments"] == 2
    assert active_certificates() == {run.xcom("certificate")["certificate_serial_number"]}
    printed = capfd.readouterr()
    assert "'rotated'" in printed.out + printed.err
    assert_none(secrets, "what was printed", (printed.out + printed.err).encode())
    assert_none_below(secrets, airflow_home)


@pytest.mark.parametrize("how", [{}, DEFERRED], ids=["in place", "deferred"])
@pytest.mark.parametrize("kind", MAKERS)
def test_what_is_pending_for_other_wants_is_dropped_and_revoked(
    slowly_owned: EmulatorProcess,
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
    slowly_owned: EmulatorProcess,
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


@pytest.mark.parametrize("kind", MAKERS)
def test_a_sink_that_keeps_nothing_pending_is_waited_for_in_place(
    slowly_owned: EmulatorProcess, kind: str, monkeypatch: pytest.MonkeyPatch
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
    slowly_owned: EmulatorProcess, sink: FileSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KsefInputError, match=r"sink=\"AirflowConnectionSink\('ksef_default'"):
        generate(AirflowConnectionSink("ksef_default"))
    with pytest.raises(KsefInputError, match="sink='FileSink': is a class"):
        generate(FileSink)
    enroll(sink).execute(context())
    extra = {"certificate": str(tmp_path / "secret"), "private_key": str(tmp_path / "secret")}
    monkeypatch.setenv(
        "AIRFLOW_CONN_KSEF_DEFAULT", slowly_owned.connection(password="", extra=json.dumps(extra))
    )
    with pytest.raises(KsefInputError, match="logs in by"):
        generate(sink).execute(context())
    assert lets_in(sink.read())
