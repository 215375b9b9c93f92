"""One invoice that cannot be dealt with harms no other one, and no session."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.emulator import acceptance as acceptance_module
from airflow_provider_ksef.emulator.acceptance import Acceptance, Arrival
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.online_processing import OnlineProcessing
from airflow_provider_ksef.emulator.processing import BatchProcessing
from airflow_provider_ksef.emulator.settings import Settings
from airflow_provider_ksef.emulator.store.invoices import NewInvoice
from airflow_provider_ksef.emulator.store.session_invoices import WAITING, SessionInvoice
from airflow_provider_ksef.emulator.store.sessions import BATCH, CLOSED, PROCESSING, Part
from tests.emulator.packing import digest
from tests.emulator.peer import Peer
from tests.emulator.test_upo import SESSION

RATES = ("1", "2", "3", "4", "5", "6_1", "6_2", "6_3", "7", "8", "9", "10", "11")
FAILED = (500, "Nieznany błąd (500)")


def enormous(xml: bytes) -> bytes:
    """An invoice whose net amount is no 64-bit number of grosze any more."""
    most = b"9999999999999999.99"
    amounts = b"".join(b"<P_13_%b>%b</P_13_%b>" % (rate.encode(), most, rate.encode()) for rate in RATES)
    changed = xml.replace(b"<P_13_1>", amounts + b"<P_13_1>", 1)
    assert changed != xml
    return changed


def test_an_enormous_amount_is_taken_and_told(peer: Peer, sales: dict[str, bytes]) -> None:
    files = [*sales.values()]
    online = peer.send_alone(enormous(files[0]))
    assert online["status"]["code"] == 200, online
    batch = peer.send_files({"a.xml": enormous(files[1]), "b.xml": files[2]})
    assert [each["status"]["code"] for each in batch] == [200, 200]
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    large = {
        "subjectType": "Subject1",
        "dateRange": {"dateType": "Invoicing", "from": yesterday},
        "amount": {"type": "Netto", "from": 10**16},
    }
    expected = {online["ksefNumber"], batch[0]["ksefNumber"]}
    for _ in range(50):  # an invoice is found a moment after it was accepted
        found = peer.query(large).json()["invoices"]
        if len(found) == len(expected):
            break
        time.sleep(0.1)
    assert {each["ksefNumber"] for each in found} == expected
    assert min(each["netAmount"] for each in found) > 10**17


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    emulator = Emulator(Settings(), tmp_path)
    yield emulator
    emulator.close()


def arrivals_of(emulator: Emulator, sales: dict[str, bytes]) -> list[Arrival]:
    return [
        Arrival(
            ordinal, emulator.new_reference("EE"), xml, digest(xml), emulator.clock.now(), is_offline=False
        )
        for ordinal, xml in enumerate(sales.values(), start=1)
    ]


def fates(emulator: Emulator) -> list[tuple[int, str]]:
    found = emulator.session_invoices.select(SESSION.reference, after=0, most=10, only_failed=False)
    return [(each.code, each.description) for each in found]


def test_what_cannot_be_checked_fails_alone(
    emulator: Emulator, sales: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    check = acceptance_module.check_invoice
    broken = [*sales.values()][1]

    def check_most(content: bytes, **more: Any) -> Any:
        return 1 / 0 if content == broken else check(content, **more)

    monkeypatch.setattr(acceptance_module, "check_invoice", check_most)
    emulator.sessions.add(SESSION)
    assert Acceptance(emulator, SESSION).take(arrivals_of(emulator, sales))
    assert fates(emulator) == [(200, "Sukces"), FAILED, *[(200, "Sukces")] * 3]


def test_what_cannot_be_kept_fails_alone_and_leaves_nothing(
    emulator: Emulator, sales: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, broken = emulator.invoices.add, [*sales.values()][1]

    def keep_most(invoices: Sequence[NewInvoice]) -> None:
        keep(invoices)
        if invoices[0].document == broken:
            raise OverflowError

    monkeypatch.setattr(emulator.invoices, "add", keep_most)
    emulator.sessions.add(SESSION)
    assert Acceptance(emulator, SESSION).take(arrivals_of(emulator, sales))
    assert fates(emulator) == [(200, "Sukces"), FAILED, *[(200, "Sukces")] * 3]
    assert emulator.database.row("SELECT count(*) FROM invoices") == (4,)


def test_a_closed_session_ends_though_its_last_invoice_breaks(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.sessions.add(replace(SESSION, code=CLOSED, aes_key=b"k" * 32))
    reference = emulator.new_reference("EE")
    waiting = SessionInvoice(1, reference, "hash", 1, None, WAITING, "Trwa przetwarzanie", size=1)
    emulator.session_invoices.put(SESSION.reference, [waiting])
    started: list[str] = []
    monkeypatch.setattr(emulator.jobs, "start", lambda work, _: started.append(work.__name__))
    OnlineProcessing(emulator).process_invoice(reference)  # its file is missing
    assert fates(emulator) == [FAILED]
    assert started == ["finish_session"]


def test_a_batch_that_breaks_leaves_no_parts(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    session = replace(SESSION, kind=BATCH, code=PROCESSING, aes_key=b"k" * 32)
    emulator.sessions.add(session, [Part(1, 16, "hash")])
    part = emulator.files.upload(session.reference, 1)
    part.write_bytes(b"x" * 16)
    monkeypatch.setattr(emulator.work_faults, "take_code", lambda _: 1 / 0)
    BatchProcessing(emulator).process_batch(session.reference)
    ended = emulator.sessions.get(session.reference)
    assert ended is not None
    assert ended.code == 500
    assert not part.exists()
