"""The tables' columns: names, order, Arrow types and what each means, in the field's own metadata."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

SCHEMA_VERSION = 1
"""Written into each watermark; a table of a later version is refused."""

MOMENT = pa.timestamp("us", tz="UTC")
AMOUNT = pa.decimal128(20, 2)

NUMBER = "ksef_number"
"""The key of every table, within a context and subject type."""
STORED = "permanent_storage_date"
"""What every table is sorted and divided into months by."""


def _field(name: str, kind: pa.DataType, description: str) -> pa.Field:
    return pa.field(name, kind, metadata={"description": description})


THIRD_SUBJECT = pa.struct(
    [
        _field("identifier_type", pa.string(), "Nip, InternalId, VatUe, Other or None."),
        _field("identifier", pa.string(), "The identifier, null where its type is None."),
        _field("name", pa.string(), "Name of the third party."),
        _field("role", pa.int32(), "Role by KSeF's number (1 factor, 2 recipient ...), 0 for another role."),
    ]
)
AUTHORIZED_SUBJECT = pa.struct(
    [
        _field("nip", pa.string(), "Tax number of the authorised subject."),
        _field("name", pa.string(), "Name of the authorised subject."),
        _field("role", pa.int32(), "1 enforcement authority, 2 bailiff, 3 tax representative."),
    ]
)


def _invoices() -> Iterator[pa.Field]:
    yield _field("ksef_number", pa.string(), "Number that KSeF gave the invoice; the key within its role.")
    yield _field("invoice_number", pa.string(), "Number that the issuer gave the invoice (P_2).")
    yield _field("issue_date", pa.date32(), "Date of issue as the document states it (P_1).")
    yield _field(
        "ksef_date",
        pa.date32(),
        "Day in Poland on which KSeF numbered the invoice: the day on which it counts as received.",
    )
    yield _field("invoicing_date", MOMENT, "When KSeF took the invoice in for processing.")
    yield _field("acquisition_date", MOMENT, "When KSeF numbered the invoice.")
    yield _field(
        "permanent_storage_date",
        MOMENT,
        "When KSeF stored the invoice for good; floored to microseconds. Files are sorted by it.",
    )
    yield _field("seller_nip", pa.string(), "Seller's tax number (NIP).")
    yield _field("seller_name", pa.string(), "Seller's name.")
    yield _field("buyer_identifier_type", pa.string(), "Nip, VatUe, Other or None.")
    yield _field("buyer_identifier", pa.string(), "Buyer's identifier, null where its type is None.")
    yield _field("buyer_name", pa.string(), "Buyer's name.")
    yield _field("net_amount", AMOUNT, "Net total in the currency of the invoice.")
    yield _field("gross_amount", AMOUNT, "Gross total (P_15) in the currency of the invoice.")
    yield _field("vat_amount", AMOUNT, "VAT total, always in PLN, whatever the currency of the invoice.")
    yield _field("currency", pa.string(), "Currency of net_amount and gross_amount, ISO 4217.")
    yield _field("invoicing_mode", pa.string(), "Online or Offline.")
    yield _field("invoice_type", pa.string(), "Kind of invoice: Vat, Kor (correction), Zal (advance) ...")
    yield _field("form_system_code", pa.string(), "Form of the document, such as FA (3).")
    yield _field("form_schema_version", pa.string(), "Version of the form's schema, such as 1-0E.")
    yield _field("form_value", pa.string(), "Family of the form: FA, PEF or FA_RR.")
    yield _field("is_self_invoicing", pa.bool_(), "Whether the buyer issued the invoice for the seller.")
    yield _field("has_attachment", pa.bool_(), "Whether the document carries an attachment.")
    yield _field("invoice_hash", pa.string(), "SHA-256 of the document, Base64.")
    yield _field(
        "hash_of_corrected_invoice",
        pa.string(),
        "SHA-256 of the invoice that this one corrects technically (offline mode), Base64; else null.",
    )
    yield _field("third_subjects", pa.list_(THIRD_SUBJECT), "Third parties on the invoice (Podmiot3).")
    yield _field("authorized_subject", AUTHORIZED_SUBJECT, "Authorised subject, null where there is none.")
    yield _field("verification_url", pa.string(), "Link of the invoice's QR code (KOD I) in its environment.")
    yield _field("extra", pa.string(), "JSON of all fields that this version has no column for; else null.")
    yield _field("export_reference", pa.string(), "Reference number of the export that brought the row.")
    yield _field("synced_at", MOMENT, "When the package was read, by the clock of the worker.")


INVOICES = pa.schema(_invoices())
"""One row per invoice and role; key (context, subject_type, ksef_number), the first two are in the path."""

TABLES = {"invoices": INVOICES}
