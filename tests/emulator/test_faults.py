"""Faults of the work behind the answers; those of requests are tested with the other controls."""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import suppress
from typing import Any

import httpx
import pytest

from tests.emulator.packing import Upload, digest, make_zip, metadata_of
from tests.emulator.peer import APRIL, Peer, by_storage, error_code
from tests.emulator_process import NIP, EmulatorProcess

KEY, IV = b"k" * 32, b"i" * 16


def order(peer: Peer, **members: Any) -> list[dict[str, Any]]:
    left: list[dict[str, Any]] = peer.emulator.control("faults", **members)["faults"]
    return left


def test_the_hashes_of_a_part_are_wrong(received: Peer) -> None:
    order(received, kind="wrong-part-hash")
    status = received.export_status(received.start_export(by_storage(end=APRIL), KEY, IV))
    (part,) = status["package"]["parts"]
    fetched = received.links.get(part["url"])
    assert fetched.status_code == 200
    assert len(fetched.content) == part["encryptedPartSize"]
    assert digest(fetched.content) != part["encryptedPartHash"] == fetched.headers["x-ms-meta-hash"]
    assert received.export(by_storage(end=APRIL))[0]["invoiceCount"] == 50


def test_the_metadata_of_a_package_are_cut(received: Peer) -> None:
    order(received, kind="truncated-metadata")
    _, archive = received.export(by_storage(end=APRIL))
    with zipfile.ZipFile(io.BytesIO(archive)) as package:
        cut = package.read("_metadata.json")
    assert cut.startswith(b'{"invoices":[{')
    with pytest.raises(json.JSONDecodeError):
        json.loads(cut)
    _, archive = received.export(by_storage(end=APRIL), onlyMetadata=True)
    assert len(metadata_of(archive)) == 50


@pytest.mark.parametrize(
    ("code", "description"),
    [
        (415, "Błąd odszyfrowania dostarczonego klucza"),
        (420, "Zakres filtrowania wykracza poza dostępny zakres danych"),
        (500, "Nieznany błąd (500)"),
        (550, "Operacja została anulowana przez system"),
    ],
)
def test_an_export_ends_badly(received: Peer, code: int, description: str) -> None:
    order(received, kind="export-status", code=code, times=2)
    for _ in range(2):
        status = received.export_status(received.start_export(by_storage(end=APRIL)))
        assert status["status"]["code"] == code
        assert status["status"]["description"] == description
        assert "package" not in status
        assert "completedDate" in status
    assert received.export_status(received.start_export(by_storage(end=APRIL)))["status"]["code"] == 200


def test_the_status_of_an_export_that_failed_is_kept_for_a_week(received: Peer) -> None:
    order(received, kind="export-status", code=500)
    started = received.start_export(by_storage(end=APRIL))
    path = f"/invoices/exports/{started.json()['referenceNumber']}"
    received.export_status(started)
    received.emulator.control("clock", advance=7 * 86_400 - 60)
    received.log_in()
    assert received.http.get(path).status_code == 200
    received.emulator.control("clock", advance=120)
    assert received.http.get(path).status_code == 410


def test_an_export_hangs(received: Peer) -> None:
    order(received, kind="export-status", code=100)
    hanging = received.start_export(by_storage(end=APRIL)).json()["referenceNumber"]
    assert received.export(by_storage(end=APRIL))[0]["invoiceCount"] == 50
    status = received.http.get(f"/invoices/exports/{hanging}").json()
    assert status == {"status": {"code": 100, "description": "Eksport faktur w toku"}}


@pytest.mark.parametrize("code", [405, 415, 420, 430, 435, 440, 500])
def test_a_batch_session_ends_badly(peer: Peer, sales: dict[str, bytes], code: int) -> None:
    order(peer, kind="session-status", code=code)
    status = peer.session(peer.send(Upload(make_zip(sales))))
    assert status["status"]["code"] == code
    assert {each["status"]["code"] for each in peer.send_files(sales)} == {200}


@pytest.mark.parametrize("code", [405, 435, 500, 550])
def test_invoices_end_badly(peer: Peer, sales: dict[str, bytes], code: int) -> None:
    order(peer, kind="invoice-status", code=code, times=2)
    codes = [each["status"]["code"] for each in peer.send_files(sales)]
    assert sorted(codes) == [200, 200, 200, code, code]


def test_a_session_is_unavailable_for_a_while(peer: Peer, sales: dict[str, bytes]) -> None:
    order(peer, kind="session-unavailable", times=2)
    session = peer.open_online().json()["referenceNumber"]
    xml = next(iter(sales.values()))
    assert [error_code(peer.send_invoice(session, xml)) for _ in range(2)] == [21184, 21184]
    assert peer.invoice(session, peer.send_invoice(session, xml))["status"]["code"] == 200


@pytest.mark.parametrize("detail", ["Certyfikat odwołany", "Certyfikat zawieszony", None])
@pytest.mark.parametrize("code", [415, 450, 460, 470, 480, 500, 550])
def test_a_login_ends_badly(peer: Peer, code: int, detail: str | None) -> None:
    order(peer, kind="login-status", code=code, **({"detail": detail} if detail else {}))
    submitted = peer.submit_token()
    status = peer.login_status(submitted)["status"]
    assert (status["code"], status.get("details")) == (code, [detail] if detail else None)
    assert error_code(peer.redeem(submitted)) == 21301
    assert peer.log_in()


def test_what_is_left_is_listed_and_forgotten(peer: Peer) -> None:
    order(peer, path="^/v2/limits", status=503, times=2)
    left = order(peer, kind="export-status", code=550, times=3)
    assert left == [
        {"path": "^/v2/limits", "status": 503, "times": 2},
        {"kind": "export-status", "code": 550, "times": 3},
    ]
    peer.http.get("/limits/context")
    url = f"{peer.emulator.origin}/_emulator/faults"
    assert [each["times"] for each in httpx.get(url).json()["faults"]] == [1, 3]
    assert httpx.delete(url).status_code == 204
    assert httpx.get(url).json() == {"faults": []}
    assert peer.http.get("/limits/context").status_code == 200


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({"kind": "rain"}, "kind"),
        ({"kind": "export-status"}, "code"),
        ({"kind": "export-status", "code": 200}, "550"),
        ({"kind": "invoice-status", "code": 100}, "550"),
        ({"kind": "wrong-part-hash", "code": 500}, "code"),
        ({"kind": "login-status", "code": 200}, "550"),
        ({"kind": "invoice-status", "code": 500, "detail": "x"}, "detail"),
        ({"path": "^/v2/", "detail": "x"}, "detail"),
        ({"kind": "wrong-part-hash", "path": "^/v2/"}, "path"),
        ({"path": "^/v2/", "code": 500}, "status"),
        ({"path": "^/v2/", "status": 204, "body": "x"}, "204"),
        ({"path": "^/v2/", "status": 304, "body": {}}, "304"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(
    prompt: EmulatorProcess, members: dict[str, Any], word: str
) -> None:
    answer = httpx.post(f"{prompt.origin}/_emulator/faults", json=members)
    assert answer.status_code == 400
    assert word in answer.text


@pytest.mark.parametrize(
    ("control", "members"),
    [
        ("faults", {"pth": "^/v2/", "status": 500}),
        ("seed", {"nip": NIP, "count": 1, "seeds": 1}),
        ("clock", {"advance": 1, "by": 1}),
        ("settings", {"hwmlag": 1, "lag": 1}),
        ("rotate-keys", {"mode": "planned", "at": 1}),
        ("token-status", {"referenceNumber": "x", "status": "Active", "to": 1}),
        ("latarnia", {"status": "AVAILABLE", "since": 1}),
    ],
)
def test_a_member_that_a_control_does_not_know_is_told(
    prompt: EmulatorProcess, control: str, members: dict[str, Any]
) -> None:
    answer = httpx.post(f"{prompt.origin}/_emulator/{control}", json=members)
    assert answer.status_code == 400
    (sentence,) = answer.json()["detail"]
    unknown = next(name for name in members if name in ("pth", "seeds", "by", "lag", "at", "to", "since"))
    assert sentence.startswith(f"unknown: {unknown}; what there is: ")
    assert all(name in sentence.lower() for name in map(str.lower, members))


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_body_leaves_the_connection_in_order(peer: Peer, status: int) -> None:
    order(peer, path="^/v2/limits", status=status)
    assert peer.http.get("/limits/context").status_code == status
    assert peer.http.get("/limits/context").json()["batchSession"]["maxInvoices"] == 10_000


@pytest.mark.parametrize("members", [{"delay": 0.001}, {"drop": "after"}])
def test_a_fault_that_lets_the_work_be_done_passes_the_limits(peer: Peer, members: dict[str, Any]) -> None:
    peer.emulator.control("settings", rateLimits="production")
    order(peer, path="^/v2/sessions$", times=12, **members)
    for _ in range(12):
        with suppress(httpx.TransportError):
            peer.http.get("/sessions", params={"sessionType": "Batch"})
    assert httpx.get(f"{peer.emulator.origin}/_emulator/stats").json()["rejected429"] >= 2


def test_a_slow_answer_carries_the_warning(peer: Peer) -> None:
    order(peer, path="^/v2/limits", delay=0.001)
    answer = peer.http.get("/limits/context", headers={"X-Test-System-Warning": "[1]: soon"})
    assert answer.headers["x-system-warning"] == "[1]: soon"
