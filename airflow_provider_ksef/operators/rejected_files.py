"""Finding the files of rejected invoices again: by what they hold, since folders change while KSeF works."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence

from airflow_provider_ksef.client.crypto import sha256_base64
from airflow_provider_ksef.client.invoice_files import InvoicePath
from airflow_provider_ksef.client.sessions import SessionInvoice

log = logging.getLogger(__name__)


def paths_by_ordinal(
    rejected: Sequence[SessionInvoice], find: Callable[[], Sequence[InvoicePath]]
) -> dict[int, str]:
    """
    Give the path of each rejected invoice by its ordinal number in the session, as far as it is still there.

    :param rejected: what KSeF rejected.
    :param find: finds the files that the task names; asked only where something was rejected.
    """
    if not rejected:
        return {}
    by_hash = _by_hash({invoice.invoice_hash for invoice in rejected}, find)
    return {
        invoice.ordinal_number: _same_name_first(by_hash[invoice.invoice_hash], invoice.file_name)
        for invoice in rejected
        if invoice.invoice_hash in by_hash
    }


def _by_hash(wanted: set[str], find: Callable[[], Sequence[InvoicePath]]) -> dict[str, list[InvoicePath]]:
    found: defaultdict[str, list[InvoicePath]] = defaultdict(list)
    try:
        for invoice in find():
            digest = sha256_base64(invoice.path.read_bytes())
            if digest in wanted:
                found[digest].append(invoice)
    except Exception as error:  # noqa: BLE001  storage may fail in many ways, but the outcome is known
        log.warning("The files of rejected invoices cannot be found, so names are told: %s", error)
    return dict(found)


def _same_name_first(invoices: Sequence[InvoicePath], file_name: str | None) -> str:
    """Two files may hold the same invoice, of which the later one is rejected as a duplicate."""
    return next((each for each in invoices if each.entry_name == file_name), invoices[0]).shown
