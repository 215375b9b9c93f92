from __future__ import annotations

import hashlib
import io
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tenacity

from airflow_provider_ksef.client import KsefClient, retries, transfer
from airflow_provider_ksef.client.batch import PartUpload
from airflow_provider_ksef.client.crypto import SessionKey, encrypt_stream, sha256_base64
from airflow_provider_ksef.client.exports import ExportPackage, ExportPart
from airflow_provider_ksef.client.parts import write_part
from airflow_provider_ksef.client.presigned import check_link
from airflow_provider_ksef.client.settings import Environment
from airflow_provider_ksef.client.splitting import PackedPart
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefInputError,
    KsefIntegrityError,
    KsefTimeoutError,
    KsefTransportError,
    KsefUnavailableError,
)
from tests.unit.client.fake_ksef import SETTINGS
from tests.unit.client.storage_server import SIGNATURE, Storage, cut, expired, gateway, page, redirect

KEY = SessionKey(b"k" * 32, b"i" * 16)
DATES = dict.fromkeys(
    ("last_permanent_storage_date", "last_invoicing_date", "last_issue_date", "permanent_storage_hwm_date")
)


def packed_parts(folder: Path, sizes: tuple[int, ...] = (3_000_000, 5, 1_000)) -> list[PackedPart]:
    parts = []
    for ordinal, size in enumerate(sizes, start=1):
        path = folder / f"part-{ordinal}"
        path.write_bytes(bytes([ordinal]) * size)
        parts.append(PackedPart(ordinal, path, size, sha256_base64(path.read_bytes())))
    return parts


def places(storage: Storage, parts: list[PackedPart]) -> list[PartUpload]:
    headers = {"x-ms-blob-type": "BlockBlob"}
    return [
        PartUpload(part.ordinal_number, "PUT", storage.url(f"{part.ordinal_number}.enc"), headers)
        for part in reversed(parts)
    ]


def package(storage: Storage, *plains: bytes) -> ExportPackage:
    parts = []
    for ordinal, plain in enumerate(plains, start=1):
        target = io.BytesIO()
        encrypt_stream(io.BytesIO(plain), target, KEY)
        encrypted = target.getvalue()
        storage.files[f"{ordinal}.aes"] = encrypted
        parts.append(
            ExportPart(
                ordinal_number=ordinal,
                name=f"EH-00{ordinal}.zip.aes",
                url=storage.url(f"{ordinal}.aes"),
                size=len(plain),
                hash=sha256_base64(plain),
                encrypted_size=len(encrypted),
                encrypted_hash=sha256_base64(encrypted),
                expiration="",
            )
        )
    size = sum(map(len, plains))
    return ExportPackage(1, size, tuple(parts), is_truncated=False, **DATES, compression="Zip")


def test_parts_go_to_their_places_with_the_given_headers_and_no_token(
    storage: Storage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for logger in (None, "httpx"):
        caplog.set_level(logging.INFO, logger)
    parts = packed_parts(tmp_path)
    with KsefClient(storage.settings()) as ksef:
        ksef.upload_parts(places(storage, parts), parts)
    assert {name: hashlib.sha256(content).digest() for name, content in storage.files.items()} == {
        f"{part.ordinal_number}.enc": hashlib.sha256(part.path.read_bytes()).digest() for part in parts
    }
    for headers in storage.headers:
        assert headers["x-ms-blob-type"] == "BlockBlob"
        assert "authorization" not in headers
        assert "transfer-encoding" not in headers
    assert "of 3: 3.0 of 3.0 MB" in caplog.text
    assert " MB/s." in caplog.text
    assert SIGNATURE not in caplog.text
    assert "/storage/1.enc" in caplog.text


def test_only_the_broken_part_is_repeated(storage: Storage, tmp_path: Path) -> None:
    parts = packed_parts(tmp_path)
    storage.mishaps["2.enc"] = [gateway, lambda handler: handler.connection.close(), gateway]
    with KsefClient(storage.settings()) as ksef:
        ksef.upload_parts(places(storage, parts), parts)
    assert storage.counts == {"1.enc": 1, "2.enc": 4, "3.enc": 1}
    assert storage.files["2.enc"] == parts[1].path.read_bytes()


def test_a_refused_upload_is_told_and_not_repeated(storage: Storage, tmp_path: Path) -> None:
    parts = packed_parts(tmp_path)
    storage.mishaps["2.enc"] = [expired]
    with (
        KsefClient(storage.settings()) as ksef,
        pytest.raises(KsefApiError, match="AuthenticationFailed") as raised,
    ):
        ksef.upload_parts(places(storage, parts), parts)
    assert raised.value.fault.http_status == 403
    assert "The link for part 2 has expired" in raised.value.remedy
    assert SIGNATURE not in str(raised.value)
    assert storage.counts["2.enc"] == 1


def test_parts_go_up_side_by_side(storage: Storage, tmp_path: Path) -> None:
    parts = packed_parts(tmp_path, (10, 20, 30, 40))
    together = threading.Barrier(4)

    def meet(handler: Any) -> None:
        together.wait(timeout=20)
        handler.reply(201)

    storage.mishaps = {f"{part.ordinal_number}.enc": [meet] for part in parts}
    with KsefClient(storage.settings()) as ksef:
        ksef.upload_parts(places(storage, parts), parts)
    assert set(storage.counts.values()) == {1}


def test_an_outage_of_some_tries_is_outlasted(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "_backoff", tenacity.wait_none())
    parts = packed_parts(tmp_path)
    storage.mishaps["1.enc"] = [gateway] * 7
    storage.mishaps["2.enc"] = [gateway] * 8
    with KsefClient(storage.settings()) as ksef:
        ksef.upload_parts(places(storage, parts[:1]), parts[:1])
        with pytest.raises(KsefUnavailableError):
            ksef.upload_parts(places(storage, parts), parts)
    assert storage.counts["2.enc"] == 8


def test_no_part_is_begun_after_the_time_that_ksef_grants(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "UPLOAD_TIME", 0.1)
    parts = packed_parts(tmp_path)

    def late(handler: Any) -> None:
        time.sleep(0.4)
        gateway(handler)

    storage.mishaps["2.enc"] = [late]
    with KsefClient(storage.settings()) as ksef, pytest.raises(KsefTimeoutError, match="Part 2 was not"):
        ksef.upload_parts(places(storage, parts), parts)
    assert storage.counts == {"1.enc": 1, "2.enc": 1, "3.enc": 1}


def test_a_missing_place_is_noticed_before_anything_is_uploaded(storage: Storage, tmp_path: Path) -> None:
    parts = packed_parts(tmp_path)
    with KsefClient(storage.settings()) as ksef, pytest.raises(KsefIntegrityError, match="asks for 2 parts"):
        ksef.upload_parts(places(storage, parts)[:2], parts)
    assert not storage.counts


def test_a_package_stays_encrypted_and_opens_as_one_plain_archive(
    storage: Storage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    plains = [b"a" * 2_500_000, b"b" * 16, b"c"]
    with KsefClient(storage.settings()) as ksef:
        downloaded = ksef.download_package(package(storage, *plains), KEY, tmp_path / "new" / "folder")
    with downloaded.open() as archive:
        assert archive.read() == b"".join(plains)
    files = sorted((tmp_path / "new" / "folder").iterdir())
    assert [file.read_bytes() for file in files] == [storage.files[f"{part}.aes"] for part in (1, 2, 3)]
    assert all("authorization" not in headers for headers in storage.headers)
    assert SIGNATURE not in caplog.text


def test_a_cut_download_is_repeated(storage: Storage, tmp_path: Path) -> None:
    exported = package(storage, b"a" * 2_000_000, b"b" * 100)
    storage.mishaps["1.aes"] = [cut, gateway]
    with KsefClient(storage.settings()) as ksef:
        downloaded = ksef.download_package(exported, KEY, tmp_path)
    with downloaded.open() as archive:
        assert archive.read() == b"a" * 2_000_000 + b"b" * 100
    assert storage.counts == {"1.aes": 3, "2.aes": 1}


@pytest.mark.parametrize(
    ("mishap", "error"),
    [(page, KsefIntegrityError), (expired, KsefApiError), (redirect, KsefApiError)],
)
def test_what_is_not_a_file_leaves_nothing(
    storage: Storage, tmp_path: Path, mishap: Callable[[Any], None], error: type[Exception]
) -> None:
    exported = package(storage, b"a" * 100)
    storage.mishaps["1.aes"] = [mishap]
    with KsefClient(storage.settings()) as ksef, pytest.raises(error):
        ksef.download_package(exported, KEY, tmp_path)
    assert not list(tmp_path.iterdir())
    assert storage.counts == {"1.aes": 1}


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"encrypted_size": 111}, "has 112 encrypted bytes, announced were 111"),
        ({"encrypted_size": 113}, "has 112 encrypted bytes, announced were 113"),
        ({"encrypted_hash": sha256_base64(b"")}, "hash of its encrypted bytes"),
        ({"size": 99}, "plain bytes, announced were 99"),
        ({"size": 101}, "has 100 plain bytes, announced were 101"),
        ({"hash": sha256_base64(b"")}, "hash of its plain bytes"),
    ],
)
def test_a_part_that_is_not_as_announced_leaves_nothing(
    storage: Storage, tmp_path: Path, changed: dict[str, Any], problem: str
) -> None:
    exported = package(storage, b"a" * 100)
    wrong = replace(exported, parts=(replace(exported.parts[0], **changed),))
    with KsefClient(storage.settings()) as ksef, pytest.raises(KsefIntegrityError, match=problem):
        ksef.download_package(wrong, KEY, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_endless_part_is_not_read_to_its_end(storage: Storage) -> None:
    exported = package(storage, b"a" * 100)

    def endless() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * 100
        raise AssertionError("read on and on")

    target = io.BytesIO()
    with pytest.raises(KsefIntegrityError, match="announced were 112"):
        write_part(endless(), exported.parts[0], KEY, target)
    assert len(target.getvalue()) <= 112


def test_another_key_leaves_nothing(storage: Storage, tmp_path: Path) -> None:
    exported = package(storage, b"a" * 100)
    other = SessionKey(b"o" * 32, b"i" * 16)
    with KsefClient(storage.settings()) as ksef, pytest.raises(KsefIntegrityError):
        ksef.download_package(exported, other, tmp_path)
    assert not list(tmp_path.iterdir())


def test_older_parts_survive_a_failed_download(storage: Storage, tmp_path: Path) -> None:
    exported = package(storage, b"a" * 100, b"b" * 100)
    with KsefClient(storage.settings()) as ksef:
        older = ksef.download_package(exported, KEY, tmp_path)
        storage.mishaps["2.aes"] = [page]
        with pytest.raises(KsefIntegrityError):
            ksef.download_package(exported, KEY, tmp_path)
    assert older.open().read() == b"a" * 100 + b"b" * 100
    assert len(list(tmp_path.iterdir())) == 2


def test_a_storage_that_is_not_there_is_told(storage: Storage, tmp_path: Path) -> None:
    exported = package(storage, b"a" * 100)
    gone = replace(exported.parts[0], url="http://127.0.0.1:1/storage/1.aes?sig=very-secret")
    with KsefClient(storage.settings()) as ksef, pytest.raises(KsefTransportError) as raised:
        ksef.download_package(replace(exported, parts=(gone,)), KEY, tmp_path)
    assert SIGNATURE not in str(raised.value)


def test_a_package_without_parts_needs_no_download(storage: Storage, tmp_path: Path) -> None:
    with KsefClient(storage.settings()) as ksef, pytest.raises(KsefInputError, match="no parts"):
        ksef.download_package(package(storage), KEY, tmp_path)


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example/storage/1?sig=x",
        "http://api-test.ksef.mf.gov.pl/storage/1?sig=x",
        "https://api-test.ksef.mf.gov.pl.example/storage/1",
        "https://api-test.ksef.mf.gov.pl@example.com/storage/1",
        "//example.com/storage/1",
        "ftp://api-test.ksef.mf.gov.pl/storage/1",
        "file:///etc/passwd",
        "https://[broken/storage/1",
        "https://api-test.ksef.mf.gov.pl:port/storage/1",
    ],
)
def test_links_to_elsewhere_are_refused(link: str) -> None:
    with pytest.raises(KsefIntegrityError, match="Nothing was sent there"):
        check_link(SETTINGS.environment, link)


def test_links_to_the_environment_are_taken() -> None:
    environment = SETTINGS.environment
    absolute = "https://API-TEST.ksef.mf.gov.pl/storage/1?sig=x"
    assert check_link(environment, absolute) == absolute.lower()
    assert check_link(environment, "/storage/1?sig=x") == "https://api-test.ksef.mf.gov.pl/storage/1?sig=x"
    local = Environment("custom", "http://localhost:8089/v2", "")
    assert check_link(local, "http://localhost:9000/storage/1") == "http://localhost:9000/storage/1"
