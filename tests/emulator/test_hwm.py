"""The high-water mark: what it promises is kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.emulator.peer import Peer, by_storage, error_code
from tests.emulator_process import NIP, EmulatorProcess


def recent() -> str:
    return f"{datetime.now(UTC).date() - timedelta(days=1)}T00:00:00Z"


def test_a_new_invoice_appears_when_the_mark_has_passed_it(emulators: Callable[..., EmulatorProcess]) -> None:
    peer = Peer(emulators("--hwm-lag", "60"))
    peer.log_in()
    peer.emulator.control("seed", nip=NIP, subjectType="Subject2", count=3)
    assert len(peer.emulator.ksef_numbers()) == 3
    bounded = peer.query(by_storage(start=recent())).json()
    assert bounded["invoices"] == []
    open_end = by_storage(start=recent())
    open_end["dateRange"]["restrictToPermanentStorageHwmDate"] = False
    assert len(peer.query(open_end).json()["invoices"]) == 3
    peer.emulator.control("clock", advance=60)
    later = peer.query(by_storage(start=recent())).json()
    assert len(later["invoices"]) == 3
    assert later["permanentStorageHwmDate"] > bounded["permanentStorageHwmDate"]


def test_only_below_the_mark_all_invoices_are_there(emulators: Callable[..., EmulatorProcess]) -> None:
    """Who goes on from the newest invoice misses others, who goes on from the mark does not."""
    peer = Peer(emulators("--hwm-lag", "60"))
    peer.log_in()
    everything = by_storage(start=recent())
    everything["dateRange"]["restrictToPermanentStorageHwmDate"] = False

    def read(start: str) -> tuple[set[str], str, str]:
        everything["dateRange"]["from"] = start
        answer = peer.query(everything, pageSize=250).json()
        numbers = {each["ksefNumber"] for each in answer["invoices"]}
        return numbers, answer["invoices"][-1]["permanentStorageDate"], answer["permanentStorageHwmDate"]

    peer.emulator.control("seed", nip=NIP, subjectType="Subject2", count=20)
    seen, newest, mark = read(recent())
    assert len(seen) == 20
    assert mark < newest
    peer.emulator.control("seed", nip=NIP, subjectType="Subject2", count=20)
    peer.emulator.control("clock", advance=61)
    truth = set(peer.emulator.ksef_numbers())
    assert seen | read(mark)[0] == truth
    assert len(truth - seen - read(newest)[0]) >= 15
    for each in peer.query(everything, pageSize=250).json()["invoices"]:
        assert each["acquisitionDate"] < each["permanentStorageDate"]


def test_an_export_holds_all_below_the_mark_that_it_tells(peer: Peer) -> None:
    """Also what is stored between its start and its end, where the range goes on beyond both."""
    peer.emulator.control("settings", delay=1)
    tomorrow = f"{datetime.now(UTC).date() + timedelta(days=1)}T00:00:00Z"
    started = peer.start_export(by_storage(start=recent(), end=tomorrow), onlyMetadata=True)
    peer.emulator.control("seed", nip=NIP, subjectType="Subject2", count=5)
    package = peer.export_status(started)["package"]
    later = peer.query(by_storage(start=package["permanentStorageHwmDate"])).json()["invoices"]
    assert package["invoiceCount"] + len(later) == 5


def test_pages_of_a_query_tell_one_mark(peer: Peer) -> None:
    peer.emulator.control("seed", nip=NIP, subjectType="Subject2", count=120)
    filters = by_storage(start=recent())
    first = peer.query(filters, pageSize=50).json()
    peer.emulator.control("seed", nip=NIP, subjectType="Subject2", count=30)
    peer.emulator.control("clock", advance=5)
    others = [peer.query(filters, pageSize=50, pageOffset=page).json() for page in (1, 2)]
    assert {page["permanentStorageHwmDate"] for page in others} == {first["permanentStorageHwmDate"]}
    assert [len(page["invoices"]) for page in (first, *others)] == [50, 50, 20]
    another = peer.query(by_storage("Subject1", start=recent()), pageOffset=1).json()
    assert another["permanentStorageHwmDate"] > first["permanentStorageHwmDate"]
    anew = peer.query(filters, pageSize=50).json()
    assert anew["permanentStorageHwmDate"] > first["permanentStorageHwmDate"]


@pytest.mark.parametrize("date_type", ["PermanentStorage", "Invoicing", "Issue"])
def test_what_is_stored_later_is_not_there_yet(peer: Peer, date_type: str) -> None:
    now = datetime.now(UTC)
    later = [(now + timedelta(hours=hours)).isoformat() for hours in (1, 2)]
    peer.emulator.control(
        "seed", nip=NIP, subjectType="Subject2", count=5, **{"from": later[0], "to": later[1]}
    )
    start, end = ((now + timedelta(days=days)).isoformat() for days in (-10, 10))
    filters = by_storage(start=start, end=end)
    filters["dateRange"].update(dateType=date_type, restrictToPermanentStorageHwmDate=False)
    assert peer.query(filters).json()["invoices"] == []
    assert peer.export(filters)[0]["invoiceCount"] == 0
    peer.emulator.control("clock", advance=2 * 3600 + 1)
    peer.log_in()
    assert len(peer.query(filters).json()["invoices"]) == 5


def test_a_range_after_the_mark_is_refused(peer: Peer) -> None:
    filters = by_storage(start="2099-01-01T00:00:00Z", end="2099-01-02T00:00:00Z")
    assert error_code(peer.query(filters)) == 21183
    status = peer.export_status(peer.start_export(filters))["status"]
    assert status["code"] == 420
    assert "permanentStorageHwmDate" in status["details"][0].replace("Permanent", "permanent")


def test_the_mark_may_be_the_start_of_a_range(peer: Peer) -> None:
    mark = peer.query(by_storage(start=recent())).json()["permanentStorageHwmDate"]
    assert peer.query(by_storage(start=mark)).status_code == 200


def test_nothing_is_seeded_below_a_mark_that_was_told(peer: Peer) -> None:
    told = peer.query(by_storage(end="2026-03-31T00:00:00Z")).json()["permanentStorageHwmDate"]
    seed = {"nip": NIP, "subjectType": "Subject2", "count": 1}
    url = f"{peer.emulator.origin}/_emulator/seed"
    refused = httpx.post(url, json={**seed, "from": told, "to": "2026-04-01"})
    assert refused.status_code == 400
    assert told in refused.json()["detail"]
    assert httpx.post(url, json={**seed, "from": "2026-04-01", "to": "2026-04-02"}).status_code == 200
    forced = {**seed, "from": "2026-03-01", "to": "2026-03-02", "force": True}
    assert httpx.post(url, json=forced).status_code == 200
    assert len(peer.emulator.ksef_numbers()) == 2


def test_no_invoice_ever_appears_below_the_mark(peer: Peer) -> None:
    """Invoices arrive while a client reads on from mark to mark; it must miss none."""
    start = recent()
    seen: set[str] = set()
    arriving = threading.Thread(
        target=lambda: [
            peer.emulator.control("seed", nip=NIP, subjectType="Subject2", count=20) for _ in range(20)
        ]
    )
    arriving.start()
    rounds = 0
    while True:
        is_last = not arriving.is_alive()
        if is_last:
            time.sleep(0.1)
        answer = peer.query(by_storage(start=start), pageSize=250).json()
        while answer["hasMore"]:
            seen.update(each["ksefNumber"] for each in answer["invoices"])
            start = answer["invoices"][-1]["permanentStorageDate"]
            answer = peer.query(by_storage(start=start), pageSize=250).json()
        seen.update(each["ksefNumber"] for each in answer["invoices"])
        start = answer["permanentStorageHwmDate"]
        rounds += 1
        if is_last:
            break
    arriving.join()
    assert rounds > 3
    assert seen == set(peer.emulator.ksef_numbers())
    assert len(seen) == 400
