"""The sample's invoices on their way into the tables: XML and metadata, a package, a commit."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pyarrow as pa
from upath import UPath

from airflow_provider_ksef.tables.documents import stage_documents
from airflow_provider_ksef.tables.layout import TableKey
from tests.unit.docs.invoice_facts import Invoice, Line
from tests.unit.docs.sample_invoices import GROUPS, INVOICES, TATRA, WATERMARKS
from tests.unit.tables.document_packages import METADATA, Package, fa
from tests.unit.tables.packages import encode, invoice, rows
from tests.unit.tables.tiny import put

FIRST = "2026-01-01"


def put_sample(root: UPath, disk: Path, table_format: str) -> None:
    """
    Fill tables with the sample.

    :param root: ``tables_path``.
    :param disk: an empty folder of the worker's own.
    :param table_format: ``parquet`` or ``delta``.
    """
    for (context, subject_type), position in WATERMARKS.items():
        mine = [each for each in INVOICES if (context, subject_type) in each.roles]
        into = partial(
            put, root, FIRST, position, key=TableKey(context, subject_type), table_format=table_format
        )
        folder = disk / f"{context}-{subject_type}"
        folder.mkdir()
        with_documents = _package([each for each in mine if each.document != "none"])
        staged = stage_documents(with_documents.zip(), with_documents.invoices, folder)
        into(with_documents.invoices, staged=staged.files)
        into(_invoices([each for each in mine if each.document == "none"]), moves_watermark=False)


def _package(invoices: list[Invoice]) -> Package:
    documents = [(f"{each.ksef_number}.xml", _xml(each)) for each in invoices]
    metadata = encode(*(_metadata(each) for each in invoices))
    return Package((*documents, (METADATA, metadata)), _invoices(invoices))


def _invoices(invoices: list[Invoice]) -> pa.Table:
    return rows(*(_metadata(each) for each in invoices))


def _metadata(each: Invoice) -> dict[str, Any]:
    third = [{"identifier": {"type": "Nip", "value": each.payer}, "name": "Payer", "role": 4}]
    return invoice(
        ksefNumber=each.ksef_number,
        invoiceNumber=each.number,
        issueDate=each.issued.isoformat(),
        invoicingDate=each.acquired.isoformat(),
        acquisitionDate=each.acquired.isoformat(),
        permanentStorageDate=_stored(each).isoformat(),
        seller={"nip": each.seller, "name": f"Company {each.seller}"},
        buyer={"identifier": {"type": "Nip", "value": each.buyer}, "name": f"Company {each.buyer}"},
        netAmount=each.net,
        grossAmount=each.gross,
        vatAmount=each.vat_pln,
        currency=each.currency,
        invoiceType="Kor" if each.corrects else "Vat",
        isSelfInvoicing=each.is_self_invoicing,
        hasAttachment=False,
        invoiceHash=b64encode(sha256(_xml(each)).digest()).decode(),
        thirdSubjects=third if each.payer else [],
    )


def _stored(each: Invoice) -> datetime:
    return each.acquired + timedelta(seconds=7)


def _xml(each: Invoice) -> bytes:
    if each.document == "broken":
        return b"<Faktura><Fa>\xff"
    if each.document == "pef":
        return b'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>'
    document = fa("".join(_body(each)))
    return _prefixed(document) if each.seller == TATRA else document


def _prefixed(document: bytes) -> bytes:
    """Write the same document with a prefix for its namespace, as some issuers' software does."""
    return re.sub(rb"<(/?)(?=\w)", rb"<\1fa:", document).replace(b"xmlns=", b"xmlns:fa=")


def _body(each: Invoice) -> Iterator[str]:
    yield f"<KodWaluty>{each.currency}</KodWaluty><P_1>{each.issued}</P_1><P_2>{escape(each.number)}</P_2>"
    for rate, (net, vat, vat_pln) in each.sums.items():
        group = GROUPS[rate][0]
        yield f"<P_13_{group}>{net}</P_13_{group}>"
        if rate != "zw":
            yield f"<P_14_{group}>{vat}</P_14_{group}>"
            yield f"<P_14_{group}W>{vat_pln}</P_14_{group}W>" if _states_pln(each) else ""
    yield f"<P_15>{each.gross}</P_15><RodzajFaktury>{'KOR' if each.corrects else 'VAT'}</RodzajFaktury>"
    for original in each.corrects:
        found = next((one for one in INVOICES if one.number == original.number), None)
        link = "<NrKSeFN>1</NrKSeFN>"
        if found is not None:
            link = f"<NrKSeF>1</NrKSeF><NrKSeFFaKorygowanej>{found.ksef_number}</NrKSeFFaKorygowanej>"
        yield f"<DaneFaKorygowanej><DataWystFaKorygowanej>{original.issued}</DataWystFaKorygowanej>"
        yield f"<NrFaKorygowanej>{escape(original.number)}</NrFaKorygowanej>{link}</DaneFaKorygowanej>"
    for number, line in enumerate(each.lines, 1):
        yield _line(number, line, each.exchange_rate)
    if each.due:
        yield f"<Platnosc><TerminPlatnosci><Termin>{each.due}</Termin></TerminPlatnosci></Platnosc>"


def _states_pln(each: Invoice) -> bool:
    return each.currency != "PLN" and each.states_vat_pln


def _line(number: int, line: Line, exchange_rate: str | None) -> str:
    elements = {
        "NrWierszaFa": number,
        "P_7": escape(line.item),
        "P_8A": "szt.",
        "P_8B": line.quantity,
        "P_9A": line.price,
        "P_11": line.net,
        "P_12": line.rate,
        "KursWaluty": exchange_rate,
        "StanPrzed": 1 if line.is_before else None,
    }
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in elements.items() if value is not None)
    return f"<FaWiersz>{inside}</FaWiersz>"
