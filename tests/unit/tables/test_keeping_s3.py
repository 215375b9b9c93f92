"""Compaction, deletion and the command line on S3, against moto's server over a socket."""

from __future__ import annotations

import json

import pytest
from upath import UPath

from airflow_provider_ksef.tables.compaction import compact_parts
from airflow_provider_ksef.tables.console import main
from airflow_provider_ksef.tables.live_files import replaced_by
from airflow_provider_ksef.tables.storage import ObjectStore, open_store
from tests.s3_server import other_client
from tests.unit.tables.tiny import KEY, numbers, put, tiny_rows

JANUARY = f"invoices/context={KEY.context}/subject_type={KEY.subject_type}/month=2026-01"


def fill(root: UPath) -> None:
    for day in range(1, 6):
        row = tiny_rows(**{f"n{day}": f"2026-01-0{day}T12:00:00"})
        put(root, f"2026-01-0{day}", f"2026-01-0{day + 1}", row)
    put(root, "2026-01-06", "2026-02-10", tiny_rows(f="2026-02-05"))


def test_files_are_merged_and_rows_deleted(bucket: UPath, capsys: pytest.CaptureFixture[str]) -> None:
    fill(bucket)
    reached = ["--tables-path", f"s3://{bucket.path}"]
    for name in ("endpoint_url", "key", "secret"):
        reached += ["--storage-option", f"{name}={bucket.storage_options[name]}"]
    assert main([*reached, "compact"]) == 0
    assert "5 files became 1, 5 rows" in capsys.readouterr().out
    assert len(open_store(bucket).names(JANUARY)) == 1
    assert numbers(other_client(bucket)) == ["f", "n1", "n2", "n3", "n4", "n5"]
    assert main([*reached, "retention", "--before", "2026-01-03", "--yes"]) == 0
    assert numbers(bucket) == ["f", "n3", "n4", "n5"]
    put(bucket, "2026-01-01", "2026-02-01", tiny_rows(n1="2026-01-01T12:00:00"), moves_watermark=False)
    assert numbers(bucket) == ["f", "n3", "n4", "n5"]
    capsys.readouterr()
    assert main([*reached, "verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main([*reached, "show"]) == 0
    assert "4 rows" in capsys.readouterr().out


def test_a_merge_that_dies_before_it_has_removed_the_old_files_doubles_nothing(
    bucket: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(bucket)
    real, removed = ObjectStore.remove, []

    def dies(self: ObjectStore, path: str) -> None:
        if path.endswith(".parquet"):
            removed.append(path)
            if len(removed) > 2:
                raise OSError("the worker is gone")
        real(self, path)

    monkeypatch.setattr(ObjectStore, "remove", dies)
    with pytest.raises(OSError, match="gone"):
        compact_parts(bucket, KEY, owner="one")
    monkeypatch.setattr(ObjectStore, "remove", real)
    left = open_store(bucket).names(JANUARY)
    assert len(left) == 4  # the merged one and three that it replaces
    assert numbers(other_client(bucket)) == ["f", "n1", "n2", "n3", "n4", "n5"]
    put(bucket, "2026-01-01", "2026-02-01", tiny_rows(x="2026-01-02T00:00:00"), moves_watermark=False)
    compact_parts(bucket, KEY, owner="two")
    [merged] = open_store(bucket).names(JANUARY)
    assert len(replaced_by(open_store(bucket), f"{JANUARY}/{merged}")) == 7
    assert numbers(bucket) == ["f", "n1", "n2", "n3", "n4", "n5", "x"]
