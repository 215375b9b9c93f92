"""
KSeF's invoice metadata: JSON to Arrow, exact, and nothing unknown dropped.

pyarrow's reader does it with an explicit schema: a number becomes a decimal with no float in between, and a
third decimal is an error. Where a newer KSeF sends more fields than the schema knows, they are taken out
first, as the JSON text that they are, and the rest goes the same way.
"""

from __future__ import annotations

from typing import Any, NamedTuple

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

MAX_INVOICES = 100_000
"""KSeF packs 10,000 at most; a list of more is somebody's attempt at the worker's memory."""
_MOST_COMMAS = 50 * MAX_INVOICES
"""Counted before a list is taken apart, since each of its members takes memory."""
_READ_AT_ONCE = 512 * 1024
"""Bytes that one thread reads at a time."""
_LIST, _END = b'{"invoices":[', b"]}"
_START = _LIST + b'{"ksefNumber":'
_BETWEEN = b'},{"ksefNumber":'
"""How KSeF writes. No text holds these bytes: a quotation mark in a text has a backslash before it."""
_OPENING_BRACE, _LINE_END = ord("{"), ord("\n")
_REMEDY = "The table is as it was; export the window anew, and report it where it happens again."
_MEMBERS = dict[str, msgspec.Raw]
_encoder = msgspec.json.Encoder()


def parse_invoices(content: bytes | bytearray) -> tuple[pa.StructArray, pa.StringArray]:
    """
    Read ``_metadata.json``.

    :param content: ``{"invoices": [...]}``.
    :returns: the invoices, fields named as KSeF does, and for each the JSON of its unknown fields or null.
    :raises KsefIntegrityError: where it is not that, or a value does not fit, such as an amount with a third
        decimal.
    """
    if content.startswith(_START) and content.endswith(_END) and b"\n" not in content:
        content = _with_line_ends(content)
        try:
            return _all_known(_to_arrow(memoryview(content)[len(_LIST) : -len(_END)]))
        except pa.ArrowInvalid:  # it has more than the schema knows, or does not fit
            content = content.replace(b"\n", b",")
    lines = _one_a_line(content)
    del content  # it is as large as the lines
    try:
        return _all_known(_to_arrow(lines.text, lines.longest))
    except pa.ArrowInvalid:
        known, extra = _take_out_unknown(lines.text.split(b"\n"))
        return _known_to_arrow(known), pa.array(extra, pa.string())


def _with_line_ends(content: bytes | bytearray) -> bytearray:
    """Put a line end in place of each comma between two invoices, so that the text is in memory once."""
    lines = content if isinstance(content, bytearray) else bytearray(content)
    at, count = 0, 1
    while (at := lines.find(_BETWEEN, at) + 1) > 0:
        lines[at] = _LINE_END
        count += 1
        if count > MAX_INVOICES:
            raise _too_many()
    return lines


def _too_many() -> KsefIntegrityError:
    return _not_ksefs(f"it lists more than {MAX_INVOICES} invoices")


def _all_known(invoices: pa.StructArray) -> tuple[pa.StructArray, pa.StringArray]:
    return invoices, pa.nulls(len(invoices), pa.string())


class _Document(msgspec.Struct):
    invoices: list[msgspec.Raw]


class _Lines(NamedTuple):
    """One invoice a line, each an object, and how long the longest is."""

    text: bytes
    longest: int


def _one_a_line(content: bytes | bytearray) -> _Lines:
    if content.count(b",") > _MOST_COMMAS:
        raise _not_ksefs("it has more members than invoices can have")
    try:
        if b"\n" in content:
            content = msgspec.json.format(content, indent=-1)
        listed = msgspec.json.decode(content, type=_Document).invoices
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_ksefs(str(error)) from error
    if len(listed) > MAX_INVOICES:
        raise _too_many()
    texts = [memoryview(invoice) for invoice in listed]
    if any(text[0] != _OPENING_BRACE for text in texts):  # pyarrow crashes at a null
        raise _not_ksefs("one of its invoices is no object")
    return _Lines(b"\n".join(texts), max(map(len, texts), default=0))


def _not_ksefs(problem: str) -> KsefIntegrityError:
    return KsefIntegrityError(
        f"The package's metadata is not the JSON object with invoices that KSeF documents: {problem}.",
        _REMEDY,
    )


def _to_arrow(lines: bytes | memoryview, longest: int = 0) -> pa.StructArray:
    if not lines:
        return pa.array([], INVOICE)
    table = pj.read_json(
        pa.BufferReader(lines),
        read_options=pj.ReadOptions(block_size=max(_READ_AT_ONCE, longest + 1)),
        parse_options=pj.ParseOptions(
            explicit_schema=pa.schema(list(INVOICE)), unexpected_field_behavior="error"
        ),
    )
    table.validate(full=True)
    return pa.concat_arrays(table.to_struct_array().chunks)


def _take_out_unknown(listed: list[bytes]) -> tuple[list[bytes], list[str | None]]:
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
        return _to_arrow(b"\n".join(known), max(map(len, known)))
    except pa.ArrowInvalid as error:
        raise _first_misfit(known, error) from error


def _first_misfit(known: list[bytes], error: pa.ArrowInvalid) -> KsefIntegrityError:
    """Name the invoice: the reader of a whole package does not."""
    for place, invoice in enumerate(known, start=1):
        try:
            _to_arrow(invoice, len(invoice))
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
