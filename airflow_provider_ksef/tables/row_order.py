"""How rows lie in a table: sorted by permanent storage date, each KSeF number once."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_ksef.tables.arrow_memory import lean_memory
from airflow_provider_ksef.tables.columns import NUMBER, STORED


@lean_memory()
def sorted_once(rows: pa.Table) -> pa.Table:
    """Sort rows by storage date and KSeF number, and keep the first of each KSeF number."""
    if not _are_sorted(rows):
        rows = rows.sort_by([(STORED, "ascending"), (NUMBER, "ascending")]).combine_chunks()
    numbers = rows.column(NUMBER)
    if pc.count_distinct(numbers).as_py() == rows.num_rows:
        return rows
    order = pa.table({NUMBER: numbers, "row": pa.array(range(rows.num_rows), pa.int64())})
    first = order.group_by(NUMBER).aggregate([("row", "min")]).column("row_min")
    return rows.take(first.combine_chunks().sort())


def _are_sorted(rows: pa.Table) -> bool:
    """KSeF's packages are, but for what was stored at one instant."""
    stored, numbers = rows.column(STORED), rows.column(NUMBER)
    later = pc.less(stored[:-1], stored[1:])
    at_once = pc.and_(pc.equal(stored[:-1], stored[1:]), pc.less_equal(numbers[:-1], numbers[1:]))
    return bool(pc.all(pc.or_(later, at_once), min_count=0).as_py())


def storage_span(rows: pa.Table) -> tuple[int, int]:
    """Give the first and the last storage date of sorted rows, in microseconds since 1970."""
    stored = rows.column(STORED).cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    return stored[0].as_py(), stored[-1].as_py()
