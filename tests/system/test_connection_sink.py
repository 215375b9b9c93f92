"""Secrets that go into an Airflow connection, through a real API server of Airflow."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from airflow.configuration import conf
from airflow.models.connection import Connection
from airflow.models.log import Log
from airflow.utils.session import create_session

from airflow_provider_ksef.exceptions import KsefError, KsefInputError
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.operators.connection_sink import AirflowConnectionSink
from airflow_provider_ksef.operators.pending_secrets import PendingSecret
from airflow_provider_ksef.operators.secret_sinks import NewSecret
from tests.emulator.signing import seal
from tests.emulator_process import NIP, TOKEN, EmulatorProcess
from tests.system.airflow_runs import EXAMPLES, run_dag
from tests.system.managing_ways import connect_as

SIGNER = seal(f"VATPL-{NIP}")
CERTIFICATE = NewSecret(certificate=SIGNER.pem.decode(), private_key=SIGNER.key_pem.decode())
PENDING_TOKEN = PendingSecret({"description": "x"}, 1.5, token=TOKEN, reference_number="20260901-EC-1")
PENDING_KEY = PendingSecret({"certificate_name": "x"}, 1.5, ("00",), private_key=CERTIFICATE.private_key)
CONN_ID = "ksef_kept"


@pytest.fixture(scope="session")
def api_server(airflow_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Airflow's public API over a socket, on the tests' own database."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("api-server") / "log"
    command = [
        *(sys.executable, "-m", "uvicorn", "--factory", "--port", str(port)),
        "airflow.api_fastapi.app:create_app",
    ]
    own = {
        "AIRFLOW__CORE__FERNET_KEY": conf.get("core", "fernet_key"),  # else the server makes one of its own
        "AIRFLOW__API_AUTH__JWT_SECRET": "for-the-tests-of-this-room-alone",
    }
    with log.open("w") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, env={**os.environ, **own}, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        try:
            httpx.get(f"{url}/api/v2/version", timeout=5).raise_for_status()
        except httpx.HTTPError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.5)
        else:
            return
    raise AssertionError("the API server does not answer")


@pytest.fixture
def sink(api_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[AirflowConnectionSink]:
    api = {"conn_type": "http", "host": api_server, "login": "admin", "password": "admin"}
    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_API", json.dumps(api))
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")  # so that connections come of the database
    extra = json.dumps({"environment": "test", "timeout": 12})
    with create_session() as session:
        session.add(
            Connection(CONN_ID, "ksef", host="http://127.0.0.1:1/v2", login=NIP, password="x", extra=extra)
        )
    yield AirflowConnectionSink(CONN_ID)
    with create_session() as session:
        session.query(Connection).filter(Connection.conn_id == CONN_ID).delete()


def kept() -> tuple[str | None, str | None, dict[str, object]]:
    with create_session() as session:
        row = session.query(Connection).filter(Connection.conn_id == CONN_ID).one()
        return row.host, row.password, json.loads(row.extra)


def test_the_connection_gets_one_secret_or_the_other_and_keeps_the_rest(
    sink: AirflowConnectionSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, common = "http://127.0.0.1:1/v2", {"environment": "test", "timeout": 12}
    sink.check()
    sink.save(NewSecret(token=TOKEN))
    assert kept() == (host, TOKEN, common)
    assert sink.read() == NewSecret(token=TOKEN)
    sink.save(CERTIFICATE)
    pem = {"certificate": CERTIFICATE.certificate, "private_key": CERTIFICATE.private_key}
    assert kept() == (host, " ", {**common, **pem})
    assert KsefHook(CONN_ID).settings.credential.certificate == SIGNER.certificate
    assert sink.read() == CERTIFICATE
    sink.save(NewSecret(token=TOKEN))
    assert kept() == (host, TOKEN, common)

    monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", json.dumps({"conn_type": "ksef", "password": "y"}))
    with pytest.raises(KsefError, match="goes before") as told:
        sink.save(CERTIFICATE)
    assert "BEGIN" not in str(told.value)


@pytest.mark.parametrize("pending", [PENDING_TOKEN, PENDING_KEY], ids=["token", "key"])
def test_what_is_pending_stands_beside_the_secret_and_is_shown_to_nobody(
    sink: AirflowConnectionSink, monkeypatch: pytest.MonkeyPatch, pending: PendingSecret
) -> None:
    common = {"environment": "test", "timeout": 12}
    assert sink.read_pending() is None
    sink.save(CERTIFICATE)
    sink.keep_pending(pending)
    assert sink.read_pending() == pending
    assert sink.read() == CERTIFICATE
    assert KsefHook(CONN_ID).settings.credential.certificate == SIGNER.certificate
    secret = (pending.token.rpartition("|")[2] or pending.private_key.splitlines()[1])[:40]
    with sink._api() as api:
        for path in ("/api/v2/connections", sink._path):
            shown = api.get(path).raise_for_status().text
            assert CONN_ID in shown
            assert secret not in shown
    with create_session() as session:
        audited = [log.extra or "" for log in session.query(Log).filter(Log.event == "patch_connection")]
    assert any("pending" in extra for extra in audited)
    assert [extra for extra in audited if secret in extra] == []
    sink.save(NewSecret(token=TOKEN))
    assert sink.read_pending() == pending
    sink.drop_pending()
    assert sink.read_pending() is None
    assert kept() == ("http://127.0.0.1:1/v2", TOKEN, common)

    other = {"conn_type": "ksef", "password": "y"}
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", json.dumps(other))
    with pytest.raises(KsefError, match="goes before") as told:
        sink.keep_pending(pending)
    assert secret not in str(told.value)


def test_what_cannot_take_a_secret_is_told_before_ksef_is_asked(
    sink: AirflowConnectionSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KsefError, match=r"HTTP 404.*Make the connection first"):
        AirflowConnectionSink("ksef_missing").check()
    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_API", json.dumps({"conn_type": "http", "host": "127.0.0.1:1"}))
    with pytest.raises(KsefError, match="gives no answer"):
        sink.check()
    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_API", json.dumps({"conn_type": "http"}))
    with pytest.raises(KsefInputError, match="has no host"):
        sink.check()


@pytest.mark.parametrize(("status", "content"), [(200, b"<html>"), (307, b""), (200, b'{"detail": "x"}')])
def test_what_answers_and_is_not_airflows_api_is_told(
    airflow_home: Path, monkeypatch: pytest.MonkeyPatch, status: int, content: bytes
) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.send_header("Location", "https://127.0.0.1:1/auth/token")
            self.end_headers()
            self.wfile.write(content)

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.handle_request).start()
        api = {"conn_type": "http", "host": f"http://127.0.0.1:{server.server_port}", "password": "s3cret"}
        monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_API", json.dumps(api))
        with pytest.raises(KsefError, match=r"for auth/token is not Airflow's API.*https") as told:
            AirflowConnectionSink(CONN_ID).check()
    assert "s3cret" not in str(told.value)


def test_a_task_puts_its_token_into_a_connection_and_finds_it_there(
    sink: AirflowConnectionSink, connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_as(monkeypatch, connected)
    monkeypatch.delenv("_AIRFLOW_PROCESS_CONTEXT")
    dag_id = "ksef_into_connection"
    run = run_dag(EXAMPLES / f"{dag_id}.py", dag_id, {})
    assert run.xcom("token")["status"] == "generated"
    _, token, extra = kept()
    assert token is not None
    assert "pending" not in extra
    assert token.startswith(run.xcom("token")["token_reference_number"])
    assert run_dag(EXAMPLES / f"{dag_id}.py", dag_id, {}).xcom("token")["status"] == "already"
