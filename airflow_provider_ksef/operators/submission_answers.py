"""What KSeF says of an invoice, or of the session that it was in, as the table ``submissions`` takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_provider_ksef.client.duplicates import Duplicate
from airflow_provider_ksef.client.session_invoices import SessionInvoice

if TYPE_CHECKING:
    from airflow_provider_ksef.tables.submission_facts import FileAnswer


def ended_answer(state: str, code: int | None, description: str, details: Sequence[str]) -> FileAnswer:
    """
    Make the answer to files of which KSeF says nothing beyond how their session ended.

    :param state: of the files.
    :param code: KSeF's.
    :param description: KSeF's text for it.
    :param details: KSeF's reasons.
    """
    from airflow_provider_ksef.tables.submission_facts import FileAnswer

    return FileAnswer(state, status_code=code, status_description=description, status_details=tuple(details))


def invoice_answer(invoice: SessionInvoice, duplicate: Duplicate | None, upo_path: str | None) -> FileAnswer:
    """
    Make the answer to a file.

    :param invoice: what became of it.
    :param duplicate: what it is, where it is a duplicate.
    :param upo_path: where its UPO lies.
    """
    from airflow_provider_ksef.tables.submission_facts import FileAnswer, state_of_code

    original = duplicate.original if duplicate else None
    return FileAnswer(
        state=duplicate.verdict if duplicate else state_of_code(invoice.code),
        file_name=invoice.file_name,
        invoice_hash=invoice.invoice_hash,
        status_code=invoice.code,
        status_description=invoice.description,
        status_details=invoice.details,
        ordinal_number=invoice.ordinal_number,
        invoice_reference_number=invoice.reference_number,
        invoice_number=invoice.invoice_number,
        ksef_number=invoice.ksef_number,
        original_ksef_number=original.ksef_number if original else None,
        original_session_reference_number=original.session_reference_number if original else None,
        invoicing_date=invoice.invoicing_date,
        acquisition_date=invoice.acquisition_date,
        permanent_storage_date=invoice.permanent_storage_date,
        invoicing_mode=invoice.invoicing_mode,
        upo_path=upo_path,
        extra=invoice.extra,
    )
