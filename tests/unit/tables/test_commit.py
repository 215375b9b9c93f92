"""What a commit promises, case by case; the simulation holds it together."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefLeaseError, KsefTableError, KsefWatermarkError
from airflow_provider_ksef.tables import lease
from airflow_provider_ksef.tables.environment import check_environment
from airflow_provider_ksef.tables.layout import TableKey, lease_folder
from airflow_provider_ksef.tables.lease import LeaseRecord
from airflow_provider_ksef.tables.readback import _groups
from airflow_provider_ksef.tables.storage import LocalStore, ObjectStore, open_store
from airflow_provider_ksef.tables.watermark import read_watermark
from tests.unit.tables.tiny import KEY, moment, numbers, put, tiny_rows


@pytest.fixture(params=["folder", "objects"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> UPath:
    return UPath(tmp_path) if request.param == "folder" else UPath(f"memory://{tmp_path}")


def files(root: UPath, below: str = "") -> list[str]:
    base = f"{root.path.rstrip('/')}/"
    return sorted(path.removeprefix(base) for path in root.fs.find(f"{base}{below}".rstrip("/")))


def test_rows_are_divided_into_months_and_sorted(root: UPath) -> None:
    rows = tiny_rows(c="2026-03-01", a="2026-01-31T23:59:59.999999", b="2026-02-28", d="2026-02-01")
    result = put(root, "2026-01-15", "2026-03-02", rows)
    assert (result.rows_written, result.rows_already_there) == (4, 0)
    assert [path.split("/")[3] for path in result.files] == [
        "month=2026-01",
        "month=2026-02",
        "month=2026-03",
    ]
    assert files(root, "invoices") == sorted(result.files)
    with root.fs.open(f"{root.path}/{result.files[1]}", "rb") as file:
        parquet = pq.ParquetFile(file)
        assert parquet.read(["ksef_number"]).column(0).to_pylist() == ["d", "b"]
        assert parquet.metadata.row_group(0).column(0).compression == "ZSTD"
        assert parquet.schema_arrow.names == ["ksef_number", "permanent_storage_date"]


def test_nothing_but_table_files_lies_in_a_tables_folder(root: UPath) -> None:
    put(root, "2026-01-01", "2026-02-02", tiny_rows(a="2026-01-31", b="2026-02-01"))
    assert len(files(root, "invoices")) == 2
    assert sorted(path.split("/")[1] for path in files(root, "_ksef")) == [
        "environment.json",
        "lease",
        "watermark",
    ]


def test_the_watermark_is_ksefs_own_string(root: UPath) -> None:
    assert read_watermark(root, KEY) is None
    end = "2026-02-01T00:00:00.1234567+00:00"
    put(root, "2026-01-01", end, tiny_rows(a="2026-01-31"), reference="EH-7")
    put(root, end, "2026-02-02", tiny_rows(), reference="EH-8")
    watermark = read_watermark(root, KEY)
    assert watermark is not None
    assert watermark.position == moment("2026-02-02")
    assert watermark.previous_position == end
    assert watermark.began_at == moment("2026-01-01")
    assert (watermark.environment, watermark.export_reference) == ("test", "EH-8")
    assert watermark.updated_at


def test_rows_that_are_there_are_not_written_again(root: UPath) -> None:
    put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15", b="2026-02-01"))
    rows = tiny_rows(b="2026-02-01", c="2026-02-05")
    result = put(root, "2026-02-01", "2026-03-01", rows)
    assert (result.rows_written, result.rows_already_there) == (1, 1)
    assert numbers(root) == ["a", "b", "c"]


def test_a_number_that_comes_twice_in_a_package_is_written_once(root: UPath) -> None:
    rows = tiny_rows(a="2026-01-15", b="2026-01-16")
    twice = rows.slice(0, 1)
    result = put(
        root, "2026-01-01", "2026-02-01", type(rows).from_batches(rows.to_batches() + twice.to_batches())
    )
    assert (result.rows_written, result.rows_already_there) == (2, 1)
    assert numbers(root) == ["a", "b"]


def test_a_row_outside_its_window_is_found_again_all_the_same(root: UPath) -> None:
    put(root, "2026-01-10", "2026-01-20", tiny_rows(early="2026-01-05", late="2026-02-25"))
    put(root, "2026-01-20", "2026-03-01", tiny_rows(late="2026-02-25"))
    put(root, "2026-01-01", "2026-01-06", tiny_rows(early="2026-01-05"), moves_watermark=False)
    assert numbers(root) == ["early", "late"]


def test_a_window_that_starts_elsewhere_than_the_watermark_is_refused(root: UPath) -> None:
    put(root, "2026-01-01", "2026-02-01", tiny_rows())
    for start in ("2026-01-01", "2026-02-01T00:00:00.0000001+00:00", "2026-01-31T23:59:59.9999999+00:00"):
        with pytest.raises(KsefWatermarkError, match="begin the window anew"):
            put(root, start, "2026-03-01", tiny_rows(a="2026-02-15"))
    assert numbers(root) == []
    put(root, "2026-02-01T01:00:00+01:00", "2026-03-01", tiny_rows(a="2026-02-15"))
    assert numbers(root) == ["a"]


def test_a_backfill_leaves_the_watermark_alone(root: UPath) -> None:
    put(root, "2026-02-01", "2026-03-01", tiny_rows(b="2026-02-15"))
    put(root, "2025-12-01", "2026-02-20", tiny_rows(a="2025-12-15", b="2026-02-15"), moves_watermark=False)
    watermark = read_watermark(root, KEY)
    assert watermark is not None
    assert watermark.position == moment("2026-03-01")
    assert numbers(root) == ["a", "b"]


def test_rows_of_another_environment_never_enter(root: UPath) -> None:
    put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"), environment="production")
    other = TableKey("nip-1111111111", "Subject1")
    for key in (KEY, other):
        with pytest.raises(KsefTableError, match=r"'production'.*'test'"):
            put(root, "2026-02-01", "2026-03-01", tiny_rows(b="2026-02-15"), key=key)
    with pytest.raises(KsefTableError, match=r"'production'.*'test'"):
        check_environment(root, "test")
    check_environment(root, "production")
    assert numbers(root) == ["a"]


def test_a_backfill_alone_claims_the_table_for_its_environment(root: UPath) -> None:
    put(root, "2026-01-01", "2026-02-01", tiny_rows(), moves_watermark=False)
    with pytest.raises(KsefTableError, match="environment"):
        put(root, "2026-01-01", "2026-02-01", tiny_rows(), environment="demo")


def test_a_table_of_a_later_version_is_refused(root: UPath) -> None:
    put(root, "2026-01-01", "2026-02-01", tiny_rows())
    path = f"{root.path}/_ksef/watermark/{KEY.context}/{KEY.subject_type}.json"
    content = msgspec.json.decode(root.fs.cat_file(path))
    root.fs.pipe_file(path, msgspec.json.encode(content | {"schema_version": 2, "new": 1}))
    with pytest.raises(KsefTableError, match="Upgrade airflow-provider-ksef"):
        put(root, "2026-02-01", "2026-03-01", tiny_rows())
    root.fs.pipe_file(path, b"{")
    with pytest.raises(KsefTableError, match="cannot be read"):
        read_watermark(root, KEY)


def hold_lease(root: UPath, owner: str, seconds: float, announced: tuple[str, ...] = ()) -> None:
    record = LeaseRecord(owner, time.time() + seconds, announced)
    assert open_store(root).create(f"{lease_folder(KEY)}/5", msgspec.json.encode(record))


def test_another_writers_lease_is_waited_for(root: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "PAUSE_SECONDS", 0.05)
    hold_lease(root, "dag/other/task/-1", 0.3)
    put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"))
    assert open_store(root).names(lease_folder(KEY)) == ["6"]


def test_a_lease_that_is_kept_for_long_is_an_error(root: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(lease, "LONGEST_WAIT_SECONDS", 0.1)
    hold_lease(root, "dag/other/task/-1", 600)
    with pytest.raises(KsefLeaseError, match="dag/other/task/-1"):
        put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"))
    assert numbers(root) == []


def test_the_same_tasks_next_try_takes_over_at_once(root: UPath) -> None:
    hold_lease(root, "dag/run/task/-1", 600)
    started = time.monotonic()
    put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"))
    assert time.monotonic() - started < 2


def test_an_unreadable_lease_stops_nobody(root: UPath) -> None:
    open_store(root).create(f"{lease_folder(KEY)}/3", b"")
    put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"))
    assert numbers(root) == ["a"]


def test_a_store_that_cannot_create_exclusively_is_refused(
    root: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    for store in (LocalStore, ObjectStore):
        monkeypatch.setattr(store, "create", lambda self, path, content: self.replace(path, content) or True)
    with pytest.raises(KsefTableError, match="second writer overwrite"):
        put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"))
    assert numbers(root) == []


def test_a_failed_commit_lets_the_next_writer_in_at_once(root: UPath) -> None:
    put(root, "2026-01-01", "2026-02-01", tiny_rows())
    with pytest.raises(KsefWatermarkError):
        put(root, "2026-01-01", "2026-02-01", tiny_rows(), owner="one")
    started = time.monotonic()
    put(root, "2026-02-01", "2026-03-01", tiny_rows(), owner="another")
    assert time.monotonic() - started < 1


def test_a_file_that_cannot_be_read_is_named(root: UPath) -> None:
    result = put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"))
    root.fs.pipe_file(f"{root.path}/{result.files[0]}", b"PAR1 not really")
    with pytest.raises(KsefTableError, match=result.files[0]):
        put(root, "2026-01-14", "2026-01-20", tiny_rows(b="2026-01-16"), moves_watermark=False)


def test_a_window_that_runs_backwards_is_refused(root: UPath) -> None:
    with pytest.raises(KsefTableError, match="before it starts"):
        put(root, "2026-02-01", "2026-01-01", tiny_rows())


def test_only_the_spans_row_groups_are_read_back(tmp_path: Path) -> None:
    rows = tiny_rows(**{f"N{day:02d}": f"2026-01-{day:02d}" for day in range(1, 31)})
    pq.write_table(rows, tmp_path / "x.parquet", row_group_size=10)
    metadata = pq.ParquetFile(tmp_path / "x.parquet").metadata
    day = 24 * 3600 * 1_000_000
    first = 1_767_225_600 * 1_000_000  # 2026-01-01
    assert _groups(metadata, (first, first + 31 * day)) == [0, 1, 2]
    assert _groups(metadata, (first + 10 * day, first + 12 * day)) == [1]
    assert _groups(metadata, (first + 9 * day, first + 10 * day)) == [0, 1]
    assert _groups(metadata, (first + 9 * day + 1, first + 10 * day - 1)) == []
