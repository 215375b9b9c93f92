"""Compaction, deletion and the command line on S3, against moto's server over a socket."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefError
from airflow_provider_ksef.tables.compaction import compact_parts, compact_steps
from airflow_provider_ksef.tables.console import main
from airflow_provider_ksef.tables.live_files import replaced_by
from airflow_provider_ksef.tables.retention import RetentionRule
from airflow_provider_ksef.tables.row_deletion import delete_rows
from airflow_provider_ksef.tables.storage import ObjectStore, open_store
from tests.s3_server import Fault, S3Server, other_client
from tests.unit.tables.tiny import KEY, moment, numbers, put, tiny_rows

JANUARY = f"invoices/context={KEY.context}/subject_type={KEY.subject_type}/month=2026-01"
TRIES = 4


@pytest.fixture
def filled(bucket: UPath, tmp_path: Path) -> UPath:
    """Tables with two files in January and one in February, which is over, too; as a copy brought them."""
    root = UPath(tmp_path / "tables")
    for day in (1, 2):
        row = tiny_rows(**{f"n{day}": f"2026-01-0{day}T12:00:00", f"m{day}": f"2026-01-0{day}T13:00:00"})
        put(root, f"2026-01-0{day}", f"2026-01-0{day + 1}", row)
    put(root, "2026-01-03", "2026-03-10", tiny_rows(f="2026-02-05"))
    for path in (path for path in Path(root).rglob("*") if path.is_file()):
        bucket.fs.pipe_file(f"{bucket.path}/{path.relative_to(Path(root))}", path.read_bytes())
    return bucket


def test_the_command_line_merges_deletes_and_checks(
    filled: UPath, capsys: pytest.CaptureFixture[str]
) -> None:
    reached = ["--tables-path", f"s3://{filled.path}"]
    for name in ("endpoint_url", "key", "secret"):
        reached += ["--storage-option", f"{name}={filled.storage_options[name]}"]
    assert main([*reached, "compact"]) == 0
    assert "2 files became 1, 4 rows" in capsys.readouterr().out
    assert len(open_store(filled).names(JANUARY)) == 1
    assert numbers(other_client(filled)) == ["f", "m1", "m2", "n1", "n2"]
    assert main([*reached, "retention", "--before", "2026-01-02", "--yes"]) == 0
    put(filled, "2026-01-01", "2026-02-01", tiny_rows(n1="2026-01-01T12:00:00"), moves_watermark=False)
    assert numbers(filled) == ["f", "m2", "n2"]
    capsys.readouterr()
    assert main([*reached, "verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main([*reached, "show"]) == 0
    assert "3 rows" in capsys.readouterr().out


def test_the_packages_own_reader_sees_every_row_once_after_each_step(filled: UPath) -> None:
    reader = other_client(filled)
    steps = compact_steps(open_store(filled), [KEY], ["2026-01"], owner="compaction")
    seen = {step: numbers(reader) for step in steps}
    assert "rewrite: published a file" in seen
    assert set(map(tuple, seen.values())) == {("f", "m1", "m2", "n1", "n2")}


def test_a_merge_that_dies_before_it_has_removed_the_old_files_doubles_nothing(
    filled: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, removed = ObjectStore.remove, []

    def dies(self: ObjectStore, path: str) -> None:
        if path.endswith(".parquet"):
            removed.append(path)
            if len(removed) > 1:
                raise OSError("the worker is gone")
        real(self, path)

    monkeypatch.setattr(ObjectStore, "remove", dies)
    with pytest.raises(OSError, match="gone"):
        compact_parts(filled, KEY, owner="one")
    monkeypatch.setattr(ObjectStore, "remove", real)
    assert len(open_store(filled).names(JANUARY)) == 2  # the merged one and one that it replaces
    assert numbers(other_client(filled)) == ["f", "m1", "m2", "n1", "n2"]
    put(filled, "2026-01-01", "2026-02-01", tiny_rows(x="2026-01-02T00:00:00"), moves_watermark=False)
    compact_parts(filled, KEY, owner="two")
    [merged] = open_store(filled).names(JANUARY)
    assert len(replaced_by(open_store(filled), f"{JANUARY}/{merged}")) == 4
    assert numbers(filled) == ["f", "m1", "m2", "n1", "n2", "x"]


MERGED, OLD = "_merged_.*parquet", "_EH-1_.*parquet"


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("deletes", "kind", "path", "method"),
    [
        *((False, kind, MERGED, "PUT") for kind in ("503", "cut", "lost", "412")),
        (False, "lost", OLD, "DELETE"),
        (False, "lost", "_ksef/lease/", "PUT"),
        *((True, kind, MERGED, "PUT") for kind in ("lost", "409")),
        (True, "403", OLD, "DELETE"),
    ],
)
def test_a_request_that_fails_loses_and_doubles_nothing(
    s3: S3Server, filled: UPath, *, deletes: bool, kind: str, path: str, method: str
) -> None:
    rule = RetentionRule(moment("2026-01-02"), noted_at=datetime.now(UTC).isoformat())
    before, after = (
        ["f", "m1", "m2", "n1", "n2"],
        ["f", "m2", "n2"] if deletes else ["f", "m1", "m2", "n1", "n2"],
    )
    s3.order(Fault(kind, path, method=method))
    for _ in range(TRIES):
        try:
            if deletes:
                delete_rows(filled, KEY, rule, owner="keeper")
            else:
                compact_parts(filled, KEY, owner="keeper")
        except (KsefError, OSError):
            assert numbers(other_client(filled)) in (before, after)
            continue
        break
    assert s3.hits() == 1
    assert numbers(other_client(filled)) == after
    compact_parts(filled, KEY, owner="keeper")
    assert numbers(other_client(filled)) == after
    assert not [name for name in open_store(filled).names(JANUARY) if "EH-1_1_" in name]
