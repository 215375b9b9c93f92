"""An analyst's questions, answered from the Parquet files by DuckDB."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

QUESTIONS = {
    "Which are the five largest suppliers, in PLN?": """
        SELECT seller_name, seller_nip, count(*) AS invoices, sum(net_amount) AS net_pln
        FROM invoices WHERE currency = 'PLN'
        GROUP BY ALL ORDER BY net_pln DESC LIMIT 5""",
    "How much VAT came in each month? (vat_amount is always PLN)": """
        SELECT strftime(ksef_date, '%Y-%m') AS received_in, count(*) AS invoices, sum(vat_amount) AS vat_pln
        FROM invoices GROUP BY ALL ORDER BY received_in""",
    "In which currencies are we invoiced?": """
        SELECT currency, count(*) AS invoices, sum(gross_amount) AS gross
        FROM invoices GROUP BY ALL ORDER BY invoices DESC""",
}


@dataclass(frozen=True)
class Comparison:
    """
    The table held against KSeF.

    :param in_ksef: invoices that KSeF holds.
    :param in_table: rows of the table.
    :param missing: invoices that the table lacks.
    :param duplicated: rows of the table that stand there once too often.
    """

    in_ksef: int
    in_table: int
    missing: int
    duplicated: int

    @property
    def is_right(self) -> bool:
        """Whether the table holds what KSeF holds, each invoice once."""
        return self.missing == 0 and self.duplicated == 0 and self.in_ksef == self.in_table


def open_invoices(tables_path: Path) -> duckdb.DuckDBPyConnection:
    """Open the table as an analyst would: by its Parquet files."""
    connection = duckdb.connect()
    files = tables_path / "invoices" / "**" / "*.parquet"
    connection.execute(
        f"CREATE VIEW invoices AS SELECT * FROM read_parquet('{files}', hive_partitioning = true)"
    )
    return connection


def answer(connection: duckdb.DuckDBPyConnection, question: str) -> str:
    """Answer one of the questions as a small table."""
    relation = connection.sql(QUESTIONS[question])
    rows = [relation.columns, *([str(value) for value in row] for row in relation.fetchall())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(relation.columns))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(f"    {line.rstrip()}" for line in lines)


def compare(connection: duckdb.DuckDBPyConnection, ksef_numbers: list[str]) -> Comparison:
    """Hold the table against the KSeF numbers that the emulator knows."""
    in_table = [number for (number,) in connection.sql("SELECT ksef_number FROM invoices").fetchall()]
    return Comparison(
        in_ksef=len(ksef_numbers),
        in_table=len(in_table),
        missing=len(set(ksef_numbers) - set(in_table)),
        duplicated=len(in_table) - len(set(in_table)),
    )
