"""An invoice is read once, and must have the size that it had when it was checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from airflow_provider_ksef.exceptions import KsefIntegrityError


@dataclass(frozen=True)
class InvoiceFile:
    """
    An invoice to be packed.

    :param name: of the entry in the archive, unique there; KSeF gives it back as ``invoiceFileName``.
    :param open: opens the XML for reading.
    :param size: bytes of the XML.
    """

    name: str
    open: Callable[[], BinaryIO] = field(repr=False)
    size: int


def read_invoice(invoice: InvoiceFile) -> bytes:
    """
    Read an invoice whole.

    :param invoice: is opened, and closed at the end.
    :raises KsefIntegrityError: where it is longer or shorter than it was.
    """
    size = invoice.size
    with invoice.open() as source:
        # One byte more is asked for, so that a file that grew is noticed without another call.
        content = source.read(size + 1)
        while len(content) < size and (more := source.read(size + 1 - len(content))):
            content += more
    if len(content) != size:
        raise KsefIntegrityError(
            f"{invoice.name} changed while it was packed: it had {size} bytes when it was checked.",
            "Nothing was sent. Write invoices under another name and rename them when they are whole.",
        )
    return content
