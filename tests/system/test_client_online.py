"""Interactive sessions and UPO against the emulator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from lxml import etree

from airflow_provider_ksef.client import AsyncKsefClient, KsefClient, closing, online, sessions, upo
from airflow_provider_ksef.client.calls import Call, Flow
from airflow_provider_ksef.client.crypto import sha256_base64
from airflow_provider_ksef.client.identifiers import is_ksef_number, is_reference_number
from airflow_provider_ksef.client.packing import InvoiceFile
from airflow_provider_ksef.emulator.samples import Sample
from airflow_provider_ksef.exceptions import KsefApiError
from tests.emulator_process import EmulatorProcess
from tests.system.client_ways import final_status, new_key, samples, settings_of
from tests.unit.client.invoice_contents import invoice_of

Run = Callable[[EmulatorProcess, Flow[Any]], Any]


def run_sync(emulator: EmulatorProcess, flow: Flow[Any]) -> Any:
    with KsefClient(settings_of(emulator)) as ksef:
        return ksef.run(flow)


def run_async(emulator: EmulatorProcess, flow: Flow[Any]) -> Any:
    async def main() -> Any:
        async with AsyncKsefClient(settings_of(emulator)) as ksef:
            return await ksef.run(flow)

    return asyncio.run(main())


def files(sent: list[Sample]) -> list[InvoiceFile]:
    return [invoice_of(file.name, file.xml) for file in sent]


@pytest.mark.parametrize("run", [run_sync, run_async])
def test_several_invoices_are_sent_and_judged(emulator: EmulatorProcess, run: Run) -> None:
    sent = samples(5, wrong=1)

    def whole() -> Flow[tuple[online.SentSession, list[sessions.SessionInvoice]]]:
        session = yield from online.send_all("FA (3)", files(sent), new_key())
        judged = []
        for invoice in session.invoices:
            flow = online.wait_for_invoice(session.reference_number, invoice.reference_number)
            judged.append((yield from flow))
        return session, judged

    session, judged = run(emulator, whole())
    assert is_reference_number(session.reference_number)
    assert [invoice.name for invoice in session.invoices] == [file.name for file in sent]
    assert [invoice.invoice_hash for invoice in judged] == [sha256_base64(file.xml) for file in sent]
    assert [invoice.code for invoice in judged] == [file.code or 200 for file in sent]
    for invoice in judged:
        assert is_ksef_number(invoice.ksef_number or "") == invoice.is_accepted
        assert invoice.is_accepted or invoice.details
    assert len(emulator.ksef_numbers(subject_type="Subject1")) == 4


def test_a_session_counts_while_it_is_open_and_ends_after_its_close(emulator: EmulatorProcess) -> None:
    key = new_key()
    [file] = samples(1)
    with KsefClient(settings_of(emulator)) as ksef:
        reference = ksef.run(online.open_session("FA (3)", key)).reference_number
        number = ksef.run(online.send_invoice(reference, file.xml, key))
        ksef.run(online.wait_for_invoice(reference, number))
        while_open = ksef.run(sessions.get_status(reference))
        ksef.run(online.close_session(reference))
        ksef.run(online.close_session(reference))
        done = final_status(ksef, reference)
        with pytest.raises(KsefApiError) as raised:
            ksef.run(online.send_invoice(reference, file.xml, key))
    assert (while_open.code, while_open.is_open, while_open.accepted_count) == (100, True, 1)
    assert (done.code, done.invoice_count, done.accepted_count) == (200, 1, 1)
    assert raised.value.fault.code == 21180


def test_a_session_without_invoices_is_cancelled(emulator: EmulatorProcess) -> None:
    with KsefClient(settings_of(emulator)) as ksef:
        reference = ksef.run(online.open_session("FA (3)", new_key())).reference_number
        ksef.run(online.close_session(reference))
        assert final_status(ksef, reference).code == 440


FAULTS = pytest.mark.parametrize(
    "fault",
    [
        {"drop": "after"},
        {"drop": "before"},
        {"status": 502, "body": "<html>Bad gateway</html>"},
        {"status": 504},
    ],
    ids=["cut after the work", "cut before", "gateway", "timeout"],
)


@FAULTS
def test_an_invoice_whose_sending_had_no_answer_is_sent_once(
    emulator: EmulatorProcess, fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(online, "SEND_PAUSES", (0.05, 0.05))
    key = new_key()
    [file] = samples(1)
    with KsefClient(settings_of(emulator)) as ksef:
        reference = ksef.run(online.open_session("FA (3)", key)).reference_number
        emulator.control("faults", method="POST", path="/online/[^/]+/invoices$", times=1, **fault)
        number = ksef.run(online.send_invoice(reference, file.xml, key))
        assert ksef.run(online.wait_for_invoice(reference, number)).is_accepted
        ksef.run(online.close_session(reference))
        assert final_status(ksef, reference).invoice_count == 1


@FAULTS
def test_a_close_without_answer_is_looked_up(
    emulator: EmulatorProcess, fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "PAUSES", (0.05, 0.05))
    key = new_key()
    [file] = samples(1)
    with KsefClient(settings_of(emulator)) as ksef:
        reference = ksef.run(online.open_session("FA (3)", key)).reference_number
        ksef.run(online.send_invoice(reference, file.xml, key))
        emulator.control("faults", method="POST", path="/close$", times=1, **fault)
        ksef.run(online.close_session(reference))
        assert final_status(ksef, reference).code == 200


def test_a_duplicate_names_the_original(emulator: EmulatorProcess) -> None:
    [file] = samples(1)
    with KsefClient(settings_of(emulator)) as ksef:
        first = ksef.run(online.send_all("FA (3)", files([file]), new_key()))
        reference = first.invoices[0].reference_number
        original = ksef.run(online.wait_for_invoice(first.reference_number, reference))
        second = ksef.run(online.send_all("FA (3)", files([file]), new_key()))
        reference = second.invoices[0].reference_number
        duplicate = ksef.run(online.wait_for_invoice(second.reference_number, reference))
    assert duplicate.code == 440
    assert duplicate.extensions == {
        "originalKsefNumber": original.ksef_number,
        "originalSessionReferenceNumber": first.reference_number,
    }


def test_a_rejected_offline_invoice_is_corrected(emulator: EmulatorProcess) -> None:
    key = new_key()
    wrong = next(file for file in samples(4, wrong=2) if file.code == 450)
    [right] = samples(1)
    with KsefClient(settings_of(emulator)) as ksef:
        reference = ksef.run(online.open_session("FA (3)", key)).reference_number
        number = ksef.run(online.send_invoice(reference, wrong.xml, key, offline_mode=True))
        rejected = ksef.run(online.wait_for_invoice(reference, number))
        correction = partial(
            online.send_invoice,
            reference,
            right.xml,
            key,
            offline_mode=True,
            hash_of_corrected_invoice=rejected.invoice_hash,
        )
        corrected = ksef.run(online.wait_for_invoice(reference, ksef.run(correction())))
        with pytest.raises(KsefApiError) as raised:
            ksef.run(correction())
    assert not rejected.is_accepted
    assert (corrected.is_accepted, corrected.invoicing_mode) == (True, "Offline")
    assert raised.value.fault.code == 21166


@pytest.mark.parametrize("run", [run_sync, run_async])
def test_every_way_to_a_upo(emulator: EmulatorProcess, run: Run) -> None:
    [file] = samples(1)

    def whole() -> Flow[tuple[sessions.SessionInvoice, list[bytes], list[bytes]]]:
        session = yield from online.send_all("FA (3)", files([file]), new_key())
        reference, number = session.reference_number, session.invoices[0].reference_number
        yield from online.wait_for_invoice(reference, number)
        while not (status := (yield from sessions.get_status(reference))).is_final:
            pass
        invoice = yield from sessions.get_invoice(reference, number)
        [page] = status.upo_pages
        ways: list[Call[bytes]] = [
            upo.of_invoice(reference, number),
            upo.of_ksef_number(reference, str(invoice.ksef_number)),
            upo.download(str(invoice.upo_download_url)),
            upo.of_session(reference, page.reference_number),
            upo.download(page.download_url),
        ]
        read: dict[str, bytes] = {}
        for way in ways:
            read[way.path] = yield from way
        return invoice, list(read.values())[:3], list(read.values())[3:]

    invoice, of_invoice, of_session = run(emulator, whole())
    assert len(set(of_invoice)) == len(set(of_session)) == 1
    for document in (of_invoice[0], of_session[0]):
        root = etree.fromstring(document)
        assert root.tag == "{http://upo.schematy.mf.gov.pl/KSeF/v4-3}Potwierdzenie"
        assert root.findtext(".//{*}NumerKSeFDokumentu") == invoice.ksef_number
        assert root.findtext(".//{*}SkrotDokumentu") == sha256_base64(file.xml)


def test_there_is_no_upo_of_a_rejected_invoice(emulator: EmulatorProcess) -> None:
    wrong = [file for file in samples(2, wrong=1) if file.code]
    with KsefClient(settings_of(emulator)) as ksef:
        session = ksef.run(online.send_all("FA (3)", files(wrong), new_key()))
        reference, number = session.reference_number, session.invoices[0].reference_number
        ksef.run(online.wait_for_invoice(reference, number))
        with pytest.raises(KsefApiError) as raised:
            ksef.run(upo.of_invoice(reference, number))
    assert raised.value.fault.code == 21178
