"""An invoice is read once, and must have the size that it had when it was checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from airflow_provider_ksef.exceptions import KsefIntegrityError


@dataclass(frozen=True)
class InvoiceFile:
    """
    An invoice to be packed.

    :param name: of the entry in the archive, unique there; KSeF gives it back as ``invoiceFileName``.
    :param read: reads the XML from its beginning, at most so many bytes; fewer come where it ends.
    :param size: bytes of the XML.
    """

    name: str
    read: Callable[[int], bytes] = field(repr=False)
    size: int


def read_invoice(invoice: InvoiceFile) -> bytes:
    """
    Read an invoice whole.

    :param invoice: is read once.
    :raises KsefIntegrityError: where it is longer or shorter than it was, or no longer there.
    """
    size = invoice.size
    try:
        content = invoice.read(size + 1)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise changed_invoice(invoice.name) from error
    if len(content) != size:
        raise changed_invoice(invoice.name)
    return content


def changed_invoice(name: str) -> KsefIntegrityError:
    """
    Say that an invoice is no longer what it was when it was checked.

    :param name: of the file.
    """
    return KsefIntegrityError(
        f"{name} changed after it was checked.",
        "It was not sent. Write invoices under another name and rename them when they are whole.",
    )
