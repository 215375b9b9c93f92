"""Where the tables lie that the writers are killed at, and how their readers open them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import deltalake
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as pafs
from deltalake.exceptions import TableNotFoundError
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.tables import read
from airflow_provider_ksef.tables.schema import TABLES
from airflow_provider_ksef.tables.table_format import TableFormat, open_tables

REGION = "eu-central-1"
TRIES = 10


@dataclass(frozen=True)
class Place:
    """
    A place for tables.

    :param kind: what it is.
    :param tables_path: as the operators are given it.
    :param root: as a reader outside Airflow opens it.
    :param read_plainly: reads some columns of a table without this package, as anybody does who is told no
        more than the folder.
    :param usual_pause: seconds between two arrivals of invoices, so that a sync can keep up with them.
    :param history: the most exports that bring what was received before the first sync.
    :param environment: the Airflow connections that the operators need.
    :param table_format: ``parquet`` or ``delta``.
    :param is_plain_while_rewritten: whether others may read the tables while files give way to new ones.
    """

    kind: str
    tables_path: str
    root: UPath
    read_plainly: Callable[[str, list[str]], pa.Table]
    usual_pause: float
    history: int
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    table_format: str = "parquet"
    is_plain_while_rewritten: bool = True

    def tables(self) -> TableFormat:
        return open_tables(self.root, self.table_format)

    def rows(self, table: str, columns: list[str]) -> pa.Table:
        """Read a table as this package does; before the first commit there is none."""
        try:
            return read(table, self.root, columns=columns)
        except KsefInputError as error:
            if error.field != "tables_path":
                raise
            return TABLES[table].empty_table().select(columns)


def local_place(folder: Path) -> Place:
    files = partial(_read_files, pafs.LocalFileSystem(), str(folder))
    return Place("local", str(folder), UPath(folder), files, 0.15, 10)


def delta_place(folder: Path) -> Place:
    delta = partial(_read_delta, folder)
    return Place("delta", str(folder), UPath(folder), delta, 0.5, 8, table_format="delta")


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
    return Place(
        "s3",
        f"s3://aws_crash@{bucket}/ksef",
        UPath(f"s3://{bucket}/ksef", endpoint_url=endpoint, key="testing", secret="testing"),
        partial(_read_files, files, f"{bucket}/ksef"),
        1.5,
        4,
        {"AIRFLOW_CONN_AWS_CRASH": json.dumps(connection)},
        is_plain_while_rewritten=False,
    )


def _read_files(files: pafs.FileSystem, root: str, table: str, columns: list[str]) -> pa.Table:
    folder, nothing = f"{root}/{table}", pa.table({name: [] for name in columns})
    if files.get_file_info(folder).type != pafs.FileType.Directory:
        return nothing
    for _ in range(TRIES):
        try:
            found = ds.dataset(folder, filesystem=files, format="parquet", partitioning="hive")
            assert all(file.endswith(".parquet") for file in found.files)
            return found.to_table(columns=columns) if found.files else nothing
        except FileNotFoundError:  # it gave way to another meanwhile
            continue
    raise AssertionError(f"{folder} changes faster than one can read it")


def _read_delta(folder: Path, table: str, columns: list[str]) -> pa.Table:
    try:
        opened = deltalake.DeltaTable(folder / table)
    except TableNotFoundError:
        return pa.table({name: [] for name in columns})
    return opened.to_pyarrow_dataset().to_table(columns=columns)
