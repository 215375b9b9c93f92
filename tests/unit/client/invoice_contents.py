"""Invoices to pack that lie in memory."""

from __future__ import annotations

from airflow_provider_ksef.client.invoice_reading import InvoiceFile


def invoice_of(name: str, content: bytes, size: int | None = None) -> InvoiceFile:
    """Give an invoice of so many bytes, or one that claims to have another size."""
    return InvoiceFile(name, lambda most: content[:most], len(content) if size is None else size)
