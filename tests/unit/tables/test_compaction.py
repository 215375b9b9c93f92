# ruff: noqa: ARG005 - what stands in for a method takes its arguments
"""Many files become few, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefLeaseError, KsefTableError
from airflow_provider_ksef.tables import lease, merged_file
from airflow_provider_ksef.tables.compaction import closed_months, compact_parts
from airflow_provider_ksef.tables.incoming import StagedFile
from airflow_provider_ksef.tables.layout import named_span
from airflow_provider_ksef.tables.live_files import live_names, replaced_by
from airflow_provider_ksef.tables.reading import read
from airflow_provider_ksef.tables.storage import LocalStore, open_store
from airflow_provider_ksef.tables.watermark import read_watermark
from tests.unit.tables.packages import invoice, rows
from tests.unit.tables.test_commit import hold_lease
from tests.unit.tables.tiny import KEY, numbers, put, tiny_rows

JANUARY = f"invoices/context={KEY.context}/subject_type={KEY.subject_type}/month=2026-01"


@pytest.fixture(params=["folder", "file by file", "objects"])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UPath:
    if request.param == "file by file":
        monkeypatch.setattr(LocalStore, "folder_exchange", lambda self, folder, token: None)
    return UPath(f"memory://{tmp_path}") if request.param == "objects" else UPath(tmp_path)


def compact(root: UPath, **how: object) -> list[tuple[str, str, int, int, int]]:
    done = compact_parts(root, KEY, owner="compaction", **how)  # type: ignore[arg-type]
    return [(each.table, each.month, each.files_before, each.files_after, each.rows) for each in done]


def fill(root: UPath) -> None:
    """Three windows over January and one into February, and a backfill that overlaps them."""
    put(root, "2026-01-01", "2026-01-10", tiny_rows(a="2026-01-02", b="2026-01-09"))
    put(root, "2026-01-10", "2026-01-20", tiny_rows(c="2026-01-11", d="2026-01-19"))
    put(root, "2026-01-20", "2026-02-05", tiny_rows(e="2026-01-21", f="2026-02-01", g="2026-02-02"))
    late = tiny_rows(x="2026-01-03", y="2026-01-11", z="2026-01-30")
    put(root, "2026-01-01", "2026-02-01", late, moves_watermark=False)


def names(root: UPath, folder: str = JANUARY) -> list[str]:
    return open_store(root).names(folder)


def test_a_closed_month_becomes_one_sorted_file(root: UPath) -> None:
    fill(root)
    before, watermark = numbers(root), read_watermark(root, KEY)
    assert compact(root) == [("invoices", "2026-01", 4, 1, 8)]
    assert numbers(root) == before
    assert read_watermark(root, KEY) == watermark
    [name] = names(root)
    with open_store(root).open(f"{JANUARY}/{name}") as file:
        parquet = pq.ParquetFile(file)
        merged = parquet.read()
        assert parquet.metadata.row_group(0).column(0).compression == "ZSTD"
    assert merged["ksef_number"].to_pylist() == list("axbcydez")
    stored = merged["permanent_storage_date"].cast(pa.int64()).to_pylist()
    assert named_span(name) == (stored[0], stored[-1])
    assert len(names(root, JANUARY.replace("-01", "-02"))) == 1


def test_a_second_compaction_finds_nothing_to_do(root: UPath) -> None:
    fill(root)
    compact(root)
    before = names(root)
    assert compact(root) == []
    assert names(root) == before


def test_a_dry_run_changes_nothing(root: UPath) -> None:
    fill(root)
    before = names(root)
    assert compact(root, dry_run=True) == [("invoices", "2026-01", 4, 1, 8)]
    assert names(root) == before


def test_a_commit_finds_merged_rows_again(root: UPath) -> None:
    fill(root)
    compact(root)
    again = tiny_rows(a="2026-01-02", y="2026-01-11", new="2026-01-12")
    result = put(root, "2026-01-01", "2026-01-20", again, moves_watermark=False)
    assert (result.rows_written, result.rows_already_there) == (1, 2)
    assert compact(root) == [("invoices", "2026-01", 2, 1, 9)]
    assert numbers(root) == sorted(["new", *"abcdefgxyz"])


def test_the_months_that_are_open_are_left_alone(root: UPath) -> None:
    fill(root)
    store = open_store(root)
    parts, now = [KEY], datetime(2026, 5, 1, tzinfo=UTC)
    assert closed_months(store, parts, now) == ["2026-01"]  # the watermark stands in February
    put(root, "2026-02-05", "2026-03-01", tiny_rows())
    assert closed_months(store, parts, now) == ["2026-01", "2026-02"]
    assert closed_months(store, parts, now, keep_open=1) == ["2026-01"]
    for keep_open in (2, 3, 5):
        assert closed_months(store, parts, now, keep_open=keep_open) == []
    assert closed_months(store, parts, datetime(2026, 2, 28, 23, 59, tzinfo=UTC)) == ["2026-01"]


def test_files_are_merged_up_to_a_size(root: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(root)
    monkeypatch.setattr("airflow_provider_ksef.tables.compaction.TARGET_BYTES", 500)
    before = numbers(root)
    [(_, _, files_before, files_after, _)] = compact(root)
    assert 1 < files_after < files_before
    assert len(names(root)) == files_after
    assert numbers(root) == before


def test_rows_keep_every_column_and_files_of_an_earlier_version_get_nulls(root: UPath) -> None:
    whole = rows(invoice(ksefNumber="a"), invoice(ksefNumber="b", thirdSubjects=[{"role": 1, "name": "X"}]))
    put(root, "2026-02-01", "2026-02-10", whole.drop_columns(["extra", "vat_amount"]).slice(0, 1))
    put(root, "2026-02-01", "2026-02-10", whole.slice(1), moves_watermark=False)
    put(root, "2026-02-10", "2026-03-01", tiny_rows())
    before = read("invoices", root).sort_by("ksef_number")
    assert compact(root) == [("invoices", "2026-02", 2, 1, 2)]
    assert read("invoices", root).sort_by("ksef_number").equals(before)


def test_every_table_is_compacted_under_the_same_lease(
    root: UPath, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tmp_path = tmp_path_factory.mktemp("staged")
    for day in (10, 11, 12):
        own = tiny_rows(**{f"n{day}": f"2026-01-{day}"})
        path = tmp_path / f"{day}.parquet"
        pq.write_table(pa.concat_tables([own, own]), path)
        moment = own["permanent_storage_date"].cast(pa.int64())[0].as_py()
        lines = StagedFile("invoice_lines", "2026-01", path, 2, moment, moment)
        put(root, f"2026-01-{day}", f"2026-01-{day + 1}", own, staged=(lines,))
    put(root, "2026-01-13", "2026-02-01", tiny_rows())
    assert compact(root) == [("invoices", "2026-01", 3, 1, 3), ("invoice_lines", "2026-01", 3, 1, 6)]
    assert sorted(read("invoice_lines", root)["ksef_number"].to_pylist()) == sorted(["n10", "n11", "n12"] * 2)


def test_a_merge_that_would_lose_or_change_rows_is_refused(
    root: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(root)
    real = merged_file.merged_rows
    before = names(root)

    def without_one(*given: object) -> object:
        for part in real(*given):  # type: ignore[arg-type]
            yield part.filter(pa.compute.not_equal(part["ksef_number"], "y"))

    def another(*given: object) -> object:
        for part in real(*given):  # type: ignore[arg-type]
            place = part.schema.get_field_index("ksef_number")
            renamed = pa.compute.replace_substring(part["ksef_number"], "y", "x")
            yield part.set_column(place, "ksef_number", renamed)

    def backwards(*given: object) -> object:
        yield pa.concat_tables(real(*given)).sort_by([("permanent_storage_date", "descending")])  # type: ignore[arg-type]

    for broken in (without_one, another, backwards):
        monkeypatch.setattr(merged_file, "merged_rows", broken)
        with pytest.raises(KsefTableError, match="The table is as it was"):
            compact(root)
        assert names(root) == before
    monkeypatch.setattr(merged_file, "merged_rows", real)
    assert compact(root) == [("invoices", "2026-01", 4, 1, 8)]


def test_a_damaged_file_is_named_and_nothing_is_replaced(root: UPath) -> None:
    fill(root)
    before = names(root)
    root.fs.pipe_file(f"{root.path}/{JANUARY}/{before[1]}", b"PAR1 not really")
    with pytest.raises(KsefTableError, match=before[1]):
        compact(root)
    assert names(root) == before


def test_large_rows_end_a_row_group_early(root: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merged_file, "ROW_GROUP_BYTES", 60)
    fill(root)
    compact(root)
    [name] = names(root)
    with open_store(root).open(f"{JANUARY}/{name}") as file:
        assert pq.ParquetFile(file).metadata.num_row_groups > 1


@pytest.mark.parametrize("root", ["file by file", "objects"], indirect=True)
def test_what_a_merged_file_replaces_does_not_count_though_it_is_there(root: UPath) -> None:
    """A crash left it, or a put whose answer was lost came again; an exchanged folder leaves none."""
    fill(root)
    store = open_store(root)
    old = {name: store.read(f"{JANUARY}/{name}") or b"" for name in names(root)}
    compact(root)
    [merged] = names(root)
    assert replaced_by(store, f"{JANUARY}/{merged}") == sorted(old)
    for name, content in old.items():
        store.replace(f"{JANUARY}/{name}", content)
    before = sorted("abcdefgxyz")
    assert numbers(root) == before
    assert live_names(store, JANUARY) == [merged]
    put(root, "2026-01-01", "2026-01-20", tiny_rows(q="2026-01-05"), moves_watermark=False)
    assert compact(root) == [("invoices", "2026-01", 2, 1, 9)]
    [again] = names(root)
    assert set(replaced_by(store, f"{JANUARY}/{again}")) > set(old)
    store.replace(f"{JANUARY}/{next(iter(old))}", next(iter(old.values())))
    assert numbers(root) == sorted([*before, "q"])
    compact(root)
    assert names(root) == [again]


def test_a_foreign_file_in_a_month_stays(tmp_path: Path) -> None:
    root = UPath(tmp_path)
    fill(root)
    (tmp_path / JANUARY / "_note.txt").write_text("mine")
    compact(root)
    assert (tmp_path / JANUARY / "_note.txt").read_text() == "mine"


def test_a_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    root = UPath(tmp_path)
    fill(root)
    compact(root)
    assert not [path for path in (tmp_path / "_ksef" / "staged").rglob("*") if path.is_file()]
    assert not list((tmp_path / "_ksef").glob("probe-*"))


def test_a_compaction_waits_for_a_writer(root: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(root)
    monkeypatch.setattr(lease, "PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(lease, "LONGEST_WAIT_SECONDS", 0.1)
    hold_lease(root, "dag/other/task/-1", 600)
    with pytest.raises(KsefLeaseError, match="dag/other/task/-1"):
        compact(root)
    assert len(names(root)) == 4


def test_other_contexts_are_not_touched(root: UPath) -> None:
    fill(root)
    other = replace(KEY, subject_type="Subject1")
    for day in (1, 2):
        put(
            root, f"2026-01-0{day}", f"2026-01-0{day + 1}", tiny_rows(**{f"o{day}": f"2026-01-0{day}"}),
            key=other,
        )  # fmt: skip
    compact(root)
    assert len(names(root, JANUARY.replace("Subject2", "Subject1"))) == 2
