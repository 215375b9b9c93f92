"""Commits to S3 whose puts fail, break off or lose their answer: the tables hold the truth after a retry."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefError
from airflow_provider_ksef.tables.table_format import open_tables
from tests.s3_server import Fault, S3Server
from tests.unit.tables.tiny import KEY, moment, numbers, put, stage, tiny_rows

ALWAYS = (0, 10**16)
TRIES = 4
LOG, FILE, LEASE, WATERMARK = "invoices/_delta_log/", "invoices/.*parquet", "_ksef/lease/", "_ksef/watermark/"
CASES = [
    *(("parquet", FILE, kind) for kind in ("500", "cut", "lost", "409", "412")),
    *(("parquet", WATERMARK, kind) for kind in ("cut", "lost", "412")),
    *(("parquet", LEASE, kind) for kind in ("lost", "409")),
    ("parquet", "invoice_lines/.*parquet", "lost"),
    *(("delta", LOG, kind) for kind in ("500", "cut", "lost", "409", "412")),
    ("delta", "invoice_lines/_delta_log/", "lost"),
    ("delta", FILE, "lost"),
]


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
def test_a_store_that_may_not_be_written_changes_nothing(
    s3: S3Server, bucket: UPath, table_format: str
) -> None:
    put(bucket, "2026-01-01", "2026-01-10", tiny_rows(a="2026-01-05"), table_format=table_format)
    s3.order(Fault("403", FILE, times=1000))
    with pytest.raises((KsefError, OSError)):
        put(bucket, "2026-01-10", "2026-02-15", tiny_rows(b="2026-01-15"), table_format=table_format)
    assert numbers(bucket) == ["a"]
    s3.order()
    put(bucket, "2026-01-10", "2026-02-15", tiny_rows(b="2026-01-15"), table_format=table_format)
    assert numbers(bucket) == ["a", "b"]


def check_files(bucket: UPath) -> None:
    """Each table file that a reader sees is whole."""
    bucket.fs.invalidate_cache()
    for path in bucket.fs.find(bucket.path):
        if path.endswith(".parquet"):
            assert "ksef_number" in pq.read_schema(io.BytesIO(bucket.fs.cat_file(path))).names


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("table_format", "place", "kind"), CASES)
def test_a_put_that_fails_leaves_the_truth_after_a_retry(
    s3: S3Server,
    bucket: UPath,
    tmp_path_factory: pytest.TempPathFactory,
    table_format: str,
    place: str,
    kind: str,
) -> None:
    put(bucket, "2026-01-01", "2026-01-10", tiny_rows(a="2026-01-05"), table_format=table_format)
    rows = tiny_rows(a="2026-01-05", b="2026-01-15", c="2026-02-10")
    lines = pa.concat_tables([rows.slice(1, 1)] * 2)
    s3.order(Fault(kind, place))
    tables = open_tables(bucket, table_format)
    for _ in range(TRIES):
        check_files(bucket)
        try:
            staged = stage(tmp_path_factory.mktemp("disk"), "invoice_lines", lines)
            watermark = tables.watermark(KEY)
            assert watermark is not None
            if watermark.position != moment("2026-02-15"):
                put(
                    bucket,
                    watermark.position,
                    "2026-02-15",
                    rows,
                    staged=(staged,),
                    table_format=table_format,
                )
        except (KsefError, OSError):
            continue
        break
    assert s3.hits() == 1
    check_files(bucket)
    assert numbers(bucket) == ["a", "b", "c"]
    key = type(KEY)(KEY.context, KEY.subject_type, "invoice_lines")
    lines = tables.rows(key, ALWAYS, ["ksef_number"])
    assert lines["ksef_number"].to_pylist() == ["b", "b"]
    watermark = tables.watermark(KEY)
    assert watermark is not None
    assert watermark.position == moment("2026-02-15")
