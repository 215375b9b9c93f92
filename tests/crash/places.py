"""Where the tables lie that the writers are killed at, and how their readers open them."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as pafs
from upath import UPath

from airflow_provider_ksef.tables import read
from airflow_provider_ksef.tables.table_format import TableFormat, open_tables

REGION = "eu-central-1"
READ = ["ksef_number", "permanent_storage_date"]


@dataclass(frozen=True)
class Place:
    """
    A place for tables.

    :param kind: where it is.
    :param tables_path: as the operators are given it.
    :param root: as a reader outside Airflow opens it.
    :param files: pyarrow's own way there, which knows nothing of this package.
    :param usual_pause: seconds between two arrivals of invoices, so that a sync can keep up with them.
    :param environment: the Airflow connections that the operators need.
    """

    kind: str
    tables_path: str
    root: UPath
    files: pafs.FileSystem
    usual_pause: float
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    table_format: str = "parquet"

    def tables(self) -> TableFormat:
        return open_tables(self.root, self.table_format)

    def rows(self, table: str = "invoices") -> pa.Table:
        """Read a table as this package does."""
        return read(table, self.root, columns=READ)

    def rows_for_others(self, table: str = "invoices") -> pa.Table:
        """Read a table as anybody does who is told no more than the folder."""
        folder = f"{self.root.path}/{table}"
        if self.files.get_file_info(folder).type != pafs.FileType.Directory:
            return pa.table({name: [] for name in READ})
        found = ds.dataset(folder, filesystem=self.files, format="parquet", partitioning="hive")
        assert all(file.endswith(".parquet") for file in found.files)
        return found.to_table(columns=READ) if found.files else pa.table({name: [] for name in READ})


def local_place(folder: Path) -> Place:
    return Place("local", str(folder), UPath(folder), pafs.LocalFileSystem(), 0.15)


def s3_place(endpoint: str) -> Place:
    """Make a bucket of its own on a server that speaks S3."""
    bucket = f"crash-{uuid.uuid4().hex[:12]}"
    files = pafs.S3FileSystem(
        endpoint_override=endpoint, access_key="testing", secret_key="testing", region=REGION,
        allow_bucket_creation=True,
    )  # fmt: skip
    files.create_dir(bucket)
    extra = {"endpoint_url": endpoint, "region_name": REGION}
    connection = {"conn_type": "aws", "login": "testing", "password": "testing", "extra": json.dumps(extra)}
    root = UPath(f"s3://{bucket}/ksef", endpoint_url=endpoint, key="testing", secret="testing")
    return Place(
        "s3",
        f"s3://aws_crash@{bucket}/ksef",
        root,
        files,
        1.0,
        {"AIRFLOW_CONN_AWS_CRASH": json.dumps(connection)},
    )
