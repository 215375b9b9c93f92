"""Export packages as KSeF makes them, for the tests."""

from __future__ import annotations

import io
import tarfile
import zipfile
from datetime import UTC, datetime
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa

from airflow_provider_ksef.tables.package import read_metadata_package

SYNCED_AT = datetime(2026, 9, 2, 10, tzinfo=UTC)
REFERENCE = "20260901-EH-1A2B3CA000-0F1E2D3C51-AD"


def invoice(**changes: Any) -> dict[str, Any]:
    """Make the metadata of one invoice; a change to ``...`` leaves the field out."""
    whole = {
        "ksefNumber": "5250001210-20260901-0A1B2C000000-C6",
        "invoiceNumber": "FV/1/2026",
        "issueDate": "2026-02-01",
        "invoicingDate": "2026-02-01T20:00:00.1234567+00:00",
        "acquisitionDate": "2026-02-01T22:59:59.9999999+00:00",
        "permanentStorageDate": "2026-02-01T23:30:00.123456+00:00",
        "seller": {"nip": "1111111111", "name": "Zażółć gęślą jaźń Sp. z o.o."},
        "buyer": {"identifier": {"type": "Nip", "value": "5250001210"}, "name": "Nabywca"},
        "netAmount": 43.6,
        "grossAmount": 53.63,
        "vatAmount": 10.03,
        "currency": "PLN",
        "invoicingMode": "Online",
        "invoiceType": "Vat",
        "formCode": {"systemCode": "FA (3)", "schemaVersion": "1-0E", "value": "FA"},
        "isSelfInvoicing": False,
        "hasAttachment": True,
        "invoiceHash": "UtQp9Gpc51y+u3xApZjIjgkpZ01js+J8KflSPW8WzIE=",
        "thirdSubjects": [],
    }
    return {name: value for name, value in (whole | changes).items() if value is not ...}


def encode(*invoices: dict[str, Any]) -> bytes:
    """Write ``_metadata.json``; Decimal becomes a JSON number, digit by digit."""
    return msgspec.json.Encoder(decimal_format="number").encode({"invoices": invoices})


def zipped(*entries: tuple[str, bytes]) -> BinaryIO:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in entries:
            target.writestr(name, content)
    return archive


def tarred(*entries: tuple[str, bytes]) -> BinaryIO:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as target:
        for name, content in entries:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            target.addfile(member, io.BytesIO(content))
    return archive


def read(archive: BinaryIO) -> pa.Table:
    return read_metadata_package(
        archive,
        context="nip-5250001210",
        subject_type="Subject2",
        export_reference=REFERENCE,
        synced_at=SYNCED_AT,
        qr_url="https://qr-test.ksef.mf.gov.pl",
    )


def read_json(content: bytes) -> pa.Table:
    """Read a package of these metadata."""
    return read(zipped(("_metadata.json", content)))


def rows(*invoices: dict[str, Any]) -> pa.Table:
    return read_json(encode(*invoices))
