"""Packages of exports come down whole, stay encrypted, and what is not as announced leaves nothing."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.client.crypto import SessionKey, encrypt_stream, sha256_base64
from airflow_provider_ksef.client.exports import ExportPackage, ExportPart
from airflow_provider_ksef.client.parts import write_part
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefInputError,
    KsefIntegrityError,
    KsefTransportError,
)
from tests.unit.client.storage_server import SIGNATURE, Storage, cut, expired, gateway, page, redirect

KEY = SessionKey(b"k" * 32, b"i" * 16)
DATES = dict.fromkeys(
    ("last_permanent_storage_date", "last_invoicing_date", "last_issue_date", "permanent_storage_hwm_date")
)


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
