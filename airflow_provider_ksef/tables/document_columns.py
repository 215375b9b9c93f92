"""The columns of the table ``invoice_documents``: each invoice's XML exactly as it was received."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from airflow_provider_ksef.tables.columns import described, key_columns, origin_columns


def _documents() -> Iterator[pa.Field]:
    yield from key_columns()
    yield described("form_system_code", pa.string(), "Form of the document, such as FA (3).")
    yield described("form_schema_version", pa.string(), "Version of the form's schema, such as 1-0E.")
    yield described("form_value", pa.string(), "Family of the form: FA, PEF or FA_RR.")
    yield described(
        "invoice_hash", pa.string(), "SHA-256 of the document, Base64; xml was checked against it."
    )
    yield described("size", pa.int64(), "Length of xml in bytes.")
    yield described("xml", pa.binary(), "The document, byte for byte as KSeF gave it.")
    yield described(
        "line_count",
        pa.int32(),
        "Rows of the document in invoice_lines; null where its lines were not read: its form has none known "
        "here, or parse_error says why.",
    )
    yield described(
        "rate_group_count",
        pa.int32(),
        "Rows of the document in invoice_vat_summary; null where line_count is.",
    )
    yield described(
        "parse_error",
        pa.string(),
        "Why the document has no rows in invoice_lines and invoice_vat_summary; null where it was read.",
    )
    yield from origin_columns()


DOCUMENTS = pa.schema(_documents())
"""One row per invoice and role; the key is that of ``invoices``."""
