"""Each sent file is a row before its session takes effect, and a next try finds the session there."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from airflow_provider_ksef._compat import AirflowFailException
from airflow_provider_ksef.client.credentials import CertificateCredential
from airflow_provider_ksef.client.duplicates import CONFLICT
from airflow_provider_ksef.exceptions import KsefInputError, KsefSessionError, KsefTimeoutError
from airflow_provider_ksef.sensors.session import KsefSessionSensor
from airflow_provider_ksef.tables.reading import read
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.conftest import sample_invoices, wrong_invoice
from tests.system.kept_rows import rows, submit
from tests.system.operator_context import context
from tests.unit.client.test_verification_links import offline_credential, verify

COUNT = 4


@pytest.fixture
def invoices(tmp_path: Path) -> Path:
    return sample_invoices(tmp_path / "outgoing", count=COUNT)


def test_rows_are_there_before_the_answer_and_completed_by_it(
    connected: EmulatorProcess, invoices: Path
) -> None:
    with pytest.raises(KsefTimeoutError):
        submit(invoices, timeout=0)
    assert [row["state"] for row in rows(invoices)] == ["sent"] * COUNT
    submit(invoices)
    kept = rows(invoices)
    assert [row["state"] for row in kept] == ["accepted"] * COUNT
    assert {row["ksef_number"] for row in kept} == set(connected.ksef_numbers(subject_type="Subject1"))


@pytest.mark.parametrize(("code", "state"), [(200, "accepted"), (415, "unprocessed"), (500, "sent")])
def test_the_sensor_completes_rows_that_were_not_waited_for(
    connected: EmulatorProcess, invoices: Path, code: int, state: str
) -> None:
    if code != 200:
        connected.control("faults", kind="session-status", code=code, times=1)
    reference = submit(invoices, wait_for_completion=False)["session_reference_number"]
    sensor = KsefSessionSensor(
        task_id="wait",
        session_reference_number=reference,
        poke_interval=0.2,
        tables_path=str(invoices.parent / "tables"),
    )
    with nullcontext() if code == 200 else pytest.raises(KsefSessionError):
        sensor.execute(context())
    kept = rows(invoices)
    assert [row["state"] for row in kept] == [state] * COUNT
    assert {row["status_code"] for row in kept} == {code}


def test_a_relative_folder_is_read_too(
    connected: EmulatorProcess, invoices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(invoices)
    monkeypatch.chdir(invoices.parent)
    assert read("submissions", "tables").num_rows == COUNT


def test_without_a_state_store_the_table_tells_of_the_session(
    connected: EmulatorProcess, invoices: Path
) -> None:
    with pytest.raises(KsefTimeoutError):
        submit(invoices, timeout=0)
    first = rows(invoices)[0]["session_reference_number"]
    assert submit(invoices)["session_reference_number"] == first
    assert connected.requests()["POST /sessions/batch"] == 1


def test_another_invoice_of_the_same_number_is_a_conflict(connected: EmulatorProcess, invoices: Path) -> None:
    submit(invoices)
    changed = sorted(invoices.iterdir())[0]
    changed.write_bytes(changed.read_bytes() + b"<!-- printed again -->")
    with pytest.raises(AirflowFailException):
        submit(invoices)
    states = Counter(row["state"] for row in rows(invoices))
    assert states == {"accepted": COUNT, "already_accepted": COUNT - 1, CONFLICT: 1}
    assert len(connected.ksef_numbers(subject_type="Subject1")) == COUNT


def test_rows_of_offline_invoices_hold_links_that_a_certificate_has_signed(
    connected: EmulatorProcess, invoices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credential = offline_credential("secp256r1")
    connect_offline(monkeypatch, credential)
    submit(invoices, offline_mode=True, offline_conn_id="ksef_offline")
    for row in rows(invoices):
        verify(row["certificate_url"], credential.certificate)
        assert row["verification_url"].count("/") == row["certificate_url"].count("/") - 3
        assert row["seller_nip"] in row["certificate_url"]


def test_a_certificate_for_logins_is_refused_before_anything_is_sent(
    connected: EmulatorProcess, invoices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_offline(monkeypatch, offline_credential("secp256r1", offline=False))
    with pytest.raises(KsefInputError, match="key usage"):
        submit(invoices, offline_mode=True, offline_conn_id="ksef_offline")
    with pytest.raises(KsefInputError, match="offline_conn_id"):
        submit(invoices, offline_mode=True, offline_conn_id="ksef_default")
    assert connected.requests() == {}


def test_a_row_holds_what_the_document_says_and_where_the_upo_lies(
    connected: EmulatorProcess, invoices: Path, tmp_path: Path
) -> None:
    submit(invoices, upo_path=str(tmp_path / "upo"))
    for row in rows(invoices):
        xml = Path(row["file"]).read_bytes()
        assert f"<P_2>{row['invoice_number']}</P_2>".encode() in xml
        assert f"<P_1>{row['issue_date']}</P_1>".encode() in xml
        assert (row["seller_nip"], row["invoice_type"] in {"VAT", "KOR", "ZAL", "ROZ", "UPR"}) == (NIP, True)
        assert row["ksef_number"].encode() in Path(row["upo_path"]).read_bytes()
        assert row["permanent_storage_date"] >= row["acquisition_date"]


def test_rejected_files_are_kept_with_ksefs_reasons(
    connected: EmulatorProcess, invoices: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "rejected"
    (invoices / "wrong.xml").write_bytes(wrong_invoice())
    result = submit(invoices, rejected_path=str(kept), on_rejected="warn")
    assert (kept / "wrong.xml").read_bytes() == wrong_invoice()
    reasons = json.loads((kept / "wrong.xml.reasons.json").read_text())
    assert (reasons["sent"], reasons["code"]) == (True, result["rejections"][0]["code"])
    assert len(list(kept.iterdir())) == 2


def connect_offline(monkeypatch: pytest.MonkeyPatch, credential: CertificateCredential) -> None:
    """Make a connection that holds a certificate for offline invoices."""
    key = credential.private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate = credential.certificate.public_bytes(serialization.Encoding.PEM)
    extra = {"environment": "test", "certificate": certificate.decode(), "private_key": key.decode()}
    connection = {"conn_type": "ksef", "login": NIP, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_OFFLINE", json.dumps(connection))
