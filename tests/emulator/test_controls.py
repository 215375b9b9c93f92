"""The emulator's own controls: seeding, faults, statistics, keys, reset."""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
from cryptography import x509

from tests.emulator.packing import Upload, make_zip
from tests.emulator.peer import APRIL, Peer, by_storage, error_code, logged_in
from tests.emulator_process import NIP, EmulatorProcess

MARCH = {"from": "2026-03-01", "to": "2026-03-31"}


def seed(emulator: EmulatorProcess, count: int, **members: Any) -> dict[str, Any]:
    answer: dict[str, Any] = emulator.control(
        "seed", **{"nip": NIP, "subjectType": "Subject2", "count": count, **members}
    )
    return answer


def test_the_same_seed_gives_the_same_invoices(prompt: EmulatorProcess) -> None:
    first = seed(prompt, 30, seed=4, **MARCH)
    numbers = prompt.ksef_numbers()
    prompt.control("reset")
    assert prompt.ksef_numbers() == []
    assert seed(prompt, 30, seed=4, **MARCH) == first
    assert prompt.ksef_numbers() == numbers
    seed(prompt, 30, seed=4, **MARCH)
    assert len(set(prompt.ksef_numbers())) == 60


def test_seeded_dates_lie_between_the_bounds(prompt: EmulatorProcess) -> None:
    told = seed(prompt, 200, **{"from": "2026-03-01T12:00:00+01:00", "to": "2026-03-02"})
    assert told["count"] == 200
    first, last = told["firstPermanentStorageDate"], told["lastPermanentStorageDate"]
    assert "2026-03-01T11:00:00" <= first < last <= "2026-03-02T00:00:00"
    assert datetime.fromisoformat(last).microsecond


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({"nip": "123"}, "nip"),
        ({"subjectType": "Subject9"}, "subjectType"),
        ({"count": -1}, "count"),
        ({"from": "soon"}, "soon"),
        ({"from": "2026-03-02", "to": "2026-03-01"}, "before"),
        ({"to": "2026-03-01"}, "from"),
    ],
)
def test_a_wrong_order_is_refused(prompt: EmulatorProcess, members: dict[str, Any], word: str) -> None:
    body = {"nip": NIP, "subjectType": "Subject2", "count": 1, **members}
    answer = httpx.post(f"{prompt.origin}/_emulator/seed", json=body)
    assert answer.status_code == 400
    assert word in answer.text


def test_invoices_of_the_command_line_come_back_with_a_reset(
    emulators: Callable[..., EmulatorProcess],
) -> None:
    emulator = emulators(
        "--seed-invoices", "12", "--seed-from", "2026-03-01", "--seed-to", "2026-03-09", "--hwm-lag", "0"
    )
    numbers = emulator.ksef_numbers()
    assert len(numbers) == 12
    seed(emulator, 5)
    with logged_in(emulator) as peer:
        assert peer.query(by_storage(end=APRIL)).json()["invoices"][0]["ksefNumber"] == numbers[0]
        emulator.control("reset")
        assert peer.http.get("/limits/context").status_code == 401
        peer.log_in()
        assert peer.query(by_storage(end=APRIL), pageSize=50).json()["hasMore"] is False
    assert emulator.ksef_numbers() == numbers


def test_requests_are_counted_by_endpoint(peer: Peer) -> None:
    peer.emulator.control("reset")
    peer.log_in()
    reference = peer.open_batch(Upload(b"x")).json()["referenceNumber"]
    peer.http.get(f"/sessions/{reference}")
    peer.http.get(f"/sessions/{reference}/invoices")
    peer.http.get("/nowhere")
    answer = httpx.get(f"{peer.emulator.origin}/_emulator/stats").json()
    assert answer["rejected429"] == 0
    assert answer["requests"] == {
        "GET /auth/{referenceNumber}": 1,
        "GET /nowhere": 1,
        "GET /security/public-key-certificates": 2,
        "GET /sessions/{referenceNumber}": 1,
        "GET /sessions/{referenceNumber}/invoices": 1,
        "POST /auth/challenge": 1,
        "POST /auth/ksef-token": 1,
        "POST /auth/token/redeem": 1,
        "POST /sessions/batch": 1,
    }


def test_a_fault_answers_as_often_as_ordered(peer: Peer) -> None:
    body = {"status": {"code": 100, "description": "w toku"}}
    peer.emulator.control(
        "faults",
        method="get",
        path="^/v2/limits",
        times=2,
        status=503,
        headers={"Retry-After": "7"},
        body=body,
    )
    peer.emulator.control("faults", method="GET", path="/limits/context", body="<html>maintenance</html>")
    first = peer.http.get("/limits/context")
    assert (first.status_code, first.headers["retry-after"], first.json()) == (503, "7", body)
    assert peer.http.get("/limits/subject").status_code == 503
    third = peer.http.get("/limits/context")
    assert (third.status_code, third.text) == (200, "<html>maintenance</html>")
    assert third.headers["content-type"].startswith("text/html")
    assert peer.http.get("/limits/context").json()["batchSession"]["maxInvoices"] == 10_000


def test_a_fault_may_only_be_slow(peer: Peer) -> None:
    peer.emulator.control("faults", path="/limits/context", delay=0.4)
    started = time.monotonic()
    assert peer.http.get("/limits/context").status_code == 200
    assert time.monotonic() - started >= 0.4


@pytest.mark.parametrize(("drop", "opened"), [("before", 0), ("after", 1)])
def test_a_cut_connection_has_no_answer(peer: Peer, drop: str, opened: int) -> None:
    peer.emulator.control("faults", method="POST", path="^/v2/sessions/batch$", drop=drop)
    with pytest.raises(httpx.TransportError):
        peer.open_batch(Upload(b"x"))
    listed = peer.http.get("/sessions", params={"sessionType": "Batch"}).json()["sessions"]
    assert len(listed) == opened


def test_an_upload_that_is_cut_after_the_work_is_there(peer: Peer, sales: dict[str, bytes]) -> None:
    upload = Upload(make_zip(sales))
    opened = peer.open_batch(upload)
    link = opened.json()["partUploadRequests"][0]["url"]
    for drop in ("before", "after"):
        peer.emulator.control("faults", method="PUT", path="^/storage/", drop=drop)
        reference = opened.json()["referenceNumber"]
        with pytest.raises(httpx.TransportError):
            peer.put_part(link, upload.parts[0])
        if drop == "before":
            assert error_code(peer.close_batch(reference)) == 21205
    assert peer.close_batch(reference).status_code == 204


@pytest.mark.parametrize("members", [{"path": "("}, {"times": 0}, {"status": 99}, {"drop": "sometimes"}])
def test_a_fault_that_makes_no_sense_is_refused(prompt: EmulatorProcess, members: dict[str, Any]) -> None:
    answer = httpx.post(f"{prompt.origin}/_emulator/faults", json={"path": "x", **members})
    assert answer.status_code == 400


@pytest.mark.parametrize("mode", ["planned", "emergency", "recertify"])
def test_keys_change_as_ordered(prompt: EmulatorProcess, mode: str) -> None:
    peer = Peer(prompt)
    before = peer.http.get("/security/public-key-certificates").json()
    prompt.control("rotate-keys", mode=mode)
    after = peer.http.get("/security/public-key-certificates").json()
    old, new = ({each["publicKeyId"] for each in keys} for keys in (before, after))
    assert len(after) == (2 if mode == "emergency" else 4)
    assert {"planned": old < new, "emergency": not old & new, "recertify": old == new}[mode]
    assert not {each["certificateId"] for each in after[:2]} & {each["certificateId"] for each in before}
    peer.log_in()
    oldest = next(each for each in before if "KsefTokenEncryption" in each["usage"])
    with_old_id = peer.submit_token(publicKeyId=oldest["publicKeyId"])
    assert with_old_id.status_code == (400 if mode == "emergency" else 202)
    prompt.control("reset")
    assert {each["certificateId"] for each in peer.http.get("/security/public-key-certificates").json()} == {
        each["certificateId"] for each in before
    }


def test_old_keys_are_good_for_two_weeks_after_a_planned_change(peer: Peer) -> None:
    old = peer.http.get("/security/public-key-certificates").json()
    ids = {usage: each["publicKeyId"] for each in old for usage in each["usage"]}
    session_key = ids["SymmetricKeyEncryption"]
    encryption = {**peer.encryption(b"k" * 32, b"i" * 16), "publicKeyId": session_key}
    peer.emulator.control("rotate-keys", mode="planned")
    keys = peer.http.get("/security/public-key-certificates").json()
    assert [each["publicKeyId"] in ids.values() for each in keys] == [False, False, True, True]
    assert max(each["validFrom"] for each in keys) < min(each["validTo"] for each in keys)
    assert peer.start_export(by_storage(end=APRIL), encryption=encryption).status_code == 201
    assert peer.open_batch(Upload(b"x"), encryption=encryption).status_code == 201
    peer.emulator.control("clock", advance=14 * 86_400 + 1)
    peer.log_in()
    assert len(peer.http.get("/security/public-key-certificates").json()) == 2
    assert error_code(peer.start_export(by_storage(end=APRIL), encryption=encryption)) == 21470
    assert error_code(peer.open_batch(Upload(b"x"), encryption=encryption)) == 21470
    assert error_code(peer.submit_token(publicKeyId=ids["KsefTokenEncryption"])) == 21470


def test_keys_that_have_run_out_are_changed_too(prompt: EmulatorProcess) -> None:
    prompt.control("clock", advance=3 * 365 * 86_400)
    assert Peer(prompt).http.get("/security/public-key-certificates").json() == []
    prompt.control("rotate-keys", mode="planned")
    assert Peer(prompt).log_in()


def test_two_planned_changes_bring_one_key_each(prompt: EmulatorProcess) -> None:
    for _ in range(2):
        prompt.control("rotate-keys", mode="planned")
    assert len(Peer(prompt).http.get("/security/public-key-certificates").json()) == 6


def test_a_published_key_is_valid_as_long_as_its_certificate(prompt: EmulatorProcess) -> None:
    for key in httpx.get(f"{prompt.url}/security/public-key-certificates").json():
        certificate = x509.load_der_x509_certificate(b64decode(key["certificate"]))
        assert datetime.fromisoformat(key["validFrom"]) == certificate.not_valid_before_utc
        assert datetime.fromisoformat(key["validTo"]) == certificate.not_valid_after_utc


def test_all_limits_are_told(peer: Peer) -> None:
    limits = peer.http.get("/rate-limits").json()
    assert len(limits) == 17
    assert limits["invoiceExport"] == {"perSecond": 8, "perMinute": 16, "perHour": 20}
    assert limits["global"] == {"perSecond": -1, "perMinute": -1, "perHour": -1}
    assert peer.http.get("/limits/subject").json()["certificate"] == {"maxCertificates": 100}


def test_a_system_warning_is_echoed(peer: Peer) -> None:
    answer = peer.http.get("/limits/context", headers={"X-Test-System-Warning": "[1]: soon"})
    assert answer.headers["x-system-warning"] == "[1]: soon"


def test_null_is_as_good_as_nothing_there(prompt: EmulatorProcess) -> None:
    prompt.control("seed", nip=NIP, subjectType="Subject2", count=1, seed=None, **{"from": None, "to": None})
    prompt.control("faults", path="^/security/", status=503, headers=None, delay=None, drop=None)


def test_a_fault_is_ordered_with_or_without_the_version(prompt: EmulatorProcess) -> None:
    for path in ("^/v2/security/", "^/security/"):
        prompt.control("faults", path=path, status=503)
        url = f"{prompt.url}/security/public-key-certificates"
        assert [httpx.get(url).status_code for _ in range(2)] == [503, 200]
