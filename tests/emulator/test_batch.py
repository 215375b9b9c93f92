"""Batch sessions that go well, and what is told about them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from airflow_provider_ksef.emulator.moments import WARSAW
from airflow_provider_ksef.emulator.numbers import crc8
from airflow_provider_ksef.emulator.samples import make_samples
from tests.emulator.packing import Upload, digest, make_zip
from tests.emulator.peer import BLOCK_BLOB, Peer, error_code, without_links
from tests.emulator_process import NIP, EmulatorProcess


def make_tar(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def test_a_batch_is_taken_and_each_invoice_numbered(peer: Peer, sales: dict[str, bytes]) -> None:
    reference = peer.send(Upload(make_zip(sales)))
    status = peer.session(reference)
    assert status["status"] == {"code": 200, "description": "Sesja wsadowa przetworzona pomyślnie"}
    counters = ("invoiceCount", "successfulInvoiceCount", "failedInvoiceCount")
    assert [status[name] for name in counters] == [5, 5, 0]
    invoices = peer.invoices(reference)
    assert [each["ordinalNumber"] for each in invoices] == [1, 2, 3, 4, 5]
    assert {each["invoiceFileName"]: each["invoiceHash"] for each in invoices} == {
        name: digest(xml) for name, xml in sales.items()
    }
    assert all(each["invoicingDate"] == status["dateCreated"] for each in invoices)
    for each in invoices:
        number = each["ksefNumber"]
        assert number.startswith(f"{NIP}-")
        assert crc8(number[:32]) == number[-2:]
    assert peer.invoices(reference, "/failed") == []
    assert sorted(peer.emulator.ksef_numbers(subject_type="Subject1")) == sorted(
        each["ksefNumber"] for each in invoices
    )


def test_permanent_storage_comes_after_the_number_was_given(peer: Peer, sales: dict[str, bytes]) -> None:
    reference = peer.send(Upload(make_zip(sales)))
    peer.session(reference)
    peer.emulator.control("clock", advance=1)
    for each in peer.invoices(reference):
        assert each["acquisitionDate"] < each["permanentStorageDate"]
        assert len(each["acquisitionDate"]) == len(each["permanentStorageDate"]) + 1


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_package_may_come_in_parts_of_both_kinds(
    peer: Peer, sales: dict[str, bytes], make: Callable[[dict[str, bytes]], bytes]
) -> None:
    archive = make(sales)
    compression = "Zip" if make is make_zip else "TarGz"
    reference = peer.send(Upload(archive, compression=compression, cuts=(1000, 1001)))
    assert peer.session(reference)["successfulInvoiceCount"] == 5


def test_a_large_part_is_received_without_being_held(peer: Peer) -> None:
    """100 MB arrive; the process grows by a fraction of that."""
    upload = Upload(b"x")
    upload.file["fileParts"][0]["fileSize"] = 100_000_000
    link = peer.open_batch(upload).json()["partUploadRequests"][0]["url"]
    before = resident_megabytes(peer.emulator)
    assert peer.put_part(link, iter([bytes(1_000_000)] * 100)).status_code == 201
    assert resident_megabytes(peer.emulator) - before < 40
    assert peer.put_part(link, iter([bytes(1_000_000)] * 101)).status_code == 413


def test_a_large_package_is_processed_without_being_held(peer: Peer) -> None:
    """Out of 2 MB come 160 MB, 60 files of which nobody could make an invoice."""
    blank = b" " * 2_700_000
    archive = make_zip({f"{number}.xml": blank for number in range(60)})
    before = resident_megabytes(peer.emulator)
    reference = peer.send(Upload(archive))
    assert peer.session(reference)["failedInvoiceCount"] == 60
    assert resident_megabytes(peer.emulator) - before < 50


def resident_megabytes(emulator: EmulatorProcess) -> float:
    """The most memory that the process has ever held."""
    status = Path(f"/proc/{emulator.process.pid}/status")
    if not status.exists():
        pytest.skip("only Linux tells the memory of a process this way")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1000


def test_names_in_any_encoding_are_shown(peer: Peer, sales: dict[str, bytes]) -> None:
    name, xml = "żółw-\udcff.xml", next(iter(sales.values()))
    reference = peer.send(Upload(make_tar({name: xml}), compression="TarGz"))
    assert peer.session(reference)["status"]["code"] == 200
    (invoice,) = peer.invoices(reference)
    assert invoice["invoiceFileName"] == "żółw-?.xml"


def test_zip_is_what_is_meant_where_nothing_is_said(peer: Peer, sales: dict[str, bytes]) -> None:
    assert peer.session(peer.send(Upload(make_zip(sales), compression=None)))["status"]["code"] == 200


def test_members_may_be_written_in_any_case(peer: Peer, sales: dict[str, bytes]) -> None:
    upload = Upload(make_zip(sales))
    encryption = peer.encryption(upload.key, upload.iv)
    body = {
        "FormCode": {"SystemCode": "FA (3)", "SchemaVersion": "1-0E", "Value": "FA"},
        "BatchFile": {
            "FileSize": upload.file["fileSize"],
            "FileHash": upload.file["fileHash"],
            "CompressionType": "zip",
            "FileParts": upload.file["fileParts"],
        },
        "Encryption": {name[0].upper() + name[1:]: value for name, value in encryption.items()},
    }
    assert peer.http.post("/sessions/batch", json=body).status_code == 201


def test_lists_come_in_pages(peer: Peer) -> None:
    samples = make_samples(NIP, 25, 12, 3, datetime.now(WARSAW).date())
    reference = peer.send(Upload(make_zip({each.name: each.xml for each in samples})))
    status = peer.session(reference)
    assert (status["successfulInvoiceCount"], status["failedInvoiceCount"]) == (13, 12)
    peer.emulator.control("clock", advance=1)  # now each has its permanent storage date
    whole = [without_links(each) for each in peer.invoices(reference)]
    assert [without_links(each) for each in peer.invoices(reference, size=10)] == whole
    failed = [each for each in whole if each["status"]["code"] != 200]
    assert peer.invoices(reference, "/failed", size=10) == failed
    assert {each.name: each.code or 200 for each in samples} == {
        each["invoiceFileName"]: each["status"]["code"] for each in whole
    }
    assert all("ksefNumber" not in each and "invoicingMode" not in each for each in failed)
    one = whole[3]
    path = f"/sessions/{reference}/invoices/{one['referenceNumber']}"
    assert without_links(peer.http.get(path).json()) == one


def test_sessions_are_listed_newest_first(peer: Peer, sales: dict[str, bytes]) -> None:
    done = peer.send(Upload(make_zip(sales)))
    peer.session(done)
    others = [peer.open_batch(Upload(b"x")).json()["referenceNumber"] for _ in range(11)]
    first = peer.http.get("/sessions", params={"sessionType": "batch"}).json()
    assert [each["referenceNumber"] for each in first["sessions"]] == others[:0:-1]
    second = peer.http.get(
        "/sessions",
        params={"sessionType": "Batch"},
        headers={"x-continuation-token": first["continuationToken"]},
    ).json()
    assert [each["referenceNumber"] for each in second["sessions"]] == [others[0], done]
    assert "continuationToken" not in second
    succeeded = peer.http.get("/sessions", params={"sessionType": "Batch", "statuses": ["Succeeded"]}).json()
    assert [each["totalInvoiceCount"] for each in succeeded["sessions"]] == [5]
    assert peer.http.get("/sessions", params={"sessionType": "Online"}).json() == {"sessions": []}


def test_sessions_are_found_by_reference_dates_and_states(peer: Peer, sales: dict[str, bytes]) -> None:
    done = peer.send(Upload(make_zip(sales)))
    peer.session(done)
    peer.emulator.control("clock", advance=60)
    empty = peer.send(Upload(make_zip({})))
    peer.session(empty)
    peer.emulator.control("clock", advance=60)
    fresh = peer.open_batch(Upload(b"x")).json()["referenceNumber"]
    wrong = peer.send(Upload(b"not an archive"))
    peer.session(wrong)
    names = {done: "done", empty: "empty", fresh: "fresh", wrong: "wrong"}
    dates = {
        names[each]: peer.http.get(f"/sessions/{each}").json()["dateUpdated"] for each in (done, empty, wrong)
    }

    def found(**query: str | list[str]) -> set[str]:
        answer = peer.http.get("/sessions", params={"sessionType": "Batch", **query})
        assert answer.status_code == 200, answer.text
        return {names[each["referenceNumber"]] for each in answer.json()["sessions"]}

    assert found() == {"done", "empty", "fresh", "wrong"}
    assert found(referenceNumber=empty) == {"empty"}
    assert found(statuses="InProgress") == {"fresh"}
    assert found(statuses=["cancelled", "Failed"]) == {"empty", "wrong"}
    assert found(dateCreatedTo=dates["done"]) == {"done"}
    assert found(dateCreatedFrom=dates["done"], dateCreatedTo=dates["empty"]) == {"empty"}
    assert found(dateModifiedFrom=dates["empty"], dateModifiedTo=dates["empty"]) == {"empty"}
    assert found(dateClosedFrom=dates["done"]) == {"empty", "wrong"}
    assert found(dateClosedTo=dates["done"]) == {"done"}
    backward = {"dateClosedFrom": dates["empty"], "dateClosedTo": dates["done"]}
    assert error_code(peer.http.get("/sessions", params={"sessionType": "Batch", **backward})) == 21405
    assert error_code(peer.http.get("/sessions")) == 21405


def test_a_wrong_continuation_token_is_told(peer: Peer) -> None:
    answer = peer.http.get(
        "/sessions", params={"sessionType": "Batch"}, headers={"x-continuation-token": "?"}
    )
    assert error_code(answer) == 21418


def test_an_invoice_sent_twice_is_a_duplicate_of_the_first(peer: Peer, sales: dict[str, bytes]) -> None:
    name, xml = next(iter(sales.items()))
    reference = peer.send(Upload(make_zip({name: xml, "again.xml": xml})))
    peer.session(reference)
    first, second = peer.invoices(reference)
    assert second["status"]["code"] == 440
    assert second["status"]["extensions"] == {
        "originalSessionReferenceNumber": reference,
        "originalKsefNumber": first["ksefNumber"],
    }
    assert first["ksefNumber"] in second["status"]["details"][0]
    assert second["invoiceNumber"] == first["invoiceNumber"]

    later = peer.send(Upload(make_zip({name: xml})))
    assert peer.session(later)["status"]["code"] == 445
    (third,) = peer.invoices(later)
    assert third["status"]["extensions"] == second["status"]["extensions"]


def test_an_invoice_of_an_earlier_day_is_offline(peer: Peer) -> None:
    yesterday = datetime.now(WARSAW).date() - timedelta(days=2)
    (old,) = make_samples(NIP, 1, 0, 7, yesterday)
    (new,) = make_samples(NIP, 1, 0, 8, datetime.now(WARSAW).date())
    assert [each["invoicingMode"] for each in peer.send_files({"a.xml": old.xml, "b.xml": new.xml})] == [
        "Offline",
        "Online",
    ]


def test_what_is_declared_offline_stays_so(peer: Peer, sales: dict[str, bytes]) -> None:
    assert {each["invoicingMode"] for each in peer.send_files(sales, offlineMode=True)} == {"Offline"}


def test_the_stored_document_is_what_was_sent(peer: Peer, sales: dict[str, bytes]) -> None:
    first, *_ = peer.send_files(sales)
    peer.emulator.control("clock", advance=1)
    answer = peer.http.get(f"/invoices/ksef/{first['ksefNumber']}")
    assert answer.content == sales[first["invoiceFileName"]]
    assert answer.headers["x-ms-meta-hash"] == digest(answer.content)
    assert answer.headers["content-type"].startswith("application/xml")


def test_an_invoice_is_fetched_only_by_those_on_it(peer: Peer) -> None:
    unknown = f"/invoices/ksef/{NIP}-20260901-0A1B2C000000-C6"
    assert error_code(peer.http.get(unknown)) == 21164
    peer.emulator.control("seed", nip="1111111111", subjectType="Subject1", count=1)
    (foreign,) = peer.emulator.ksef_numbers("1111111111", "Subject1")
    peer.emulator.control("clock", advance=1)
    assert error_code(peer.http.get(f"/invoices/ksef/{foreign}")) == 21164


def test_links_expire_after_twenty_minutes_for_each_part(peer: Peer) -> None:
    opened = peer.open_batch(Upload(b"x" * 100, cuts=(50,))).json()
    first, second = opened["partUploadRequests"]
    peer.emulator.control("clock", advance=39 * 60)
    assert peer.put_part(first["url"], b"y").status_code == 201
    assert peer.put_part(first["url"].replace("sp=w", "sp=r"), b"y").status_code == 403
    peer.emulator.control("clock", advance=2 * 60)
    late = peer.put_part(second["url"], b"y")
    assert late.status_code == 403
    assert late.text.startswith("<?xml")


def test_a_part_comes_with_the_given_header_and_without_a_token(peer: Peer) -> None:
    upload = Upload(b"x")
    link = peer.open_batch(upload).json()["partUploadRequests"][0]["url"]
    part = upload.parts[0]
    for refused, status, code in (
        (peer.http.put(link, content=part, headers=BLOCK_BLOB), 403, "AuthenticationFailed"),
        (peer.links.put(link, content=part), 400, "MissingRequiredHeader"),
        (
            peer.links.put(link, content=part, headers={"x-ms-blob-type": "Page"}),
            400,
            "MissingRequiredHeader",
        ),
    ):
        assert refused.status_code == status
        assert f"<Code>{code}</Code>" in refused.text
    assert peer.put_part(link, part).status_code == 201


def test_another_context_sees_nothing_of_a_session(emulators: Callable[..., EmulatorProcess]) -> None:
    emulator = emulators("--nip", "1111111111", "--token", "other")
    owner, other = Peer(emulator), Peer(emulator)
    owner.log_in()
    other.log_in("other", "1111111111")
    path = f"/sessions/{owner.open_batch(Upload(b'x')).json()['referenceNumber']}"
    assert owner.http.get(path).status_code == 200
    refused = other.http.get(path)
    assert (refused.status_code, refused.json()["reasonCode"]) == (403, "insufficient-resource-access")
    assert error_code(other.http.get(path[:-1] + "z")) == 21173
    listed = other.http.get("/sessions", params={"sessionType": "Batch"}).json()
    assert listed == {"sessions": []}
