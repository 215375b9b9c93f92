"""More invoices than one batch session takes become several batches."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_ksef.client.invoice_reading import InvoiceFile
from airflow_provider_ksef.client.packing import MAX_PACKAGE_SIZE

_OVERHEAD = 4096
"""Bytes that an entry takes at most beside its content: its name twice, headers, filling."""
_ALMOST = 0.999
"""What 50 encrypted parts hold of 5 GB, and what deflate adds to content that it cannot compress."""


def divide_batches(files: Sequence[InvoiceFile], max_invoices: int) -> list[tuple[InvoiceFile, ...]]:
    """
    Divide invoices into batches that one session takes whatever they compress to, in order.

    :param files: any number of invoices.
    :param max_invoices: that KSeF takes of the company in one session, at least 1.
    :returns: the fewest batches in this order; none where there are no invoices. The same files are divided
        the same way under the same limit.
    """
    batches: list[tuple[InvoiceFile, ...]] = []
    batch: list[InvoiceFile] = []
    room = MAX_PACKAGE_SIZE * _ALMOST
    for file in files:
        needed = file.size + _OVERHEAD
        if batch and (len(batch) == max_invoices or needed > room):
            batches.append(tuple(batch))
            batch, room = [], MAX_PACKAGE_SIZE * _ALMOST
        batch.append(file)
        room -= needed
    if batch:
        batches.append(tuple(batch))
    return batches
