"""
Making the packages: FA(3) invoices of the emulator's generator, packed and encrypted as by KSeF.

They are made once and kept in the folder that is given; making 10,000 invoices takes a few seconds.
"""

from __future__ import annotations

import io
import itertools
import json
import tarfile
import zipfile
from base64 import b64encode
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from airflow_provider_ksef.emulator.crypto import encrypt_stream
from airflow_provider_ksef.emulator.metadata import Registration, metadata_json
from airflow_provider_ksef.emulator.moments import parse_moment, polish_day
from airflow_provider_ksef.emulator.numbers import make_ksef_number
from airflow_provider_ksef.emulator.packages import METADATA_NAME, join_metadata
from airflow_provider_ksef.emulator.synthetic import synthesize
from benchmarks.packages import IV, KEY, Package, Part

NIP = "5250001210"
PARTS = 5
FORMATS = ("zip", "metadata", "targz")
_START = datetime(2026, 5, 4, 6, tzinfo=UTC)


def make_packages(folder: Path, count: int, least_lines: int) -> None:
    """
    Make a package of each format below a folder, where they are not there yet.

    :param folder: where they are kept.
    :param count: invoices in each.
    :param least_lines: an invoice that the generator made with fewer lines is left out.
    """
    if all((folder / name / "package.json").exists() for name in FORMATS):
        return
    metadata, documents = _invoices(count, least_lines)
    listed = (METADATA_NAME, join_metadata(metadata))
    encrypt(folder / "metadata", "Zip", count, zipped([listed]))
    encrypt(folder / "zip", "Zip", count, zipped([*documents, listed]))
    encrypt(folder / "targz", "TarGz", count, _tar_gz([*documents, listed]))


def _invoices(count: int, least_lines: int) -> tuple[list[bytes], list[tuple[str, bytes]]]:
    metadata: list[bytes] = []
    documents = []
    for index in itertools.count():
        if len(metadata) == count:
            break
        moment = _START + timedelta(days=20) * (len(metadata) / count)
        stored = parse_moment(moment.isoformat())
        made = synthesize(NIP, "Subject2", index, 0, polish_day(stored))
        if made.xml.count(b"<FaWiersz>") < least_lines:
            continue
        technical = sha256(str(index).encode()).hexdigest()[:12].upper()
        number = make_ksef_number(made.facts.seller_nip, polish_day(stored), technical)
        registration = Registration(number, hash_of(made.xml), stored, stored, stored, "Online", "")
        metadata.append(metadata_json(made.facts, registration))
        documents.append((f"{number}.xml", made.xml))
    return metadata, documents


def zipped(entries: list[tuple[str, bytes]]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return target.getvalue()


def _tar_gz(entries: list[tuple[str, bytes]]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz", compresslevel=6) as archive:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def encrypt(folder: Path, compression: str, count: int, archive: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    length = len(archive) // PARTS + 1
    parts = []
    for place, start in enumerate(range(0, len(archive), length), start=1):
        plain = archive[start : start + length]
        path = folder / f"{place:03d}.aes"
        with path.open("wb") as target:
            encrypt_stream(KEY, IV, io.BytesIO(plain), target, len(plain))
        content = path.read_bytes()
        parts.append(Part(str(path), len(plain), hash_of(plain), len(content), hash_of(content)))
    if compression == "Zip":
        (folder / "plain.zip").write_bytes(archive)
    description = asdict(Package(compression, count, tuple(parts)))
    (folder / "package.json").write_text(json.dumps(description), encoding="utf-8")


def hash_of(content: bytes) -> str:
    return b64encode(sha256(content).digest()).decode()
