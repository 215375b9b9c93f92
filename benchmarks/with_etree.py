"""What a user would write without a library of KSeF: xml.etree and a loop over elements, typed by pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

import pyarrow as pa

_NAMESPACE = "{http://crd.gov.pl/wzor/2025/06/25/13775/}"
_QUANTITY, _PRICE, _AMOUNT = pa.decimal128(22, 6), pa.decimal128(22, 8), pa.decimal128(18, 2)
_TYPES = {
    "NrWierszaFa": pa.int32(),
    "P_6A": pa.date32(),
    "P_8B": _QUANTITY,
    "P_9A": _PRICE,
    "P_9B": _PRICE,
    "P_10": _PRICE,
    "P_11": _AMOUNT,
    "P_11A": _AMOUNT,
    "P_11Vat": _AMOUNT,
    "KwotaAkcyzy": _AMOUNT,
    "KursWaluty": _QUANTITY,
}


def lines_of(documents: Sequence[bytes]) -> int:
    """Make rows of lines and of tax sums, as this package does, and say how many lines there are."""
    rows: list[dict[str, str | None]] = []
    sums: list[dict[str, str | None]] = []
    for document in documents:
        body = ElementTree.fromstring(document).find(f"{_NAMESPACE}Fa")
        taxes = {}
        for element in body if body is not None else ():
            name = element.tag.removeprefix(_NAMESPACE)
            if name == "FaWiersz":
                rows.append({child.tag.removeprefix(_NAMESPACE): child.text for child in element})
            elif name.startswith(("P_13", "P_14")):
                taxes[name] = element.text
        sums.append(taxes)
    _typed(sums, dict.fromkeys({name for row in sums for name in row}, _AMOUNT))
    return _typed(rows, _TYPES).num_rows


def _typed(rows: list[dict[str, str | None]], types: dict[str, pa.DataType]) -> pa.Table:
    names = sorted({name for row in rows for name in row})
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    return pa.table({name: column.cast(types.get(name, pa.string())) for name, column in columns.items()})
