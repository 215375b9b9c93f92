"""Parts of a batch go up to their places, each as often as it takes."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import tenacity

from airflow_provider_ksef.client import KsefClient, retries, transfer
from airflow_provider_ksef.client.batch import PartUpload
from airflow_provider_ksef.client.crypto import sha256_base64
from airflow_provider_ksef.client.splitting import PackedPart
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefIntegrityError,
    KsefTimeoutError,
    KsefUnavailableError,
)
from tests.unit.client.storage_server import SIGNATURE, Storage, expired, gateway


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
