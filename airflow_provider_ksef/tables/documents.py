"""
The documents of an export become finished files of ``invoice_documents``, ``invoice_lines`` and
``invoice_vat_summary`` on the worker's disk, in flat memory.
"""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path

import pyarrow as pa

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.tables.columns import NUMBER
from airflow_provider_ksef.tables.document_entries import OpenPackage, find_documents
from airflow_provider_ksef.tables.document_processes import other_processes, stage_shares
from airflow_provider_ksef.tables.document_share import HASH, Share
from airflow_provider_ksef.tables.row_order import sorted_once
from airflow_provider_ksef.tables.staging import StagedDocuments

__all__ = ["StagedDocuments", "stage_documents"]

_UNPACKED = "documents.unpacked"
_TYPICAL_BYTES = 3 * 1024
"""Of an invoice; by it other processes are started before the documents, and their sizes, are found."""
START_BYTES = 8 * 1024 * 1024
"""XML that this process reads while another one starts; so much more falls to it."""


def stage_documents(
    package: OpenPackage, invoices: pa.Table, folder: Path, *, processes: int = 1
) -> StagedDocuments:
    """
    Read the documents of an export package into files, ready to be committed with its invoices.

    :param package: opens the plain archive; may be sent to another process.
    :param invoices: the package's rows of the table ``invoices``.
    :param folder: an empty folder on the worker's disk, for the files and what they are made of.
    :param processes: how many processes share the work, this one among them. The others take a third of a
        second to start, so a package of a few thousand invoices is read by fewer.
    :raises KsefInputError: where ``processes`` is less than one.
    :raises KsefIntegrityError: where the archive is broken, its entries are not the invoices of its
        metadata, or a document has another hash. One that cannot be parsed is no error, it is counted.
    :raises KsefTableError: where another process died.
    """
    if processes < 1:
        raise KsefInputError("processes", processes, "is less than one", "Give 1, or the worker's cores.")
    likely = len(divide([_TYPICAL_BYTES] * invoices.num_rows, processes))
    with other_processes(likely - 1) as early:
        shares = _shares(package, sorted_once(invoices), folder, processes)
        with other_processes(max(0, len(shares) - likely)) as late:
            staged = stage_shares(shares, [*early, *late])
    (folder / _UNPACKED).unlink(missing_ok=True)
    return StagedDocuments(
        tuple(file for part in staged for file in part.files),
        sum(part.documents for part in staged),
        sum(part.lines for part in staged),
        sum(part.unreadable for part in staged),
    )


def _shares(package: OpenPackage, invoices: pa.Table, folder: Path, processes: int) -> list[Share]:
    numbers = invoices.column(NUMBER).to_pylist()
    hashes = dict(zip(numbers, invoices.column(HASH).to_pylist(), strict=True))
    found = find_documents(package, hashes, folder / _UNPACKED)
    places = tuple(found.places[number] for number in numbers)
    ends = divide([place.size for place in places], processes)
    return [
        Share(found.open, places[start:end], invoices.slice(start, end - start), folder, str(start))
        for start, end in zip([0, *ends], ends, strict=False)
    ]


def divide(sizes: list[int], processes: int) -> list[int]:
    """
    Divide documents into contiguous shares that take about the same time.

    :param sizes: bytes of each document.
    :param processes: the most shares.
    :returns: where each share ends; the first share is this process's own.
    """
    total = sum(sizes)
    each = (total + (processes - 1) * START_BYTES) / processes
    if processes > 1 and each <= 2 * START_BYTES:
        return divide(sizes, processes - 1)
    bounds = [each + share * (each - START_BYTES) for share in range(processes - 1)]
    reached = list(accumulate(sizes))
    ends = [sum(1 for end in reached if end <= bound) for bound in bounds]
    return [*ends, len(sizes)]
