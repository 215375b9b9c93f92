"""What a user would write with ksef2 and pandas."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from ksef2._clients.exported_invoices import ExportedInvoices
from ksef2._services.export_parts import decrypt_verified_part
from ksef2.fa3 import parse_invoice_xml
from ksef2.models import PackagePart

from benchmarks.packages import IV, KEY, Package

_COMPRESSIONS = {"Zip": "zip", "TarGz": "tar_gz"}


def exported(package: Package) -> ExportedInvoices:
    """Do what ``export().wait()`` does once a part has come over the network."""
    archive = io.BytesIO()
    for ordinal, part in enumerate(package.parts, start=1):
        announced = PackagePart(
            ordinal_number=ordinal,
            part_name=Path(part.path).name,
            method="GET",
            url=part.path,
            part_size=part.size,
            part_hash=part.hash,
            encrypted_part_size=part.encrypted_size,
            encrypted_part_hash=part.encrypted_hash,
            expiration_date=datetime.now(UTC),
        )
        decrypt_verified_part(Path(part.path).read_bytes(), part=announced, key=KEY, iv=IV, output=archive)
    return ExportedInvoices.from_archive(archive.getvalue(), compression=_COMPRESSIONS[package.compression])


def metadata_to_parquet(package: Package, target: Path) -> None:
    metadata = exported(package).metadata or []
    pd.DataFrame([invoice.model_dump() for invoice in metadata]).to_parquet(target)


def lines_of(documents: Sequence[bytes]) -> int:
    rows = [row.model_dump() for document in documents for row in parse_invoice_xml(document).body.rows]
    return len(pd.DataFrame(rows))


def readable(documents: Sequence[bytes]) -> list[bytes]:
    """Leave out what ksef2 refuses, such as a buyer with a foreign number and no country."""
    return [document for document in documents if _is_readable(document)]


def _is_readable(document: bytes) -> bool:
    try:
        parse_invoice_xml(document)
    except ValueError:
        return False
    return True
