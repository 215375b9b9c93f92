"""The tables' schemas; what each column means stands in the room that it comes from."""

from __future__ import annotations

from airflow_provider_ksef.tables.audit_columns import AUDIT_SCHEMAS
from airflow_provider_ksef.tables.columns import AMOUNT, MOMENT, NUMBER, STORED
from airflow_provider_ksef.tables.document_columns import DOCUMENTS
from airflow_provider_ksef.tables.invoice_columns import AUTHORIZED_SUBJECT, INVOICES, THIRD_SUBJECT
from airflow_provider_ksef.tables.line_columns import LINES
from airflow_provider_ksef.tables.submission_columns import SUBMISSIONS
from airflow_provider_ksef.tables.vat_columns import VAT_SUMMARY

__all__ = [
    "AMOUNT",
    "AUTHORIZED_SUBJECT",
    "DOCUMENTS",
    "EVERY_TABLE",
    "INVOICES",
    "LINES",
    "MOMENT",
    "NUMBER",
    "SCHEMA_VERSION",
    "STORED",
    "SUBMISSIONS",
    "TABLES",
    "THIRD_SUBJECT",
    "VAT_SUMMARY",
]

SCHEMA_VERSION = 1
"""Written into each watermark; a table of a later version is refused. A further column needs no later one."""

TABLES = {
    "invoices": INVOICES,
    "invoice_documents": DOCUMENTS,
    "invoice_lines": LINES,
    "invoice_vat_summary": VAT_SUMMARY,
}
"""The tables that syncs and backfills fill, and that are compacted, deleted from and verified."""

EVERY_TABLE = {**TABLES, "submissions": SUBMISSIONS, **AUDIT_SCHEMAS}
"""These, and what submitting and audit tasks fill: without subject types, never compacted or deleted from."""
