"""Interactive sessions: from opening to their end, and what becomes of each invoice."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.emulator.moments import WARSAW
from airflow_provider_ksef.emulator.samples import make_samples
from tests.emulator.packing import Upload, aes_encrypt, digest
from tests.emulator.peer import FA3, Peer, error_code, logged_in
from tests.emulator_process import NIP, EmulatorProcess

UNKNOWN = "20260901-SO-1A2B3C7000-0F1E2D3C4E-78"
PEF = {"systemCode": "PEF (3)", "schemaVersion": "2-1", "value": "PEF"}
COUNTERS = ("invoiceCount", "successfulInvoiceCount", "failedInvoiceCount")


@pytest.fixture
def sale(sales: dict[str, bytes]) -> bytes:
    return next(iter(sales.values()))


def opened(peer: Peer) -> str:
    answer = peer.open_online()
    assert answer.status_code == 201, answer.text
    reference: str = answer.json()["referenceNumber"]
    return reference


def counters(peer: Peer, reference: str) -> list[int | None]:
    status = peer.http.get(f"/sessions/{reference}").json()
    return [status.get(name) for name in COUNTERS]


def test_invoices_are_taken_one_by_one_and_the_session_ends_well(peer: Peer, sales: dict[str, bytes]) -> None:
    answer = peer.open_online().json()
    session = answer["referenceNumber"]
    assert session[8:12] == "-SO-"
    status = peer.http.get(f"/sessions/{session}").json()
    assert status["status"] == {"code": 100, "description": "Sesja interaktywna otwarta"}
    assert status["validUntil"] == answer["validUntil"]
    assert not set(COUNTERS) & set(status)
    first, second, *_ = sales.values()
    taken = peer.invoice(session, peer.send_invoice(session, first))
    assert taken["status"] == {"code": 200, "description": "Sukces"}
    assert (taken["ordinalNumber"], taken["invoiceHash"]) == (1, digest(first))
    assert taken["invoicingMode"] == "Online"
    assert "invoiceFileName" not in taken
    assert counters(peer, session) == [1, 1, None]
    peer.invoice(session, peer.send_invoice(session, second))
    assert counters(peer, session) == [2, 2, None]

    assert peer.close_online(session).status_code == 204
    ended = peer.session(session)
    assert ended["status"] == {"code": 200, "description": "Sesja interaktywna przetworzona pomyślnie"}
    assert [ended.get(name) for name in COUNTERS] == [2, 2, None]
    assert [each["ordinalNumber"] for each in peer.invoices(session)] == [1, 2]
    assert sorted(peer.emulator.ksef_numbers(subject_type="Subject1")) == sorted(
        each["ksefNumber"] for each in peer.invoices(session)
    )
    listed = peer.http.get("/sessions", params={"sessionType": "Online"}).json()["sessions"]
    assert [each["failedInvoiceCount"] for each in listed] == [0]
    peer.emulator.control("clock", advance=1)
    assert peer.http.get(f"/invoices/ksef/{taken['ksefNumber']}").content == first


def test_a_closed_session_takes_nothing_more(peer: Peer, sale: bytes) -> None:
    session = opened(peer)
    assert peer.close_online(session).status_code == 204
    again = peer.close_online(session)
    assert error_code(again) == 21180
    assert error_code(peer.send_invoice(session, sale)) == 21180
    ended = peer.session(session)
    assert ended["status"] == {
        "code": 440,
        "description": "Sesja anulowana",
        "details": ["Nie przesłano faktur"],
    }
    assert not set(COUNTERS) & set(ended)


def test_only_wrong_invoices_are_445_without_a_zero(peer: Peer) -> None:
    session = opened(peer)
    wrong = peer.invoice(session, peer.send_invoice(session, b"no xml"))
    assert wrong["status"]["code"] == 450
    assert counters(peer, session) == [1, None, 1]
    peer.close_online(session)
    ended = peer.session(session)
    assert (ended["status"]["code"], "upo" in ended) == (445, False)
    assert [ended.get(name) for name in COUNTERS] == [1, None, 1]
    assert peer.invoices(session, "/failed") == peer.invoices(session)


def test_a_session_that_nobody_closes_is_closed_after_twelve_hours(peer: Peer, sale: bytes) -> None:
    session, empty = opened(peer), opened(peer)
    peer.invoice(session, peer.send_invoice(session, sale))
    peer.emulator.control("clock", advance=12 * 3600 + 1)
    peer.log_in()
    assert error_code(peer.send_invoice(session, sale)) == 21180
    assert peer.session(session)["status"]["code"] == 200
    assert peer.session(empty)["status"]["code"] == 440


def test_a_key_that_nobody_can_decrypt_is_found_out_later(peer: Peer, sale: bytes) -> None:
    encryption = peer.encryption(b"k" * 32, b"i" * 16)
    encryption["encryptedSymmetricKey"] = b64encode(b"x" * 256).decode()
    answer = peer.open_online(encryption=encryption)
    assert answer.status_code == 201
    session = answer.json()["referenceNumber"]
    ended = peer.session(session)
    assert ended["status"] == {"code": 415, "description": "Błąd odszyfrowania dostarczonego klucza"}
    refused = peer.send_invoice(session, sale)
    assert error_code(refused) == 21180
    assert "Status sesji (415) uniemożliwia wysyłkę faktur." in refused.text
    assert error_code(peer.close_online(session)) == 21180


def test_statuses_on_the_way_can_be_seen_and_a_restart_goes_on(
    emulators: Callable[..., EmulatorProcess], sale: bytes, tmp_path: Path
) -> None:
    state = ("--state", str(tmp_path / "state.sqlite"))
    prompt = emulators(*state)
    with logged_in(prompt) as peer:
        session, empty = opened(peer), opened(peer)
        token = peer.http.headers["Authorization"]
    prompt.stop()

    slow = emulators(*state, "--delay", "600")
    peer = Peer(slow, Authorization=token)
    sent = peer.send_invoice(session, sale).json()["referenceNumber"]
    waiting = peer.http.get(f"/sessions/{session}/invoices/{sent}").json()
    assert waiting["status"] == {"code": 150, "description": "Trwa przetwarzanie"}
    assert counters(peer, session) == [1, None, None]
    assert peer.close_online(session).status_code == 204
    closed = peer.http.get(f"/sessions/{session}").json()
    assert closed["status"] == {"code": 170, "description": "Sesja interaktywna zamknięta"}
    peer.close_online(empty)
    slow.stop()

    peer = Peer(emulators(*state), Authorization=token)
    assert peer.session(session)["status"]["code"] == 200
    assert peer.invoices(session)[0]["ksefNumber"].startswith(NIP)
    assert peer.session(empty)["status"]["code"] == 440


AT_ONCE: dict[str, tuple[dict[str, Any], int]] = {
    "another size of the encrypted content": ({"encryptedInvoiceSize": 16}, 21402),
    "another hash of the encrypted content": ({"encryptedInvoiceHash": digest(b"x")}, 21403),
    "no hash": ({"invoiceHash": "abc"}, 21405),
    "no content": ({"encryptedInvoiceContent": None}, 21405),
    "content that is not Base64": ({"encryptedInvoiceContent": "%"}, 21405),
    "nothing": ({"invoiceSize": 0}, 21405),
    "over 3 MB": ({"invoiceSize": 3_000_001}, 21405),
    "a correction that is not offline": ({"hashOfCorrectedInvoice": digest(b"x")}, 21405),
}


@pytest.mark.parametrize("case", AT_ONCE)
def test_what_is_wrong_with_a_request_is_told_at_once(peer: Peer, sale: bytes, case: str) -> None:
    changed, code = AT_ONCE[case]
    session = opened(peer)
    assert error_code(peer.send_invoice(session, sale, **changed)) == code
    assert peer.invoices(session) == []


def test_what_is_wrong_with_the_plain_invoice_is_told_later(peer: Peer, sale: bytes) -> None:
    size = peer.send_alone(sale, invoiceSize=len(sale) + 1)
    assert size["status"] == {
        "code": 430,
        "description": "Błąd weryfikacji pliku faktury",
        "details": [f"Rozmiar faktury nie zgadza się z zadeklarowaną wartością: '{len(sale) + 1}'."],
    }
    assert peer.send_alone(sale, invoiceHash=digest(b"x"))["status"]["code"] == 430
    session = opened(peer)
    other = aes_encrypt(sale, b"o" * 32, b"i" * 16)
    changed = {
        "encryptedInvoiceContent": b64encode(other).decode(),
        "encryptedInvoiceHash": digest(other),
        "encryptedInvoiceSize": len(other),
    }
    undecryptable = peer.invoice(session, peer.send_invoice(session, sale, **changed))
    assert undecryptable["status"] in (
        {"code": 435, "description": "Błąd odszyfrowania pliku"},
        {**size["status"], "details": undecryptable["status"].get("details")},  # padding fits by chance
    )


def test_unknown_sessions_and_those_of_the_other_kind_are_told(peer: Peer, sale: bytes) -> None:
    for refused in (peer.send_invoice(UNKNOWN, sale), peer.close_online(UNKNOWN)):
        assert error_code(refused) == 21173
        assert f"{UNKNOWN} nie została odnaleziona." in refused.text
    assert error_code(peer.close_batch(opened(peer))) == 21173
    batch = peer.open_batch(Upload(b"x")).json()["referenceNumber"]
    assert error_code(peer.close_online(batch)) == 21173


def test_a_wrong_opening_is_refused_at_once(peer: Peer) -> None:
    wrong = peer.open_online({**FA3, "systemCode": "FA3"})
    assert error_code(wrong) == 21405
    assert "Wskazany kod formularza nie jest wspierany." in wrong.text
    unknown = {**peer.encryption(b"k" * 32, b"i" * 16), "publicKeyId": b64encode(b"k" * 32).decode()}
    assert error_code(peer.open_online(encryption=unknown)) == 21470


def test_duplicates_are_found_across_kinds_of_sessions(peer: Peer, sale: bytes) -> None:
    (first,) = peer.send_files({"a.xml": sale})
    twice = peer.send_alone(sale)
    assert twice["status"]["code"] == 440
    assert twice["status"]["extensions"]["originalKsefNumber"] == first["ksefNumber"]
    assert "invoicingMode" not in twice


def test_offline_is_found_by_the_day_and_never_undone(peer: Peer, sales: dict[str, bytes]) -> None:
    (old,) = make_samples(NIP, 1, 0, 7, datetime.now(WARSAW).date() - timedelta(days=2))
    first, second, *_ = sales.values()
    assert peer.send_alone(old.xml)["invoicingMode"] == "Offline"
    assert peer.send_alone(first)["invoicingMode"] == "Online"
    assert peer.send_alone(second, offlineMode=True)["invoicingMode"] == "Offline"


def pef_invoice(shared_ksef: Path) -> bytes:
    text = (shared_ksef / "samples/invoice-template-fa-3-pef.xml").read_text()
    today = datetime.now(WARSAW).date().isoformat()
    values = {"supplier_nip": NIP, "buyer_nip": "1130405061", "invoice_number": "PEF/1", "issue_date": today}
    for name, value in {**values, "due_date": today, "buyer_reference": "b", "iban": "PL"}.items():
        text = text.replace(f"#{name}#", value)
    return text.encode()


def test_a_pef_invoice_is_taken_and_found(peer: Peer, shared_ksef: Path) -> None:
    xml = pef_invoice(shared_ksef)
    taken = peer.send_alone(xml, PEF)
    assert (taken["status"]["code"], taken["invoiceNumber"]) == (200, "PEF/1")
    peer.emulator.control("clock", advance=1)
    dates = {"dateType": "Issue", "from": datetime.now(UTC).isoformat()}
    found = peer.query({"subjectType": "Subject1", "dateRange": dates, "formType": "PEF"}).json()["invoices"]
    assert [each["ksefNumber"] for each in found] == [taken["ksefNumber"]]
    assert (found[0]["invoiceType"], found[0]["currency"]) == ("VatPef", "EUR")
    assert (found[0]["netAmount"], found[0]["grossAmount"], found[0]["vatAmount"]) == (5900, 7125, 0)
    assert found[0]["buyer"] == {"identifier": {"type": "Nip", "value": "1130405061"}, "name": "Nabywca S.A."}
    assert peer.send_alone(xml)["status"]["code"] == 450  # in a session of FA (3)


def test_a_session_without_invoices_is_cancelled_as_it_is_closed(peer: Peer) -> None:
    """The Java client's tests list it as 440 without waiting."""
    peer.emulator.control("settings", delay=30)
    session = peer.open_online().json()["referenceNumber"]
    assert peer.close_online(session).status_code == 204
    listed = peer.http.get("/sessions", params={"sessionType": "Online", "statuses": "Cancelled"}).json()
    assert [(each["referenceNumber"], each["status"]["code"]) for each in listed["sessions"]] == [
        (session, 440)
    ]
