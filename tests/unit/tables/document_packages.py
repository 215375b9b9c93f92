"""Packages with documents, for the tests."""

from __future__ import annotations

import io
from base64 import b64encode
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_ksef.tables.document_entries import OpenPackage
from airflow_provider_ksef.tables.documents import StagedDocuments
from tests.unit.tables.packages import encode, invoice, rows, tarred, zipped

METADATA = "_metadata.json"
FIRST_DAY = date(2026, 3, 30)


@dataclass(frozen=True)
class Package:
    """
    A package with documents.

    :param entries: the archive's entries, the metadata last.
    :param invoices: the rows that its metadata gives.
    """

    entries: tuple[tuple[str, bytes], ...]
    invoices: pa.Table

    def zip(self) -> OpenPackage:
        return opener(zipped(*self.entries).getvalue())

    def tar(self) -> OpenPackage:
        return opener(tarred(*self.entries).getvalue())


def opener(content: bytes) -> OpenPackage:
    return partial(io.BytesIO, content)


def package(*xmls: bytes, **changes: Any) -> Package:
    """Make a package of documents, numbered N0, N1 ... and stored a day after another from 2026-03-30 on."""
    metadata = [
        invoice(
            **(
                {
                    "ksefNumber": f"N{place}",
                    "permanentStorageDate": f"{FIRST_DAY + timedelta(days=place):%Y-%m-%d}T10:00:00Z",
                    "invoiceHash": b64encode(sha256(xml).digest()).decode(),
                }
                | changes
            )
        )
        for place, xml in enumerate(xmls)
    ]
    documents = [(f"N{place}.xml", xml) for place, xml in enumerate(xmls)]
    return Package((*documents, (METADATA, encode(*metadata))), rows(*metadata))


def staged_rows(staged: StagedDocuments, table: str) -> pa.Table:
    """Read what was staged for a table."""
    return pa.concat_tables(pq.read_table(file.path) for file in staged.files if file.table == table)


def fa(body: str, namespace: str = "http://crd.gov.pl/wzor/2025/06/25/13775/", inner: str = "Fa") -> bytes:
    """Make a document of which only the body is of interest."""
    return f'<Faktura xmlns="{namespace}"><Naglowek/><{inner}>{body}</{inner}></Faktura>'.encode()


def line(**elements: str) -> str:
    """Make a line of FA."""
    inside = "".join(f"<{name}>{text}</{name}>" for name, text in elements.items())
    return f"<FaWiersz>{inside}</FaWiersz>"


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
