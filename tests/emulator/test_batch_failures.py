"""Every way in which a batch fails, at once or later."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.packing import Upload, aes_encrypt, digest, make_zip
from tests.emulator.peer import Peer, error_code

UNKNOWN = "20260901-SB-1A2B3C7000-0F1E2D3C4E-78"


def package(sales: dict[str, bytes]) -> Upload:
    return Upload(make_zip(sales), cuts=(2000,))


def wrong_part_hash(upload: Upload) -> None:
    upload.file["fileParts"][1]["fileHash"] = digest(b"something else")


def wrong_package_hash(upload: Upload) -> None:
    upload.file["fileHash"] = digest(b"something else")


def wrong_package_size(upload: Upload) -> None:
    upload.file["fileSize"] += 1


def wrong_compression(upload: Upload) -> None:
    upload.file["compressionType"] = "TarGz"


def other_iv_for_the_parts(upload: Upload) -> None:
    """The key fits, but the last block does not end in padding."""
    whole = b"\0" * len(upload.parts[1])
    upload.parts[1] = aes_encrypt(whole, upload.key, upload.iv)[:-16]
    upload.file["fileParts"][1].update(fileSize=len(upload.parts[1]), fileHash=digest(upload.parts[1]))


LATER: dict[str, tuple[Callable[[Upload], None], int]] = {
    "wrong hash of a part": (wrong_part_hash, 405),
    "wrong hash of the package": (wrong_package_hash, 405),
    "wrong size of the package": (wrong_package_size, 405),
    "another kind of archive": (wrong_compression, 430),
    "no padding": (other_iv_for_the_parts, 435),
}


@pytest.mark.parametrize("case", LATER)
def test_a_wrong_package_fails_as_a_whole(peer: Peer, sales: dict[str, bytes], case: str) -> None:
    spoil, code = LATER[case]
    upload = package(sales)
    spoil(upload)
    reference = peer.send(upload)
    status = peer.session(reference)
    assert status["status"]["code"] == code
    assert not {"invoiceCount", "successfulInvoiceCount", "failedInvoiceCount"} & set(status)
    assert peer.invoices(reference) == []
    assert peer.emulator.ksef_numbers(subject_type="Subject1") == []


@pytest.mark.parametrize("archive", [b"not an archive", make_zip({"a.xml": b"<a/>" * 1000})[:-30]])
def test_a_broken_archive_is_430(peer: Peer, archive: bytes) -> None:
    assert peer.session(peer.send(Upload(archive)))["status"]["code"] == 430


def test_damage_in_the_middle_of_an_archive_takes_nothing_in(peer: Peer, sales: dict[str, bytes]) -> None:
    archive = bytearray(make_zip(sales))
    archive[len(archive) // 2] ^= 0xFF
    assert peer.session(peer.send(Upload(bytes(archive))))["status"]["code"] == 430
    assert peer.emulator.ksef_numbers(subject_type="Subject1") == []


def test_an_empty_archive_is_440(peer: Peer) -> None:
    status = peer.session(peer.send(Upload(make_zip({}))))["status"]
    assert status == {"code": 440, "description": "Sesja anulowana", "details": ["Nie przesłano faktur"]}


def test_more_than_ten_thousand_invoices_are_420(peer: Peer) -> None:
    archive = make_zip({f"{number}.xml": b"" for number in range(10_007)})
    assert peer.session(peer.send(Upload(archive)))["status"] == {
        "code": 420,
        "description": "Przekroczony limit faktur w sesji",
        "details": [
            "Przekroczono dopuszczalną liczbę faktur w paczce: '10000'. Liczba faktur w paczce: '10007'."
        ],
    }


def test_a_key_that_nobody_can_decrypt_is_found_out_later(peer: Peer, sales: dict[str, bytes]) -> None:
    upload = package(sales)
    encryption = peer.encryption(upload.key, upload.iv)
    encryption["encryptedSymmetricKey"] = b64encode(b"x" * 256).decode()
    status = peer.session(peer.send(upload, encryption=encryption))
    assert status["status"]["code"] == 415
    assert "klucza symetrycznego" in status["status"]["details"][0]
    assert "invoiceCount" not in status


def test_the_official_clients_find_the_causes_that_they_look_for(peer: Peer, sales: dict[str, bytes]) -> None:
    """As their tests against KSeF's TEST environment do; the vector spoils the archive's first bytes."""
    upload = package(sales)
    other = peer.session(peer.send(upload, encryption=peer.encryption(upload.key, b"another vector:)")))
    assert other["status"]["code"] == 430
    (cause,) = other["status"]["details"]
    assert "Skrót SHA-256 przesłanej paczki faktur nie jest zgodny z zadeklarowanym skrótem:" in cause
    wrong_part_hash(upload)
    declared = upload.file["fileParts"][1]["fileHash"]
    (cause,) = peer.session(peer.send(upload))["status"]["details"]
    assert f"Skrót SHA-256 części: '2' nie zgadza się z zadeklarowanym skrótem: '{declared}'" in cause


def test_only_wrong_invoices_are_445(peer: Peer) -> None:
    reference = peer.send(Upload(make_zip({"a.xml": b"no xml", "b.xml": b"x" * 3_000_001})))
    status = peer.session(reference)
    assert status["status"]["code"] == 445
    assert (status["successfulInvoiceCount"], status["failedInvoiceCount"]) == (0, 2)
    wrong, large = peer.invoices(reference, "/failed")
    assert (wrong["status"]["code"], large["status"]["code"]) == (450, 430)
    assert large["invoiceHash"] == digest(b"x" * 3_000_001)


def with_file(upload: Upload, **members: Any) -> dict[str, Any]:
    return {"batchFile": {**upload.file, **members}}


AT_ONCE: dict[str, tuple[Callable[[Upload], dict[str, Any]], int]] = {
    "unknown form": (
        lambda _: {"formCode": {"systemCode": "FA3", "schemaVersion": "1-0E", "value": "FA"}},
        21405,
    ),
    "PEF": (lambda _: {"formCode": {"systemCode": "PEF (3)", "schemaVersion": "2-1", "value": "PEF"}}, 21405),
    "51 parts": (
        lambda upload: with_file(
            upload,
            fileParts=[{"ordinalNumber": n, "fileSize": 16, "fileHash": digest(b"")} for n in range(1, 52)],
        ),
        21161,
    ),
    "a part over 100 MB": (
        lambda upload: with_file(
            upload, fileParts=[{"ordinalNumber": 1, "fileSize": 100_000_017, "fileHash": digest(b"")}]
        ),
        21157,
    ),
    "no parts": (lambda upload: with_file(upload, fileParts=[]), 21405),
    "parts with gaps": (
        lambda upload: with_file(
            upload, fileParts=[{"ordinalNumber": 2, "fileSize": 16, "fileHash": digest(b"")}]
        ),
        21405,
    ),
    "over 5 GB": (lambda upload: with_file(upload, fileSize=5_000_000_001), 21405),
    "no hash": (lambda upload: with_file(upload, fileHash="abc"), 21405),
    "no file": (lambda _: {"batchFile": None}, 21405),
    "unknown compression": (lambda upload: with_file(upload, compressionType="Rar"), 21405),
    "short IV": (
        lambda _: {
            "encryption": {"encryptedSymmetricKey": "eHg=", "initializationVector": b64encode(b"x").decode()}
        },
        21405,
    ),
    "unknown key": (
        lambda upload: {
            "encryption": {
                "encryptedSymmetricKey": "eHg=",
                "initializationVector": b64encode(upload.iv).decode(),
                "publicKeyId": b64encode(b"k" * 32).decode(),
            }
        },
        21470,
    ),
}


@pytest.mark.parametrize("case", AT_ONCE)
def test_a_wrong_opening_is_refused_at_once(peer: Peer, case: str) -> None:
    change, code = AT_ONCE[case]
    upload = Upload(b"x" * 100)
    assert error_code(peer.open_batch(upload, **change(upload))) == code


def test_a_close_names_the_part_that_is_missing(peer: Peer) -> None:
    upload = Upload(b"x" * 100, cuts=(50,))
    opened = peer.open_batch(upload)
    reference = opened.json()["referenceNumber"]
    first, second = opened.json()["partUploadRequests"]
    peer.put_part(first["url"], upload.parts[0])
    refused = peer.close_batch(reference)
    assert error_code(refused) == 21205
    assert "'2'" in refused.text
    peer.put_part(second["url"], upload.parts[1] + b"more")
    assert error_code(peer.close_batch(reference)) == 21157
    peer.put_part(second["url"], upload.parts[1])
    assert peer.close_batch(reference).status_code == 204


def test_a_second_close_is_refused(peer: Peer, sales: dict[str, bytes]) -> None:
    reference = peer.send(package(sales))
    assert error_code(peer.close_batch(reference)) == 21180


def test_a_closed_session_takes_no_parts(peer: Peer, sales: dict[str, bytes]) -> None:
    upload = package(sales)
    opened = peer.open_batch(upload)
    peer.put_parts(opened, upload.parts)
    peer.close_batch(opened.json()["referenceNumber"])
    late = peer.put_part(opened.json()["partUploadRequests"][0]["url"], b"other")
    assert late.status_code == 403
    assert late.text.startswith("<?xml")
    assert peer.session(opened.json()["referenceNumber"])["successfulInvoiceCount"] == 5


def test_a_bomb_is_430(peer: Peer) -> None:
    limits = {"maxInvoiceSizeInMB": 1, "maxInvoiceWithAttachmentSizeInMB": 3, "maxInvoices": 10}
    peer.http.post("/testdata/limits/context/session", json={"onlineSession": limits, "batchSession": limits})
    bomb = make_zip({"a.xml": bytes(100_000_000)})
    assert len(bomb) < 200_000
    assert peer.session(peer.send(Upload(bomb)))["status"]["code"] == 430


def test_an_unknown_session_is_told(peer: Peer) -> None:
    assert error_code(peer.close_batch(UNKNOWN)) == 21173
    assert error_code(peer.http.get(f"/sessions/{UNKNOWN}")) == 21173
    assert error_code(peer.http.get(f"/sessions/{UNKNOWN}/invoices")) == 21173


def test_a_session_that_is_never_closed_is_cancelled_after_twelve_hours(peer: Peer) -> None:
    reference = peer.open_batch(Upload(b"x")).json()["referenceNumber"]
    peer.emulator.control("clock", advance=12 * 3600 + 1)
    peer.log_in()
    assert peer.session(reference)["status"]["details"] == ["Przekroczono czas wysyłki"]
    assert error_code(peer.close_batch(reference)) == 21208


def test_problem_details_have_one_entry_with_all_sentences(peer: Peer) -> None:
    upload = Upload(b"x")
    changed = with_file(upload, fileSize=0, fileHash="abc")
    peer.http.headers["X-Error-Format"] = "problem-details"
    answer = peer.open_batch(upload, **changed)
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["title"], body["status"], body["instance"]) == ("Bad Request", 400, "/v2/sessions/batch")
    assert [(error["code"], len(error["details"])) for error in body["errors"]] == [(21405, 2)]
    del peer.http.headers["X-Error-Format"]
    older = peer.open_batch(upload, **changed).json()["exception"]["exceptionDetailList"]
    assert [len(entry["details"]) for entry in older] == [2]
