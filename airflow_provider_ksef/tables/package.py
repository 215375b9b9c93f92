"""An export package becomes rows of the table ``invoices``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_ksef.exceptions import KsefIntegrityError
from airflow_provider_ksef.tables.archive import read_metadata_entry
from airflow_provider_ksef.tables.arrow_memory import lean_memory
from airflow_provider_ksef.tables.metadata_json import parse_invoices
from airflow_provider_ksef.tables.moments import POLAND
from airflow_provider_ksef.tables.schema import INVOICES, MOMENT, NUMBER, STORED, THIRD_SUBJECT

_MOMENTS = {
    "invoicing_date": "invoicingDate",
    "acquisition_date": "acquisitionDate",
    STORED: "permanentStorageDate",
}
_PLAIN = {
    NUMBER: ("ksefNumber",),
    "invoice_number": ("invoiceNumber",),
    "seller_nip": ("seller", "nip"),
    "seller_name": ("seller", "name"),
    "buyer_identifier_type": ("buyer", "identifier", "type"),
    "buyer_identifier": ("buyer", "identifier", "value"),
    "buyer_name": ("buyer", "name"),
    "net_amount": ("netAmount",),
    "gross_amount": ("grossAmount",),
    "vat_amount": ("vatAmount",),
    "currency": ("currency",),
    "invoicing_mode": ("invoicingMode",),
    "invoice_type": ("invoiceType",),
    "form_system_code": ("formCode", "systemCode"),
    "form_schema_version": ("formCode", "schemaVersion"),
    "form_value": ("formCode", "value"),
    "is_self_invoicing": ("isSelfInvoicing",),
    "has_attachment": ("hasAttachment",),
    "invoice_hash": ("invoiceHash",),
    "hash_of_corrected_invoice": ("hashOfCorrectedInvoice",),
}


@lean_memory()
def read_metadata_package(
    source: BinaryIO,
    *,
    context: str,
    subject_type: str,
    export_reference: str,
    synced_at: datetime,
    qr_url: str,
) -> pa.Table:
    """
    Read the invoices of an export package.

    :param source: the plain archive, ZIP or TAR.GZ, decrypted and seekable.
    :param context: the table's context, such as ``nip-5250001210``; names the package in errors.
    :param subject_type: the context's role on the invoices; the same.
    :param export_reference: the export's reference number.
    :param synced_at: when the package is read, with an offset.
    :param qr_url: the environment's origin of verification links, such as ``https://qr.ksef.mf.gov.pl``.
    :returns: one row per invoice in the package's order, with the columns of :data:`schema.INVOICES`; its
        length is what KSeF announced as ``invoiceCount``.
    :raises KsefIntegrityError: where the archive or its metadata is not what KSeF documents.
    """
    try:
        invoices, extra = parse_invoices(read_metadata_entry(source))
        return _rows(invoices, extra, export_reference, synced_at, qr_url)
    except KsefIntegrityError as error:
        raise KsefIntegrityError(
            f"Export {export_reference} of {context}, {subject_type}: {error.message}", error.remedy
        ) from error


def _rows(
    invoices: pa.StructArray, extra: pa.StringArray, reference: str, synced_at: datetime, qr_url: str
) -> pa.Table:
    columns = {name: pc.struct_field(invoices, list(path)) for name, path in _PLAIN.items()}
    columns |= {name: _floored(pc.struct_field(invoices, [path])) for name, path in _MOMENTS.items()}
    _check_keys(columns)
    columns["issue_date"] = _dates(pc.struct_field(invoices, ["issueDate"]))
    columns["ksef_date"] = _polish_dates(columns["acquisition_date"])
    columns["third_subjects"] = _third_subjects(pc.struct_field(invoices, ["thirdSubjects"]))
    columns["authorized_subject"] = pc.struct_field(invoices, ["authorizedSubject"])
    columns["verification_url"] = _verification_urls(columns, qr_url)
    columns["extra"] = extra
    columns["export_reference"] = pa.repeat(pa.scalar(reference), len(invoices))
    columns["synced_at"] = pa.repeat(pa.scalar(synced_at.astimezone(UTC), MOMENT), len(invoices))
    arrays = [columns[field.name].cast(field.type) for field in INVOICES]
    return pa.Table.from_arrays(arrays, schema=INVOICES)


def _floored(moments: pa.TimestampArray) -> pa.TimestampArray:
    """Cut nanoseconds to microseconds, never up."""
    return pc.floor_temporal(moments, unit="microsecond").cast(MOMENT)


def _check_keys(columns: dict[str, pa.Array]) -> None:
    for name in (NUMBER, STORED):
        missing = columns[name].null_count
        if missing:
            raise KsefIntegrityError(
                f"{missing} of {len(columns[name])} invoices came without {name}.",
                "The table is as it was; export the window anew.",
            )


def _dates(texts: pa.StringArray) -> pa.Date32Array:
    try:
        return texts.cast(pa.date32())
    except pa.ArrowInvalid as error:
        raise KsefIntegrityError(
            f"An issue date is not a date: {error}.", "The table is as it was; export the window anew."
        ) from error


def _polish_dates(moments: pa.TimestampArray) -> pa.Date32Array:
    """Give the days that UTC moments fall on in Poland."""
    return pc.local_timestamp(moments.cast(pa.timestamp("us", tz=POLAND.key))).cast(pa.date32(), safe=False)


def _third_subjects(subjects: pa.ListArray) -> pa.ListArray:
    items = subjects.values
    flat = pa.StructArray.from_arrays(
        [
            pc.struct_field(items, ["identifier", "type"]),
            pc.struct_field(items, ["identifier", "value"]),
            pc.struct_field(items, ["name"]),
            pc.struct_field(items, ["role"]),
        ],
        fields=list(THIRD_SUBJECT),
        mask=items.is_null(),
    )
    return pa.ListArray.from_arrays(subjects.offsets, flat, mask=subjects.is_null())


def _verification_urls(columns: dict[str, pa.Array], qr_url: str) -> pa.StringArray:
    """Make the links of KOD I: ``{qr}/invoice/{NIP}/{DD-MM-YYYY}/{hash, Base64URL without padding}``."""
    date = columns["issue_date"].cast(pa.string())
    parts = (pc.utf8_slice_codeunits(date, start, stop) for start, stop in ((8, 10), (5, 7), (0, 4)))
    day = pc.binary_join_element_wise(*parts, "-")
    digest = pc.replace_substring(columns["invoice_hash"], "+", "-")
    digest = pc.utf8_rtrim(pc.replace_substring(digest, "/", "_"), "=")
    return pc.binary_join_element_wise(
        f"{qr_url.rstrip('/')}/invoice", columns["seller_nip"], day, digest, "/"
    )
