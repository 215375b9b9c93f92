"""What one process does with documents: two megabytes of XML at a time become rows of each table."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_ksef.tables.columns import NUMBER, STORED
from airflow_provider_ksef.tables.document_entries import OpenPackage, read_document
from airflow_provider_ksef.tables.document_rows import read_documents
from airflow_provider_ksef.tables.staging import StagedDocuments, StagedTable
from airflow_provider_ksef.tables.zip_places import Place

BATCH_BYTES = 2 * 1024 * 1024
"""XML that is parsed at once: its rows as Python objects take fifteen times as much for a moment."""
HASH = "invoice_hash"
_LOGGED_BYTES = 64 * 1024 * 1024

logger = logging.getLogger(__name__)


class Share(NamedTuple):
    """
    Invoices whose documents one process reads.

    :param open: opens what the documents lie in.
    :param places: where they lie.
    :param invoices: rows of the table ``invoices``, sorted by storage date, one for each place.
    :param folder: where the files go.
    :param writer: part of their names that no other share has.
    """

    open: OpenPackage
    places: tuple[Place, ...]
    invoices: pa.Table
    folder: Path
    writer: str


def stage_share(share: Share) -> StagedDocuments:
    """Read the documents of one share; see :func:`documents.stage_documents`."""
    names = ("invoice_documents", "invoice_lines", "invoice_vat_summary")
    staged = [StagedTable(name, share.folder, share.writer) for name in names]
    unreadable = unlogged = 0
    with ExitStack() as stack:
        source = stack.enter_context(share.open())
        for table in staged:
            stack.enter_context(table)
        writer = stack.enter_context(ThreadPoolExecutor(1))
        written: list[Future[None]] = []
        for batch in _batches(share):
            xmls = _read(source, share, batch)
            tables = read_documents(share.invoices.slice(batch.start, len(xmls)), xmls)
            unreadable += len(xmls) - tables.documents.column("parse_error").null_count
            _wait(written)
            written.append(writer.submit(_add, staged, batch.month, tables))
            unlogged += sum(map(len, xmls))
            if unlogged >= _LOGGED_BYTES:
                logger.info("Read %s of %s documents.", batch.stop, len(share.places))
                unlogged = 0
        _wait(written)
    documents, lines, _ = (sum(file.rows for file in table.files) for table in staged)
    files = tuple(file for table in staged for file in table.files)
    return StagedDocuments(files, documents, lines, unreadable)


def _add(staged: Sequence[StagedTable], month: str, tables: Sequence[pa.Table]) -> None:
    """Write rows, in a thread of its own: meanwhile the next documents are read."""
    for table, rows in zip(staged, tables, strict=True):
        table.add(month, rows)


def _wait(written: list[Future[None]]) -> None:
    while written:
        written.pop().result()


def _read(source: BinaryIO, share: Share, batch: _Batch) -> list[bytes]:
    invoices = share.invoices.slice(batch.start, batch.stop - batch.start)
    expected = zip(
        invoices.column(NUMBER).to_pylist(),
        share.places[batch.start : batch.stop],
        invoices.column(HASH).to_pylist(),
        strict=True,
    )
    return [read_document(source, number, place, digest) for number, place, digest in expected]


class _Batch(NamedTuple):
    month: str
    start: int
    stop: int


def _batches(share: Share) -> Iterator[_Batch]:
    """Divide a share into documents of one month and so many bytes as are parsed at once, at least one."""
    months = pc.strftime(share.invoices.column(STORED), "%Y-%m").to_pylist()
    start = 0
    held = 0
    for place, (month, document) in enumerate(zip(months, share.places, strict=True)):
        if place > start and (month != months[start] or held + document.size > BATCH_BYTES):
            yield _Batch(months[start], start, place)
            start, held = place, 0
        held += document.size
    if start < len(months):
        yield _Batch(months[start], start, len(months))
