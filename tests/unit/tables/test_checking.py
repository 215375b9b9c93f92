"""The command line checks tables, and says what is wrong with them."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_ksef.tables.storage import open_store
from airflow_provider_ksef.tables.table_format import format_of
from tests.unit.tables.console_tables import PARTNER, answered, either, invoices, root, run
from tests.unit.tables.tiny import KEY, numbers, put

__all__ = ["either", "root"]


def test_good_tables_are_found_good(either: UPath, capsys: pytest.CaptureFixture[str]) -> None:
    assert answered(capsys, either, "verify") == []
    more = invoices(("n", PARTNER, "01-03"))
    put(either, "2026-01-01", "2026-02-01", more, moves_watermark=False, table_format=format_of(either))
    assert run(either, "compact") == 0
    assert "2 files became 1" in capsys.readouterr().out
    assert run(either, "verify") == 0
    assert run(either, "retention", "--before", "2026-01-10", "--yes") == 0
    assert run(either, "verify") == 0
    assert numbers(either) == ["b", "c", "d"]
    assert capsys.readouterr().out.endswith("Nothing is wrong.\n")


def change(root: UPath, table: str, month: str, edit: Any, name: str | None = None) -> str:
    """Rewrite a table file as nobody should."""
    store = open_store(root)
    folder = f"{table}/context={KEY.context}/subject_type={KEY.subject_type}/month={month}"
    [file] = store.names(folder)
    with store.open(f"{folder}/{file}") as source:
        changed = edit(pq.read_table(source))
    sink = io.BytesIO()
    pq.write_table(changed, sink)
    store.replace(f"{folder}/{name or file}", sink.getvalue())
    return f"{folder}/{name or file}"


def set_column(name: str, values: list[Any]) -> Any:
    def edit(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(name)
        return table.set_column(
            place, table.schema.field(name), pa.array(values, table.schema.field(name).type)
        )

    return edit


def day(year: int, month: int, number: int) -> datetime:
    return datetime(year, month, number, tzinfo=UTC)


@pytest.mark.parametrize(
    ("table", "edit", "problem"),
    [
        ("invoices", lambda rows: rows.take([1, 0]), "is not sorted"),
        ("invoices", set_column("ksef_number", ["a", "a"]), "holds 1 invoices twice: a"),
        ("invoices", set_column("ksef_number", ["a", None]), "without a KSeF number"),
        ("invoices", set_column("invoice_hash", ["x", "y"]), "another hash of a than invoices"),
        ("invoice_documents", set_column("xml", [b"<a/>", b"<b/>"]), "a document of a that is not the one"),
        ("invoices", lambda rows: rows.drop_columns(["ksef_number"]), "cannot be read: .*ksef_number"),
        (
            "invoices",
            lambda rows: rows.set_column(12, "net_amount", rows["net_amount"].cast(pa.float64())),
            "holds net_amount as double",
        ),
        (
            "invoices",
            set_column("permanent_storage_date", [day(2026, 1, 5), day(2026, 2, 5)]),
            "holds rows of 2026-01 to 2026-02",
        ),
        (
            "invoices",
            set_column("permanent_storage_date", [day(2025, 12, 5), day(2026, 1, 5)]),
            "beyond the dates in its name",
        ),
    ],
    ids=range(9),
)  # fmt: skip
def test_what_is_wrong_is_found(
    root: UPath, capsys: pytest.CaptureFixture[str], table: str, edit: Any, problem: str
) -> None:
    change(root, table, "2026-01", edit)
    found = answered(capsys, root, "verify", code=1)
    assert any(
        finding["is_wrong"] and problem.split(".*", maxsplit=1)[0] in finding["problem"] for finding in found
    ), found


def test_a_row_in_two_files_is_found(root: UPath, capsys: pytest.CaptureFixture[str]) -> None:
    for table in ("invoices", "invoice_documents"):
        change(root, table, "2026-01", lambda rows: rows, name="copy.parquet")
    found = answered(capsys, root, "verify", code=1)
    assert sum("holds 2 invoices twice: a, b" in finding["problem"] for finding in found) == 2


def test_a_damaged_file_is_found_and_the_rest_is_checked(
    root: UPath, capsys: pytest.CaptureFixture[str]
) -> None:
    path = change(root, "invoices", "2026-01", lambda rows: rows)
    content = bytearray(root.fs.cat_file(f"{root.path}/{path}"))
    content[40:400] = bytes(360)
    root.fs.pipe_file(f"{root.path}/{path}", bytes(content))
    change(root, "invoices", "2026-02", set_column("ksef_number", ["c", "c"]))
    found = answered(capsys, root, "verify", code=1)
    problems = [finding["problem"] for finding in found if finding["is_wrong"]]
    assert any("cannot be read" in problem for problem in problems)
    assert any("twice" in problem for problem in problems)


def test_what_is_missing_beside_is_noted_and_no_fault(
    root: UPath, capsys: pytest.CaptureFixture[str]
) -> None:
    put(root, "2026-01-01", "2026-02-01", invoices(("n", PARTNER, "01-21")), moves_watermark=False)
    [finding] = answered(capsys, root, "verify")
    assert not finding["is_wrong"]
    assert "lacks the documents of 1 invoices" in finding["problem"]


def test_what_may_be_and_is_worth_knowing_is_noted(root: UPath, capsys: pytest.CaptureFixture[str]) -> None:
    put(root, "2026-03-01", "2026-04-01", invoices(("n", PARTNER, "03-21")), moves_watermark=False)
    open_store(root).replace(
        f"invoices/context={KEY.context}/subject_type={KEY.subject_type}/month=2026-01/_x", b""
    )
    found = answered(capsys, root, "verify")
    assert [finding["is_wrong"] for finding in found] == [False, False]
    assert "no table file: _x" in found[0]["problem"]
    assert "1 rows stored after the watermark" in found[1]["problem"]
