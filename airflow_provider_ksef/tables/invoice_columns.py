"""The columns of the table ``invoices``: KSeF's metadata of an invoice."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from airflow_provider_ksef.tables.columns import AMOUNT, MOMENT, described, origin_columns

THIRD_SUBJECT = pa.struct(
    [
        described("identifier_type", pa.string(), "Nip, InternalId, VatUe, Other or None."),
        described("identifier", pa.string(), "The identifier, null where its type is None."),
        described("name", pa.string(), "Name of the third party."),
        described(
            "role", pa.int32(), "Role by KSeF's number (1 factor, 2 recipient ...), 0 for another role."
        ),
    ]
)
AUTHORIZED_SUBJECT = pa.struct(
    [
        described("nip", pa.string(), "Tax number of the authorised subject."),
        described("name", pa.string(), "Name of the authorised subject."),
        described("role", pa.int32(), "1 enforcement authority, 2 bailiff, 3 tax representative."),
    ]
)


def _invoices() -> Iterator[pa.Field]:
    yield described("ksef_number", pa.string(), "Number that KSeF gave the invoice; the key within its role.")
    yield described("invoice_number", pa.string(), "Number that the issuer gave the invoice (P_2).")
    yield described("issue_date", pa.date32(), "Date of issue as the document states it (P_1).")
    yield described(
        "ksef_date",
        pa.date32(),
        "Day in Poland on which KSeF numbered the invoice: the day on which it counts as received.",
    )
    yield described("invoicing_date", MOMENT, "When KSeF took the invoice in for processing.")
    yield described("acquisition_date", MOMENT, "When KSeF numbered the invoice.")
    yield described(
        "permanent_storage_date",
        MOMENT,
        "When KSeF stored the invoice for good; floored to microseconds. Files are sorted by it.",
    )
    yield described("seller_nip", pa.string(), "Seller's tax number (NIP).")
    yield described("seller_name", pa.string(), "Seller's name.")
    yield described("buyer_identifier_type", pa.string(), "Nip, VatUe, Other or None.")
    yield described("buyer_identifier", pa.string(), "Buyer's identifier, null where its type is None.")
    yield described("buyer_name", pa.string(), "Buyer's name.")
    yield described("net_amount", AMOUNT, "Net total in the currency of the invoice.")
    yield described("gross_amount", AMOUNT, "Gross total (P_15) in the currency of the invoice.")
    yield described("vat_amount", AMOUNT, "VAT total, always in PLN, whatever the currency of the invoice.")
    yield described("currency", pa.string(), "Currency of net_amount and gross_amount, ISO 4217.")
    yield described("invoicing_mode", pa.string(), "Online or Offline.")
    yield described("invoice_type", pa.string(), "Kind of invoice: Vat, Kor (correction), Zal (advance) ...")
    yield described("form_system_code", pa.string(), "Form of the document, such as FA (3).")
    yield described("form_schema_version", pa.string(), "Version of the form's schema, such as 1-0E.")
    yield described("form_value", pa.string(), "Family of the form: FA, PEF or FA_RR.")
    yield described("is_self_invoicing", pa.bool_(), "Whether the buyer issued the invoice for the seller.")
    yield described("has_attachment", pa.bool_(), "Whether the document carries an attachment.")
    yield described("invoice_hash", pa.string(), "SHA-256 of the document, Base64.")
    yield described(
        "hash_of_corrected_invoice",
        pa.string(),
        "SHA-256 of the invoice that this one corrects technically (offline mode), Base64; else null.",
    )
    yield described("third_subjects", pa.list_(THIRD_SUBJECT), "Third parties on the invoice (Podmiot3).")
    yield described("authorized_subject", AUTHORIZED_SUBJECT, "Authorised subject, null where there is none.")
    yield described(
        "verification_url", pa.string(), "Link of the invoice's QR code (KOD I) in its environment."
    )
    yield described(
        "extra", pa.string(), "JSON of all fields that this version has no column for; else null."
    )
    yield from origin_columns()


INVOICES = pa.schema(_invoices())
"""One row per invoice and role; key (context, subject_type, ksef_number), the first two are in the path."""
