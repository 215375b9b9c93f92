"""What a user would write with ksef-client and pandas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import NoneType
from typing import Any

import pandas as pd
from ksef_client import InvoicePackage, InvoicePackagePart
from ksef_client.documents.fa3 import InvoiceLine, parse_invoice_xml
from ksef_client.services import EncryptionData, ExportWorkflow, PackageProcessingResult

from benchmarks.packages import IV, KEY, Package

_AMOUNTS = ("netAmount", "grossAmount", "vatAmount")
_SIMPLE = (str, Decimal, date, bool, NoneType)
_MOMENTS = ("invoicingDate", "acquisitionDate", "permanentStorageDate")


@dataclass
class _Response:
    content: bytes
    headers: dict[str, str] = field(default_factory=dict)


class _Disk:
    """Gives the workflow the parts that are on disk, in place of the network."""

    def __init__(self, package: Package) -> None:
        self._hashes = {part.path: part.encrypted_hash for part in package.parts}

    def request(self, _method: str, url: str, **_: Any) -> _Response:
        return _Response(Path(url).read_bytes(), {"x-ms-meta-hash": self._hashes[url]})


def processed(package: Package) -> PackageProcessingResult:
    announced = InvoicePackage(
        compression_type=package.compression,
        invoice_count=package.invoice_count,
        is_truncated=False,
        parts=[
            InvoicePackagePart(
                encrypted_part_hash=part.encrypted_hash,
                encrypted_part_size=part.encrypted_size,
                expiration_date="",
                method="GET",
                ordinal_number=ordinal,
                part_hash=part.hash,
                part_name=part.path,
                part_size=part.size,
                url=part.path,
            )
            for ordinal, part in enumerate(package.parts, start=1)
        ],
        size=sum(part.size for part in package.parts),
    )
    workflow = ExportWorkflow(None, _Disk(package))
    return workflow.download_and_process_package(announced, EncryptionData(KEY, IV, None))


def metadata_to_parquet(package: Package, target: Path) -> None:
    pd.DataFrame(processed(package).metadata_summaries).to_parquet(target)


def typed_metadata_to_parquet(package: Package, target: Path) -> None:
    typed_frame(processed(package)).to_parquet(target)


def everything_to_parquet(package: Package, target: Path) -> None:
    """Write metadata, lines and documents."""
    result = processed(package)
    typed_frame(result).to_parquet(target)
    documents = pd.DataFrame(result.invoice_xml_files.items(), columns=["name", "xml"])
    documents.to_parquet(target.with_name("documents.parquet"))
    xmls = [xml.encode() for xml in result.invoice_xml_files.values()]
    lines_frame(xmls).to_parquet(target.with_name("lines.parquet"))


def lines_of(documents: Sequence[bytes]) -> int:
    return len(lines_frame(documents))


def lines_frame(documents: Sequence[bytes]) -> pd.DataFrame:
    rows = []
    for document in documents:
        invoice = parse_invoice_xml(document)
        for ordinal, line in enumerate(invoice.lines, start=1):
            rows.append({"invoice_number": invoice.invoice_number, "ordinal": ordinal, **_columns(line)})
    return pd.DataFrame(rows)


def _columns(line: InvoiceLine) -> dict[str, Any]:
    """Give what fits a column: values as they are, parts such as the tax category as text."""
    values = ((each.name, getattr(line, each.name)) for each in fields(line))
    return {name: value if isinstance(value, _SIMPLE) else str(value) for name, value in values}


def typed_frame(result: PackageProcessingResult) -> pd.DataFrame:
    frame = pd.DataFrame(result.metadata_summaries)
    for name in _AMOUNTS:
        frame[name] = [Decimal(str(amount)) for amount in frame[name]]
    for name in _MOMENTS:
        frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601")
    frame["issueDate"] = pd.to_datetime(frame["issueDate"]).dt.date
    return frame
