"""
KSeF's invoice metadata: JSON to Arrow, exact, and nothing unknown dropped.

pyarrow's reader does it with an explicit schema: a number becomes a decimal with no float in between, and a
third decimal is an error. Where a newer KSeF sends more fields than the schema knows, they are taken out
first, as the JSON text that they are, and the rest goes the same way.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.json as pj

from airflow_provider_ksef.exceptions import KsefIntegrityError
from airflow_provider_ksef.tables.schema import AMOUNT

_TIME = pa.timestamp("ns", tz="UTC")
_IDENTIFIER = pa.struct([("type", pa.string()), ("value", pa.string())])

INVOICE = pa.struct(
    [
        ("ksefNumber", pa.string()),
        ("invoiceNumber", pa.string()),
        ("issueDate", pa.string()),
        ("invoicingDate", _TIME),
        ("acquisitionDate", _TIME),
        ("permanentStorageDate", _TIME),
        ("seller", pa.struct([("nip", pa.string()), ("name", pa.string())])),
        ("buyer", pa.struct([("identifier", _IDENTIFIER), ("name", pa.string())])),
        ("netAmount", AMOUNT),
        ("grossAmount", AMOUNT),
        ("vatAmount", AMOUNT),
        ("currency", pa.string()),
        ("invoicingMode", pa.string()),
        ("invoiceType", pa.string()),
        (
            "formCode",
            pa.struct([("systemCode", pa.string()), ("schemaVersion", pa.string()), ("value", pa.string())]),
        ),
        ("isSelfInvoicing", pa.bool_()),
        ("hasAttachment", pa.bool_()),
        ("invoiceHash", pa.string()),
        ("hashOfCorrectedInvoice", pa.string()),
        (
            "thirdSubjects",
            pa.list_(pa.struct([("identifier", _IDENTIFIER), ("name", pa.string()), ("role", pa.int32())])),
        ),
        (
            "authorizedSubject",
            pa.struct([("nip", pa.string()), ("name", pa.string()), ("role", pa.int32())]),
        ),
    ]
)
"""InvoiceMetadata of KSeF's OpenAPI 2.7."""

_READ_AT_ONCE = 256 * 1024
"""Bytes that one thread reads at a time."""
_THREADS = min(4, os.cpu_count() or 1)
_OPENING_BRACE = ord("{")
_REMEDY = "The table is as it was; export the window anew, and report it where it happens again."
_Text = bytes | memoryview
_MEMBERS = dict[str, msgspec.Raw]
_encoder = msgspec.json.Encoder()


def parse_invoices(content: bytes) -> tuple[pa.StructArray, pa.StringArray]:
    """
    Read ``_metadata.json``.

    :param content: ``{"invoices": [...]}``.
    :returns: the invoices, fields named as KSeF does, and for each the JSON of its unknown fields or null.
    :raises KsefIntegrityError: where it is not that, or a value does not fit, such as an amount with a third
        decimal.
    """
    listed = _listed(content)
    try:
        invoices = _to_arrow(listed)
    except pa.ArrowInvalid:
        known, extra = _take_out_unknown(listed)
        return _known_to_arrow(known), pa.array(extra, pa.string())
    return invoices, pa.nulls(len(invoices), pa.string())


class _Document(msgspec.Struct):
    invoices: list[msgspec.Raw]


def _listed(content: bytes) -> list[memoryview]:
    """Give the text of each invoice, without line ends."""
    try:
        if b"\n" in content:
            content = msgspec.json.format(content, indent=-1)
        listed = msgspec.json.decode(content, type=_Document).invoices
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_ksefs(str(error)) from error
    texts = [memoryview(invoice) for invoice in listed]
    if any(text[0] != _OPENING_BRACE for text in texts):  # pyarrow crashes at a null
        raise _not_ksefs("one of its invoices is no object")
    return texts


def _not_ksefs(problem: str) -> KsefIntegrityError:
    return KsefIntegrityError(
        f"The package's metadata is not the JSON object with invoices that KSeF documents: {problem}.",
        _REMEDY,
    )


def _to_arrow(listed: Sequence[_Text]) -> pa.StructArray:
    if not listed:
        return pa.array([], INVOICE)
    with ThreadPoolExecutor(_THREADS) as pool:
        pieces = list(pool.map(_piece_to_arrow, _pieces(listed)))
    return pa.concat_arrays(pieces)


def _pieces(listed: Sequence[_Text]) -> Iterator[Sequence[_Text]]:
    start = size = 0
    for place, text in enumerate(listed, start=1):
        size += len(text)
        if size >= _READ_AT_ONCE or place == len(listed):
            yield listed[start:place]
            start, size = place, 0


def _piece_to_arrow(piece: Sequence[_Text]) -> pa.StructArray:
    """Read invoices, one a line: only so many at once are there twice."""
    lines = b"\n".join(piece)
    table = pj.read_json(
        pa.BufferReader(lines),
        read_options=pj.ReadOptions(use_threads=False, block_size=len(lines) + 1),
        parse_options=pj.ParseOptions(
            explicit_schema=pa.schema(list(INVOICE)), unexpected_field_behavior="error"
        ),
        memory_pool=pa.system_memory_pool(),  # pyarrow's own keeps 30 MB more in its threads
    )
    table.validate(full=True)
    return pa.concat_arrays(table.to_struct_array().chunks)


def _take_out_unknown(listed: Sequence[_Text]) -> tuple[list[bytes], list[str | None]]:
    try:
        divided = [_divide(msgspec.Raw(invoice), INVOICE) for invoice in listed]
        extra = [_encoder.encode(part).decode() if part else None for _, part in divided]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_ksefs(str(error)) from error
    return [_encoder.encode(part) for part, _ in divided], extra


def _divide(value: msgspec.Raw, kind: pa.DataType) -> tuple[Any, Any]:
    """Divide a JSON value into what the type knows and what it does not, both shaped like the value."""
    text = bytes(value)
    if pa.types.is_struct(kind) and text.startswith(b"{"):
        return _divide_object(msgspec.json.decode(value, type=_MEMBERS), kind)
    if pa.types.is_list(kind) and text.startswith(b"["):
        items = msgspec.json.decode(value, type=list[msgspec.Raw])
        divided = [_divide(item, kind.value_type) for item in items]
        unknown = [part or {} for _, part in divided]
        return [part for part, _ in divided], unknown if any(unknown) else None
    return value, None


def _divide_object(members: dict[str, msgspec.Raw], kind: pa.StructType) -> tuple[Any, Any]:
    known: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    for name, value in members.items():
        position = kind.get_field_index(name)
        if position < 0:
            unknown[name] = value
            continue
        known[name], rest = _divide(value, kind.field(position).type)
        if rest:
            unknown[name] = rest
    return known, unknown


def _known_to_arrow(known: list[bytes]) -> pa.StructArray:
    try:
        return _to_arrow(known)
    except pa.ArrowInvalid as error:
        raise _first_misfit(known, error) from error


def _first_misfit(known: list[bytes], error: pa.ArrowInvalid) -> KsefIntegrityError:
    """Name the invoice: the reader of a whole package does not."""
    for place, invoice in enumerate(known, start=1):
        try:
            _to_arrow([invoice])
        except pa.ArrowInvalid as misfit:
            return KsefIntegrityError(
                f"Invoice {place}, {_number(invoice)}, does not fit KSeF's contract: {misfit}.",
                _REMEDY,
            )
    return KsefIntegrityError(f"The package's metadata does not fit KSeF's contract: {error}.", _REMEDY)


def _number(invoice: bytes) -> str:
    if not invoice.startswith(b"{"):
        return "which is no object"
    return bytes(msgspec.json.decode(invoice, type=_MEMBERS).get("ksefNumber", b"unnumbered")).decode(
        errors="replace"
    )
