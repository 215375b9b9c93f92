"""Packing: what needs more bytes than a test over a socket should move."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airflow_provider_ksef.emulator import packages
from airflow_provider_ksef.emulator.packages import PartNames, encrypt_parts
from tests.emulator.packing import aes_decrypt, digest, metadata_of


def test_a_package_is_cut_into_parts_of_at_most_fifty_megabytes(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(b"0123456789abcdef" * 7_500_000)
    names = PartNames(lambda ordinal: tmp_path / str(ordinal), "EH", "Zip")
    parts = encrypt_parts(archive, b"k" * 32, b"i" * 16, names)
    assert [each.size for each in parts] == [50_000_000, 50_000_000, 20_000_000]
    assert [each.name for each in parts] == ["EH-001.zip.aes", "EH-002.zip.aes", "EH-003.zip.aes"]
    plain = aes_decrypt((tmp_path / "3").read_bytes(), b"k" * 32, b"i" * 16)
    assert (len(plain), digest(plain)) == (20_000_000, parts[2].hash)


def test_an_archive_ends_where_it_is_a_gigabyte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "MOST_ARCHIVE_BYTES", 1_000_000)
    documents = [(f"{number}.xml", os.urandom(300_000)) for number in range(10)]
    for compression in ("Zip", "TarGz"):
        count = packages.write_archive(tmp_path / compression, compression, documents, [b"{}"] * 10)
        assert 4 <= count < 10
    assert len(metadata_of((tmp_path / "Zip").read_bytes())) < 10
