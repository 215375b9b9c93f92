from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.client import KsefClient, batch, closing, sessions
from airflow_provider_ksef.client.crypto import sha256_base64
from airflow_provider_ksef.client.identifiers import is_ksef_number, is_reference_number
from airflow_provider_ksef.exceptions import KsefApiError, KsefLoginError, KsefRateLimitError
from tests.emulator_process import TOKEN, EmulatorProcess
from tests.system.client_ways import final_status, new_key, opened, pack, samples, settings_of


@pytest.mark.parametrize("compression", ["zip", "tar.gz"])
def test_a_batch_is_judged_invoice_by_invoice(
    emulator: EmulatorProcess, tmp_path: Path, compression: str, caplog: pytest.LogCaptureFixture
) -> None:
    for logger in (None, "httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, logger)
    sent = samples(12, wrong=3)
    key = new_key()
    package = pack(tmp_path, key, sent, compression=compression)
    assert len(package.parts) > 1
    with KsefClient(settings_of(emulator)) as ksef:
        session = opened(ksef, package, key)
        assert is_reference_number(session.reference_number)
        assert ksef.run(sessions.get_status(session.reference_number)).is_open
        ksef.run(batch.close_session(session.reference_number))
        status = final_status(ksef, session.reference_number)
        judged = ksef.run(sessions.list_invoices(session.reference_number))
        failed = ksef.run(sessions.list_failed_invoices(session.reference_number))
    assert (status.code, status.invoice_count, status.accepted_count, status.rejected_count) == (
        200,
        12,
        9,
        3,
    )
    expected = {file.name: file.code or 200 for file in sent}
    assert {invoice.file_name: invoice.code for invoice in judged} == expected
    assert {invoice.file_name for invoice in failed} == {file.name for file in sent if file.code}
    assert all(invoice.details for invoice in failed)
    for invoice in judged:
        assert invoice.invoice_hash == package.invoice_hashes[str(invoice.file_name)]
        assert (invoice.ksef_number is not None) == (invoice.code == 200)
        assert invoice.ksef_number is None or is_ksef_number(invoice.ksef_number)
    assert not [secret for secret in (TOKEN, TOKEN[-64:], key.key.hex(), "eyJ") if secret in caplog.text]


@pytest.mark.parametrize(
    "fault",
    [
        {"drop": "after"},
        {"drop": "before"},
        {"status": 502, "body": "<html>Bad gateway</html>"},
        {"status": 504},
    ],
    ids=["cut after the work", "cut before", "gateway", "timeout"],
)
def test_a_close_without_answer_is_looked_up_and_never_sent_twice(
    emulator: EmulatorProcess, tmp_path: Path, fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "PAUSES", (0.05, 0.05))
    key = new_key()
    with KsefClient(settings_of(emulator)) as ksef:
        session = opened(ksef, pack(tmp_path, key, samples(3)), key)
        emulator.control("faults", method="POST", path="/close$", times=1, **fault)
        ksef.run(batch.close_session(session.reference_number))
        assert final_status(ksef, session.reference_number).accepted_count == 3
        ksef.run(batch.close_session(session.reference_number))
    assert emulator.requests()["POST /sessions/batch"] == 1
    assert len(emulator.ksef_numbers(subject_type="Subject1")) == 3


def test_a_part_that_is_missing_is_named_at_the_close(emulator: EmulatorProcess, tmp_path: Path) -> None:
    key = new_key()
    package = pack(tmp_path, key, samples(6))
    with KsefClient(settings_of(emulator)) as ksef:
        session = ksef.run(batch.open_session("FA (3)", package, key))
        ksef.upload_parts(session.uploads[:1], package.parts[:1])
        with pytest.raises(KsefApiError) as raised:
            ksef.run(batch.close_session(session.reference_number))
        assert raised.value.fault.code == 21205
        assert raised.value.fault.details
        assert ksef.run(sessions.get_status(session.reference_number)).is_open


def test_a_wrong_part_ends_the_session(emulator: EmulatorProcess, tmp_path: Path) -> None:
    key = new_key()
    package = pack(tmp_path, key, samples(3))
    first = package.parts[0]
    first.path.write_bytes(bytes(first.size))
    with KsefClient(settings_of(emulator)) as ksef:
        session = opened(ksef, package, key)
        ksef.run(batch.close_session(session.reference_number))
        assert final_status(ksef, session.reference_number).code == 405


def test_duplicates_name_the_original(emulator: EmulatorProcess, tmp_path: Path) -> None:
    key = new_key()
    references = []
    with KsefClient(settings_of(emulator)) as ksef:
        for name in ("first", "second"):
            (folder := tmp_path / name).mkdir()
            session = opened(ksef, pack(folder, key, samples(1)), key)
            ksef.run(batch.close_session(session.reference_number))
            final_status(ksef, session.reference_number)
            references.append(session.reference_number)
        [original] = ksef.run(sessions.list_invoices(references[0]))
        [duplicate] = ksef.run(sessions.list_failed_invoices(references[1]))
    assert duplicate.code == 440
    assert duplicate.extensions["originalKsefNumber"] == original.ksef_number
    assert duplicate.extensions["originalSessionReferenceNumber"] == references[0]


def test_many_invoices_come_in_pages(
    emulator: EmulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_PAGE_SIZE", 10)
    key = new_key()
    with KsefClient(settings_of(emulator)) as ksef:
        session = opened(ksef, pack(tmp_path, key, samples(25)), key)
        ksef.run(batch.close_session(session.reference_number))
        final_status(ksef, session.reference_number)
        listed = ksef.run(sessions.list_invoices(session.reference_number))
    assert [invoice.ordinal_number for invoice in listed] == list(range(1, 26))
    assert emulator.requests()["GET /sessions/{referenceNumber}/invoices"] == 3


def test_a_refused_token_fails_with_the_sub_cause(emulator: EmulatorProcess) -> None:
    wrong = TOKEN[:-1] + ("0" if TOKEN[-1] != "0" else "1")
    with KsefClient(settings_of(emulator, token=wrong)) as ksef, pytest.raises(KsefLoginError) as raised:
        ksef.log_in()
    assert raised.value.code == 450
    assert raised.value.details
    assert wrong not in str(raised.value)


def test_an_unknown_session_is_an_error_with_a_remedy(
    emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_UNKNOWN_PAUSES", ())
    with KsefClient(settings_of(emulator)) as ksef, pytest.raises(KsefApiError) as raised:
        ksef.run(sessions.get_status("20260901-SB-1A2B3C7000-0F1E2D3C4E-78"))
    assert raised.value.fault.code == 21173
    assert raised.value.fault.trace_id
    assert raised.value.remedy


def test_a_long_rate_limit_is_given_to_the_caller(emulator: EmulatorProcess) -> None:
    with KsefClient(settings_of(emulator)) as ksef:
        emulator.control(
            "faults", method="GET", path="/sessions/", times=1, status=429, headers={"Retry-After": "900"}
        )
        with pytest.raises(KsefRateLimitError) as raised:
            ksef.run(sessions.get_status("20260901-SB-1A2B3C7000-0F1E2D3C4E-78"))
    assert raised.value.fault.retry_after == 900


def test_the_package_that_arrives_is_the_one_that_was_declared(
    emulator: EmulatorProcess, tmp_path: Path
) -> None:
    key = new_key()
    package = replace(pack(tmp_path, key, samples(2)), hash=sha256_base64(b"another"))
    with KsefClient(settings_of(emulator)) as ksef:
        session = opened(ksef, package, key)
        ksef.run(batch.close_session(session.reference_number))
        assert final_status(ksef, session.reference_number).code == 405
