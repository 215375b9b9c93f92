"""
The data dictionary, made of the tables' schemas.

``python -m airflow_provider_ksef.tables.dictionary > docs/data-dictionary.md`` brings the one in the docs up
to date; a test fails where it is not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

import pyarrow as pa

from airflow_provider_ksef.tables.reading import folder_columns
from airflow_provider_ksef.tables.schema import EVERY_TABLE

_INTRODUCTION = """\
# Data dictionary

Every table of `tables_path` and every column in it. This page is made of the tables' own Arrow schemas; each
Parquet file carries the same descriptions in the metadata of its fields.

- All tables of invoices have the key (`context`, `subject_type`, `ksef_number`); `context` and `subject_type`
  come from the folders' names, and so does `month`, the UTC month of `permanent_storage_date` as text:
  `2026-03`.
- `invoice_documents`, `invoice_lines` and `invoice_vat_summary` are there where invoices were read with
  `include_documents=True`.
- `submissions` is there where a submitting task has a `tables_path`. Its folders name `context` and `month`,
  the month of the session's reference number.
- `permissions`, `tokens`, `certificates`, `login_sessions` and `limits` are snapshots, there where
  `KsefAuditToParquetOperator` takes them. Their folders name `context` and `month`, that of `snapshot_date`.
- Amounts, quantities and prices are decimals with the digits of KSeF's schemas; nothing was ever a float.
- FA and FA_RR name the element of the document that a column comes from. One code may mean different things
  in the two: P_6A is a date in FA and a unit of measure in FA_RR.
"""

_ABOUT = {
    "invoices": "One row per invoice and role: KSeF's metadata of it. Key: `ksef_number`.",
    "invoice_documents": "One row per invoice and role: its XML, byte for byte, checked against its hash. "
    "Key: `ksef_number`.",
    "invoice_lines": "One row per line (FaWiersz, FakturaRRWiersz) of FA(2), FA(3) and FA_RR, in the "
    "document's order. A correction has its rows before and after it: subtract those where "
    "`is_before_correction` is true. Lines of an order (ZamowienieWiersz, on advance "
    "invoices) are in the XML only. Key: `ksef_number`, `line_ordinal`.",
    "invoice_vat_summary": "One row per invoice and group of tax rates, with the sums that the document "
    "states; on a correction they are differences. Key: `ksef_number`, `rate_group`.",
    "submissions": "One row per submitted file: what was sent, and what became of it. A file that was sent "
    "again in a later session has a row of each. Key: `session_reference_number`, `file_name`.",
    "permissions": "One row per snapshot and permission: who may do what, where. What a company may do as "
    "the owner of its context is no row. Key: `snapshot_date`, `source`, `id`.",
    "tokens": "One row per snapshot and KSeF token, the revoked ones too, never the secret. Tokens do not "
    "expire. Key: `snapshot_date`, `reference_number`.",
    "certificates": "One row per snapshot and KSeF certificate of who took it. Key: `snapshot_date`, "
    "`certificate_serial_number`.",
    "login_sessions": "One row per snapshot and login that was good then. Key: `snapshot_date`, "
    "`reference_number`.",
    "limits": "One row per snapshot and limit. Key: `snapshot_date`, `source`, `name`.",
}

_ELEMENTS = {b"ksef.fa": "FA", b"ksef.fa_rr": "FA_RR"}

_TYPES = {
    pa.string(): "text",
    pa.binary(): "bytes",
    pa.bool_(): "bool",
    pa.date32(): "date",
    pa.int32(): "integer",
    pa.int64(): "integer, 64 bits",
    pa.timestamp("us", tz="UTC"): "timestamp, UTC, µs",
}


def data_dictionary() -> str:
    """Write the whole dictionary as Markdown."""
    parts = [_INTRODUCTION, *(_table(name, schema) for name, schema in EVERY_TABLE.items())]
    return "\n".join(parts)


def _table(name: str, schema: pa.Schema) -> str:
    lines = [f"## {name}", "", _ABOUT[name], "", *_rows([*folder_columns(name), *schema]), ""]
    for field in schema:
        members = _members(field.type)
        if members is not None:
            lines += [f"### {name}.{field.name}", "", *_rows(members), ""]
    return "\n".join(lines)


def _rows(fields: Iterable[pa.Field]) -> Iterator[str]:
    fields = list(fields)
    forms = [title for key, title in _ELEMENTS.items() if any(key in field.metadata for field in fields)]
    keys = [key for key, title in _ELEMENTS.items() if title in forms]
    titles = ["Column", "Type", *forms, "What"]
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    for field in fields:
        elements = [_code(field.metadata.get(key, b"").decode()) for key in keys]
        cells = [f"`{field.name}`", _type(field.type), *elements, field.metadata[b"description"].decode()]
        yield f"| {' | '.join(cells)} |"


def _code(element: str) -> str:
    return f"`{element}`" if element else ""


def _type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list of {_type(kind.value_type)}s"
    if pa.types.is_struct(kind):
        return "struct"
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    return _TYPES[kind]


def _members(kind: pa.DataType) -> Iterable[pa.Field] | None:
    if pa.types.is_list(kind):
        return _members(kind.value_type)
    return list(kind) if pa.types.is_struct(kind) else None


if __name__ == "__main__":
    sys.stdout.write(data_dictionary())
