"""A duplicate is the same invoice, another one in its place, or it cannot be told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_ksef.client import KsefClient, batch, duplicate_metadata, duplicates, sessions
from airflow_provider_ksef.client.duplicates import judge_duplicates, original_of
from airflow_provider_ksef.client.session_invoices import SessionInvoice
from airflow_provider_ksef.emulator.samples import Sample
from airflow_provider_ksef.exceptions import KsefUnavailableError
from tests.emulator_process import EmulatorProcess
from tests.system.client_ways import final_status, new_key, opened, pack, samples, settings_of

COUNT = 6


def changed(sample: Sample) -> Sample:
    return replace(sample, xml=sample.xml + b"<!-- printed again -->")


def sent(ksef: KsefClient, folder: Path, files: list[Sample]) -> list[SessionInvoice]:
    folder.mkdir()
    key = new_key()
    session = opened(ksef, pack(folder, key, files), key)
    ksef.run(batch.close_session(session.reference_number))
    final_status(ksef, session.reference_number)
    return ksef.run(sessions.list_failed_invoices(session.reference_number))


@pytest.fixture
def rejected(emulator: EmulatorProcess, tmp_path: Path) -> list[SessionInvoice]:
    """Six invoices are sent, then again: two of them were changed."""
    files = samples(COUNT)
    with KsefClient(settings_of(emulator)) as ksef:
        assert not sent(ksef, tmp_path / "first", files)
        again = [changed(file) if place < 2 else file for place, file in enumerate(files)]
        return sent(ksef, tmp_path / "again", again)


def verdicts(emulator: EmulatorProcess, rejected: list[SessionInvoice]) -> list[str]:
    with KsefClient(settings_of(emulator)) as ksef:
        judged = judge_duplicates(ksef, rejected)
    return [judged[invoice.reference_number].verdict for invoice in rejected]


EXPECTED = [duplicates.CONFLICT] * 2 + [duplicates.ALREADY_ACCEPTED] * (COUNT - 2)


def test_the_original_session_tells(emulator: EmulatorProcess, rejected: list[SessionInvoice]) -> None:
    assert verdicts(emulator, rejected) == EXPECTED
    assert "POST /invoices/exports" not in emulator.requests()


def test_details_tell_where_extensions_are_absent(
    emulator: EmulatorProcess, rejected: list[SessionInvoice]
) -> None:
    bare = [replace(invoice, extensions={}) for invoice in rejected]
    assert [original_of(each) for each in bare] == [original_of(each) for each in rejected]
    assert all(original_of(each).ksef_number for each in bare)
    assert verdicts(emulator, bare) == EXPECTED


@pytest.mark.parametrize(("most_queries", "exported"), [(0, 1), (COUNT, 0)])
def test_metadata_tell_where_the_session_cannot_be_read(
    emulator: EmulatorProcess,
    rejected: list[SessionInvoice],
    monkeypatch: pytest.MonkeyPatch,
    most_queries: int,
    exported: int,
) -> None:
    monkeypatch.setattr(duplicate_metadata, "MOST_QUERIES", most_queries)
    monkeypatch.setattr(duplicate_metadata, "_POLL_SECONDS", 0.1)
    session = original_of(rejected[0]).session_reference_number
    refusal = {"status": 403, "body": "{}", "headers": {"content-type": "application/json"}}
    emulator.control("faults", method="GET", path=f"/v2/sessions/{session}/invoices", times=1, **refusal)
    assert verdicts(emulator, rejected) == EXPECTED
    assert emulator.requests().get("POST /invoices/exports", 0) == exported


def test_what_nobody_tells_is_unverified(emulator: EmulatorProcess, rejected: list[SessionInvoice]) -> None:
    silent = [replace(invoice, extensions={}, details=("Duplikat faktury.",)) for invoice in rejected]
    assert set(verdicts(emulator, silent)) == {duplicates.UNVERIFIED}


def test_a_session_alone_tells_only_the_same_invoice(
    emulator: EmulatorProcess, rejected: list[SessionInvoice]
) -> None:
    session = str(original_of(rejected[0]).session_reference_number)
    partly = [
        replace(each, extensions={"originalSessionReferenceNumber": session}, details=()) for each in rejected
    ]
    expected = [duplicates.UNVERIFIED] * 2 + [duplicates.ALREADY_ACCEPTED] * (COUNT - 2)
    assert verdicts(emulator, partly) == expected


def test_an_outage_is_no_verdict(emulator: EmulatorProcess, rejected: list[SessionInvoice]) -> None:
    emulator.control("faults", method="GET", path="/v2/sessions/.*/invoices", times=20, status=502)
    with pytest.raises(KsefUnavailableError):
        verdicts(emulator, rejected)
