"""The columns of the table ``submissions``: what was sent, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from airflow_provider_ksef.tables.columns import MOMENT, described


def _what_was_sent() -> Iterator[pa.Field]:
    yield described("session_reference_number", pa.string(), "Session in KSeF that the file was sent in.")
    yield described(
        "ordinal_number", pa.int32(), "Place in the session, from 1; null until KSeF has answered."
    )
    yield described("file", pa.string(), "Where the file lay when it was sent.")
    yield described(
        "file_name", pa.string(), "Name within the session, unique there; KSeF's invoiceFileName in a batch."
    )
    yield described("size", pa.int64(), "Bytes of the file.")
    yield described(
        "invoice_hash",
        pa.string(),
        "SHA-256 of the file, Base64, as KSeF writes it; leads to invoice_hash of the table invoices.",
    )
    yield described("invoice_number", pa.string(), "Number that the issuer gave the invoice (P_2).")
    yield described("seller_nip", pa.string(), "Seller's tax number (NIP) as the document states it.")
    yield described(
        "invoice_type", pa.string(), "Kind of invoice as the document states it: VAT, KOR, ZAL ..."
    )
    yield described("issue_date", pa.date32(), "Date of issue as the document states it (P_1).")
    yield described("form_code", pa.string(), "Form that the session was opened for, such as FA (3).")
    yield described(
        "offline_mode", pa.bool_(), "Whether the session declared its invoices as issued offline."
    )
    yield described(
        "hash_of_corrected_invoice",
        pa.string(),
        "SHA-256 of the offline invoice that this one corrects technically, Base64; else null.",
    )


def _who_sent() -> Iterator[pa.Field]:
    yield described("environment", pa.string(), "KSeF environment: test, demo, production or another host's.")
    yield described(
        "digest",
        pa.string(),
        "Digest of everything that was sent together; the same files give the same one.",
    )
    yield described("dag_id", pa.string(), "DAG whose task sent the file.")
    yield described("task_id", pa.string(), "Task that sent the file.")
    yield described("run_id", pa.string(), "Run of the DAG.")
    yield described("map_index", pa.int32(), "Index of a mapped task, -1 of another one.")
    yield described("try_number", pa.int32(), "Which try of the task opened the session, from 1.")
    yield described(
        "sent_at",
        MOMENT,
        "When the session was about to be closed, or the invoice to go into an interactive one, by the clock "
        "of the worker.",
    )


def _what_became_of_it() -> Iterator[pa.Field]:
    yield described(
        "state",
        pa.string(),
        "sent (no answer yet, or none that tells its fate), accepted, rejected, already_accepted (a "
        "duplicate with the same bytes), duplicate_conflict (a duplicate with other bytes), "
        "duplicate_unverified (a duplicate whose original could not be compared), unprocessed (KSeF ended "
        "without looking at it).",
    )
    yield described(
        "status_code", pa.int32(), "KSeF's status code of the invoice; of the session where it has none."
    )
    yield described("status_description", pa.string(), "KSeF's text for the code.")
    yield described("status_details", pa.list_(pa.string()), "KSeF's reasons.")
    yield described(
        "invoice_reference_number", pa.string(), "Reference number of the invoice in its session."
    )
    yield described("ksef_number", pa.string(), "Number that KSeF gave the invoice; null unless accepted.")
    yield described(
        "original_ksef_number", pa.string(), "Of a duplicate: number of the invoice that is there."
    )
    yield described(
        "original_session_reference_number", pa.string(), "Of a duplicate: session that brought that invoice."
    )
    yield described("invoicing_date", MOMENT, "When KSeF took the invoice in for processing.")
    yield described("acquisition_date", MOMENT, "When KSeF numbered the invoice.")
    yield described(
        "permanent_storage_date", MOMENT, "When KSeF stored the invoice for good; floored to microseconds."
    )
    yield described("invoicing_mode", pa.string(), "Online or Offline, as KSeF decided.")
    yield described("verification_url", pa.string(), "Link of the invoice's QR code (KOD I).")
    yield described(
        "certificate_url",
        pa.string(),
        "Link of the QR code that says who issued an offline invoice (KOD II); null without a certificate.",
    )
    yield described(
        "upo_path", pa.string(), "Where KSeF's confirmation of receipt (UPO) was saved; else null."
    )
    yield described("answered_at", MOMENT, "When KSeF's answer was written here; null before.")
    yield described(
        "extra", pa.string(), "JSON of all that KSeF told and this version has no column for; else null."
    )


SUBMISSIONS = pa.schema([*_what_was_sent(), *_who_sent(), *_what_became_of_it()])
"""One row per submitted file; key (context, session_reference_number, file_name)."""
