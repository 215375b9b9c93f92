"""The command line shows tables, checks them and keeps them in order."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_ksef.tables.console import main
from airflow_provider_ksef.tables.incoming import StagedFile
from airflow_provider_ksef.tables.layout import lease_folder
from airflow_provider_ksef.tables.lease import current_holder
from airflow_provider_ksef.tables.reading import read
from airflow_provider_ksef.tables.retention import read_retention, retention_folder
from airflow_provider_ksef.tables.schema import DOCUMENTS
from airflow_provider_ksef.tables.storage import open_store
from airflow_provider_ksef.tables.verified import withdraw_verified
from airflow_provider_ksef.tables.watermark import read_watermark
from tests.unit.tables.packages import invoice, rows
from tests.unit.tables.test_commit import hold_lease
from tests.unit.tables.tiny import KEY, moment, numbers, put, tiny_rows

PARTNER = "9999999999"
WHERE = ["--context", KEY.context, "--subject-type", KEY.subject_type]


def document_of(number: str) -> bytes:
    return f"<Faktura>{number}</Faktura>".encode()


def hash_of(xml: bytes) -> str:
    return base64.b64encode(hashlib.sha256(xml).digest()).decode()


def invoices(*given: tuple[str, str, str]) -> pa.Table:
    """Make rows by number, seller and day in 2026."""
    return rows(
        *(
            invoice(
                ksefNumber=number,
                seller={"nip": seller, "name": "X"},
                permanentStorageDate=f"2026-{day}T12:00:00.000000+00:00",
                invoiceHash=hash_of(document_of(number)),
            )
            for number, seller, day in given
        )
    )


def documents(disk: Path, given: pa.Table) -> tuple[StagedFile, ...]:
    """Stage the documents of invoices of one month."""
    given = given.sort_by("permanent_storage_date")
    columns: dict[str, Any] = {name: given[name] for name in DOCUMENTS.names if name in given.column_names}
    columns["xml"] = pa.array([document_of(number) for number in given["ksef_number"].to_pylist()])
    table = pa.table(
        {
            name: columns.get(name, pa.nulls(given.num_rows, DOCUMENTS.field(name).type))
            for name in DOCUMENTS.names
        }
    )
    stored = given["permanent_storage_date"].cast(pa.int64()).to_pylist()
    path = disk / f"{stored[0]}.parquet"
    pq.write_table(table.cast(DOCUMENTS), path)
    month = datetime.fromtimestamp(stored[0] / 1e6, UTC).strftime("%Y-%m")
    return (StagedFile("invoice_documents", month, path, given.num_rows, stored[0], stored[-1]),)


@pytest.fixture
def root(tmp_path: Path) -> UPath:
    disk = tmp_path / "disk"
    disk.mkdir()
    root = UPath(tmp_path / "tables")
    first = invoices(("a", "1111111111", "01-05"), ("b", PARTNER, "01-20"))
    second = invoices(("c", PARTNER, "02-10"), ("d", "1111111111", "02-11"))
    put(root, "2025-12-31T23:00:00+00:00", "2026-02-01", first, staged=documents(disk, first))
    put(root, "2026-02-01", "2026-03-05", second, staged=documents(disk, second))
    return root


def run(root: UPath, *arguments: str) -> int:
    return main(["--tables-path", str(root), *arguments])


def answered(capsys: pytest.CaptureFixture[str], root: UPath, *arguments: str, code: int = 0) -> Any:
    assert run(root, *arguments, "--json") == code
    return json.loads(capsys.readouterr().out)


def test_it_shows_what_is_there(root: UPath, capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, root, "show")
    assert (found["table_format"], found["environment"]) == ("parquet", "test")
    [part] = found["parts"]
    assert part["watermark"]["position"] == moment("2026-03-05")
    assert part["complete_months"] == ["2026-01", "2026-02"]
    assert part["lease"] is None
    counted = {table["table"]: (table["rows"], table["files"], table["months"]) for table in part["tables"]}
    months = ["2026-01", "2026-02"]
    assert counted == {"invoices": (4, 2, months), "invoice_documents": (4, 2, months)}
    hold_lease(root, "dag/run/task/-1", 60)
    assert run(root, "show") == 0
    text = capsys.readouterr().out
    assert "dag/run/task/-1 until" in text
    assert "2026-01 ... 2026-02 (2 months)" in text


def test_it_shows_months_that_retention_cut_and_those_found_different(
    root: UPath, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(root, "retention", "--before", "2026-01-20", "--yes") == 0
    capsys.readouterr()
    [part] = answered(capsys, root, "show")["parts"]
    assert (part["complete_months"], part["deleted_months"]) == (["2026-02"], ["2026-01"])
    span = (moment("2026-02-03"), moment("2026-02-04"))
    withdraw_verified(root, KEY, *span)
    [part] = answered(capsys, root, "show")["parts"]
    assert (part["complete_months"], part["different"]) == ([], [list(span)])
    assert run(root, "retention", "--nip", PARTNER, "--yes") == 0
    assert run(root, "show") == 0
    text = capsys.readouterr().out
    assert "deleted     2026-01, by retention" in text
    assert f"different   {span[0]} to {span[1]}" in text
    assert "stored before 2026-01-19T23:00:00.0000000+00:00\n" in text
    assert f"stored before {moment('2026-03-05')} and sold or bought by {PARTNER}\n" in text


def test_it_runs_as_a_module(root: UPath) -> None:
    command = [sys.executable, "-m", "airflow_provider_ksef.tables", "--tables-path", str(root), "show"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "invoice_documents" in done.stdout


def test_it_reads_a_url(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    put(UPath(f"memory://{tmp_path}"), "2026-01-01", "2026-02-01", invoices(("a", PARTNER, "01-05")))
    assert main(["--tables-path", f"memory://{tmp_path}", "show"]) == 0
    assert "1 rows" in capsys.readouterr().out


def test_a_folder_without_tables_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--tables-path", str(tmp_path), "show"]) == 2
    assert "holds no such tables" in capsys.readouterr().err
    (tmp_path / "holiday.jpg").write_text("")
    assert main(["--tables-path", str(tmp_path), "show"]) == 2
    assert "something else" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["s3x://bucket/ksef", "s3://bucket/ksef --storage-option endpoint_url=http://127.0.0.1:9"]
)
def test_a_place_that_cannot_be_opened_is_told_in_a_line(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert main(["--tables-path", *url.split(), "show"]) == 2
    told = capsys.readouterr().err
    assert "cannot be opened" in told
    assert told.count("\n") == 1


def test_a_user_without_a_name_may_use_it(root: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless(uid: int) -> None:
        raise KeyError(uid)

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nameless)
    assert run(root, "watermark", "set", moment("2026-02-01"), "--yes") == 0
    holder = current_holder(open_store(root), KEY)
    assert holder is not None
    assert holder.owner.startswith(f"console/{os.getuid()}/")


def test_good_tables_are_found_good(root: UPath, capsys: pytest.CaptureFixture[str]) -> None:
    assert answered(capsys, root, "verify") == []
    run(root, "compact")
    capsys.readouterr()
    assert run(root, "verify") == 0
    assert capsys.readouterr().out == "Nothing is wrong.\n"


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


def test_it_compacts(root: UPath, capsys: pytest.CaptureFixture[str]) -> None:
    put(root, "2026-01-01", "2026-02-01", invoices(("n", PARTNER, "01-21")), moves_watermark=False)
    assert run(root, "compact", "--dry-run") == 0
    told = capsys.readouterr().out
    assert told == "nip-5250001210 Subject2 invoices 2026-01: 2 files would become 1, 3 rows.\n"
    done = answered(capsys, root, "compact", *WHERE)
    assert done["nip-5250001210 Subject2"][0]["files_after"] == 1
    assert run(root, "compact") == 0
    assert capsys.readouterr().out == "Nothing to merge.\n"
    assert run(root, "compact", "--keep-open-months", "-1") == 2


def test_it_deletes_a_counterparty_and_lets_it_come_again(
    root: UPath, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_watermark(root, KEY)
    counted = answered(capsys, root, "retention", "--nip", PARTNER, "--dry-run")
    assert counted["nip-5250001210 Subject2"]["invoices"] == 2
    assert counted["nip-5250001210 Subject2"]["invoice_documents"] == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert run(root, "retention", "--nip", PARTNER) == 2
    assert "nip-5250001210 Subject2: 2 invoices, 2 documents\n" in capsys.readouterr().err
    assert numbers(root) == ["a", "b", "c", "d"]
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert run(root, "retention", "--nip", PARTNER) == 0
    assert numbers(root) == ["a", "d"]
    assert sorted(read("invoice_documents", root)["ksef_number"].to_pylist()) == ["a", "d"]
    assert read_watermark(root, KEY) == before
    again = invoices(("b", PARTNER, "01-20"), ("x", "1111111111", "01-21"))
    put(root, "2026-01-01", "2026-02-01", again, moves_watermark=False)
    put(root, "2026-03-05", "2026-03-20", invoices(("new", PARTNER, "03-10")))
    assert numbers(root) == ["a", "d", "new", "x"]
    capsys.readouterr()
    assert not any(finding["is_wrong"] for finding in answered(capsys, root, "verify"))


def test_it_deletes_whole_months(root: UPath, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "retention", "--before", "2026-02-11", "--yes") == 0
    assert "invoices: 3 rows deleted" in capsys.readouterr().out
    assert numbers(root) == ["d"]
    folder = f"invoices/context={KEY.context}/subject_type={KEY.subject_type}"
    assert open_store(root).names(folder) == ["month=2026-02"]
    assert run(root, "retention", "--yes") == 2
    assert run(root, "retention", "--before", "2999-01-01", "--yes") == 2
    assert run(root, "retention", "--before", "x", "--yes") == 2
    assert run(root, "retention", "--nip", "12", "--yes") == 2


def test_what_retention_asks_names_each_part(
    root: UPath, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root, "2026-01-01", "2026-02-01", tiny_rows(), key=type(KEY)(KEY.context, "Subject1"))
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert run(root, "retention", "--before", "2026-02-11") == 2
    asked = capsys.readouterr().err
    assert "nip-5250001210 Subject1: nothing that is there now\n" in asked
    assert "nip-5250001210 Subject2: 3 invoices, 3 documents\n" in asked


def test_a_rule_is_noted_though_an_earlier_one_was_removed(root: UPath) -> None:
    for nip in ("1111111111", "2222222222"):
        assert run(root, "retention", "--nip", nip, "--yes") == 0
    (root / retention_folder(KEY) / "1.json").unlink()
    assert run(root, "retention", "--nip", PARTNER, "--yes") == 0
    assert [rule.nip for rule in read_retention(root, KEY)] == ["2222222222", PARTNER]
    put(root, "2026-01-01", "2026-02-01", invoices(("b", PARTNER, "01-20")), moves_watermark=False)
    assert numbers(root) == []


def test_it_asks_before_it_changes_a_watermark(
    root: UPath, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_watermark(root, KEY)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert run(root, "watermark", "reset") == 2
    assert read_watermark(root, KEY) == before
    assert "Nothing was changed" in capsys.readouterr().err


def test_it_breaks_a_lease(root: UPath, capsys: pytest.CaptureFixture[str]) -> None:
    hold_lease(root, "dag/dead/task/-1", 600, ("invoices/announced.parquet",))
    assert answered(capsys, root, "lease", "break", "--yes") == {"owner": "dag/dead/task/-1"}
    record = msgspec.json.decode(open_store(root).read(f"{lease_folder(KEY)}/5") or b"")
    assert record["announced"] == ["invoices/announced.parquet"]
    put(root, "2026-03-05", "2026-03-06", tiny_rows())
    assert run(root, "lease", "break", "--yes") == 0
    assert "nobody holds" in capsys.readouterr().out


def test_what_changes_one_part_asks_which(root: UPath, capsys: pytest.CaptureFixture[str]) -> None:
    put(root, "2026-01-01", "2026-02-01", tiny_rows(), key=type(KEY)(KEY.context, "Subject1"))
    assert run(root, "lease", "break", "--yes") == 2
    assert "--subject-type" in capsys.readouterr().err
    assert run(root, "lease", "break", "--yes", *WHERE) == 0
