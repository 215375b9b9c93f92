"""Exports: packages of many invoices."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Callable

import pytest

from tests.emulator.granting import enter_below
from tests.emulator.packing import digest, metadata_of
from tests.emulator.peer import APRIL, Peer, by_storage, error_code
from tests.emulator_process import EmulatorProcess


def test_an_export_is_truncated_at_its_cap_and_goes_on_from_its_last_date(received: Peer) -> None:
    start, seen, exports = "2026-03-01T00:00:00Z", {}, 0
    while True:
        package, archive = received.export(by_storage(start=start, end=APRIL), onlyMetadata=True)
        exports += 1
        found = metadata_of(archive)
        assert package["invoiceCount"] == len(found) <= 50
        assert package["compressionType"] == "Zip"
        assert "lastIssueDate" not in package
        assert "lastInvoicingDate" not in package
        seen.update({each["ksefNumber"]: each for each in found})
        if not package["isTruncated"]:
            assert "lastPermanentStorageDate" not in package
            break
        start = package["lastPermanentStorageDate"]
        assert start[:26] == found[-1]["permanentStorageDate"][:26]
    assert list(seen) == received.emulator.ksef_numbers()
    assert exports == 3
    assert package["permanentStorageHwmDate"] == "2026-04-01T00:00:00.0000000+00:00"


def test_an_export_with_documents_holds_each_under_its_number(received: Peer) -> None:
    _, archive = received.export(by_storage(end=APRIL), compressionType="targz")
    with tarfile.open(fileobj=io.BytesIO(archive)) as package:
        files = {each.name: package.extractfile(each).read() for each in package}  # type: ignore[union-attr]
    metadata = json.loads(files.pop("_metadata.json"))["invoices"]
    assert {f"{each['ksefNumber']}.xml": each["invoiceHash"] for each in metadata} == {
        name: digest(xml) for name, xml in files.items()
    }
    assert len(files) == 50


def test_an_export_that_fits_exactly_is_not_truncated(received: Peer) -> None:
    received.emulator.control("settings", exportCap=120)
    package, _ = received.export(by_storage(end=APRIL), onlyMetadata=True)
    assert (package["invoiceCount"], package["isTruncated"]) == (120, False)
    assert "lastPermanentStorageDate" not in package


@pytest.mark.parametrize(
    ("date_type", "name", "digits"), [("Issue", "lastIssueDate", 10), ("Invoicing", "lastInvoicingDate", 26)]
)
def test_a_truncated_export_tells_the_last_date_of_its_kind(
    received: Peer, date_type: str, name: str, digits: int
) -> None:
    dates = {"dateType": date_type, "from": "2026-02-25T00:00:00Z", "to": APRIL}
    package, archive = received.export({"subjectType": "Subject2", "dateRange": dates}, onlyMetadata=True)
    found = metadata_of(archive)
    key = f"{date_type[0].lower()}{date_type[1:]}Date"
    assert package["isTruncated"]
    assert package[name][:digits] == found[-1][key][:digits] == max(each[key] for each in found)[:digits]
    assert "permanentStorageHwmDate" not in package
    assert len([each for each in package if each.startswith("last")]) == 1


def test_an_empty_export_has_a_package_without_parts(peer: Peer) -> None:
    package, archive = peer.export(by_storage(start="2026-02-01T00:00:00Z", end="2026-02-02T00:00:00Z"))
    assert archive == b""
    assert (package["invoiceCount"], package["size"], package["parts"]) == (0, 0, [])
    assert package["isTruncated"] is False
    assert package["permanentStorageHwmDate"] == "2026-02-02T00:00:00.0000000+00:00"


def test_links_are_renewed_and_expire(received: Peer) -> None:
    started = received.start_export(by_storage(end=APRIL), onlyMetadata=True)
    first = received.export_status(started)["package"]["parts"][0]
    received.emulator.control("clock", advance=3601)
    received.log_in()
    expired = received.links.get(first["url"])
    assert (expired.status_code, expired.headers["content-type"]) == (403, "application/xml")
    assert "<Code>AuthenticationFailed</Code>" in expired.text
    second = received.export_status(started)["package"]["parts"][0]
    assert second["url"] != first["url"]
    assert received.links.get(second["url"]).status_code == 200
    received.emulator.control("clock", advance=7 * 86400)
    received.log_in()
    assert received.export_status(started)["status"]["code"] == 210
    received.emulator.control("clock", advance=7 * 86400)
    received.log_in()
    gone = received.http.get(f"/invoices/exports/{started.json()['referenceNumber']}")
    assert gone.status_code == 410


def test_a_link_ends_with_its_package(received: Peer) -> None:
    started = received.start_export(by_storage(end=APRIL), onlyMetadata=True)
    end = received.export_status(started)["packageExpirationDate"]
    received.emulator.control("clock", advance=7 * 86400 - 600)
    received.log_in()
    (part,) = received.export_status(started)["package"]["parts"]
    assert part["expirationDate"] == end
    assert received.links.get(part["url"]).status_code == 200
    received.emulator.control("clock", advance=601)
    assert received.links.get(part["url"]).status_code == 403


def test_a_key_that_nobody_can_decrypt_ends_an_export_in_415(peer: Peer) -> None:
    encryption = {"encryptedSymmetricKey": "eHg=", "initializationVector": "aWlpaWlpaWlpaWlpaWlpaQ=="}
    started = peer.start_export(by_storage(end=APRIL), encryption=encryption)
    assert started.status_code == 201
    assert peer.export_status(started)["status"]["code"] == 415


def test_an_unknown_export_is_told(peer: Peer) -> None:
    assert error_code(peer.http.get("/invoices/exports/20260901-EH-1A2B3CA000-0F1E2D3C51-AD")) == 21175


def test_ten_exports_run_at_once_and_no_more(emulators: Callable[..., EmulatorProcess]) -> None:
    peer = Peer(emulators("--delay", "1"))
    peer.log_in()
    started = [peer.start_export(by_storage(end=APRIL)) for _ in range(11)]
    assert [answer.status_code for answer in started[:10]] == [201] * 10
    assert error_code(started[10]) == 21182
    assert peer.export_status(started[0])["status"]["code"] == 200
    time.sleep(0.1)
    assert peer.start_export(by_storage(end=APRIL)).status_code == 201


@pytest.mark.parametrize("subject_type", ["Subject1", "Subject2", "SubjectAuthorized"])
def test_a_part_of_a_company_exports_what_it_is_named_on_as_third_party(
    received: Peer, subject_type: str
) -> None:
    below = enter_below(received.emulator)
    refused = below.start_export(by_storage(subject_type, end=APRIL))
    assert error_code(refused) == 21181
    assert f"({subject_type}) i zalogowanego identyfikatora kontekstu (InternalId)" in refused.text
    assert below.start_export(by_storage("Subject3", end=APRIL)).status_code == 201
