"""
One Delta table: its newest snapshot, its data files, and a commit that only the newest snapshot allows.

Data files are written like those of the Parquet format, sorted and compressed the same way: the library's own
writer works on several threads and mixes the rows. They count from when the log names them.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import and_
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError, KsefTableError
from airflow_provider_ksef.tables.arrow_files import arrow_filesystem
from airflow_provider_ksef.tables.delta_storage import delta_address, storage_options
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.month_files import MonthFile
from airflow_provider_ksef.tables.schema import MOMENT, NUMBER, STORED, TABLES

try:
    from deltalake import CommitProperties, DeltaTable, Schema, Transaction
    from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
    from deltalake.transaction import AddAction, RemoveAction
except ModuleNotFoundError as missing:
    raise KsefInputError(
        "table_format",
        "delta",
        "the package deltalake is not installed",
        "Run: pip install 'airflow-provider-ksef[delta]'.",
    ) from missing

PARTITIONS = tuple(pa.field(name, pa.string()) for name in ("context", "subject_type", "month"))
_STATISTICS = {"delta.dataSkippingStatsColumns": f"{NUMBER},{STORED}"}
_RECENT_COMMITS = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class DeltaLog:
    """
    A Delta table below ``tables_path``.

    :param root: ``tables_path``.
    :param table: such as ``invoices``.
    :raises KsefInputError: where Delta tables cannot be kept there.
    """

    def __init__(self, root: UPath, table: str) -> None:
        self.root = root
        self.table = table
        self.address = delta_address(root, table)
        self.options = storage_options(root)

    def snapshot(self) -> DeltaTable | None:
        """
        Load the newest snapshot; None where there is no table yet.

        :raises KsefTableError: where it cannot be read.
        """
        with self.errors_told():
            try:
                snapshot = DeltaTable(self.address, storage_options=self.options)
            except TableNotFoundError:
                return None
        if snapshot.protocol().min_reader_version > 1:
            raise KsefTableError(
                f"The Delta table {self.address} uses features that this package does not read: "
                f"{snapshot.protocol().reader_features}.",
                "Somebody has upgraded it; read it with a Delta reader, and sync into another tables_path.",
            )
        return snapshot

    def opened(self) -> DeltaTable:
        """Load the newest snapshot; the table is made where it is not there, and gets columns it lacks."""
        snapshot = self.snapshot()
        if snapshot is None:
            with self.errors_told(), contextlib.suppress(CommitFailedError):  # another writer made it
                DeltaTable.create(
                    self.address,
                    pa.schema([*TABLES[self.table], *PARTITIONS]),
                    mode="ignore",
                    partition_by=[field.name for field in PARTITIONS],
                    configuration=_STATISTICS,
                    storage_options=self.options,
                    commit_properties=CommitProperties(max_commit_retries=0),
                )
            return self.opened()
        known = {field.name for field in snapshot.schema().fields}
        lacking = [field for field in TABLES[self.table] if field.name not in known]
        if not lacking:
            return snapshot
        with self.errors_told(), contextlib.suppress(CommitFailedError):
            snapshot.alter.add_columns(
                Schema.from_arrow(pa.schema(lacking)).fields,
                commit_properties=CommitProperties(max_commit_retries=0),
            )
        return self.opened()

    def commit(
        self,
        snapshot: DeltaTable,
        key: TableKey,
        files: Sequence[MonthFile],
        positions: Mapping[str, int],
        notes: Mapping[str, str],
    ) -> bool:
        """
        Name new files in the log, all at once.

        :param snapshot: what was looked at; nothing is committed where somebody has committed since.
        :param key: the part of the table.
        :param files: files that are published already.
        :param positions: versions of application transactions, by application.
        :param notes: metadata of the commit.
        :returns: False where somebody was faster; load the snapshot anew.
        """
        properties = CommitProperties(
            custom_metadata=dict(notes),
            max_commit_retries=0,
            app_transactions=[Transaction(name, version) for name, version in positions.items()],
        )
        return self._write(snapshot, [self._action(key, file) for file in files], properties)

    def exchange(
        self,
        snapshot: DeltaTable,
        key: TableKey,
        month: str,
        old: Collection[str],
        new: Sequence[MonthFile],
        *,
        data_change: bool,
    ) -> bool:
        """
        Name new files in the place of old ones, all at once.

        :param snapshot: what names the old files; nothing is changed where somebody has committed since.
        :param key: the part of the table.
        :param month: of all the files.
        :param old: their paths, see :meth:`paths`.
        :param new: files that are published already.
        :param data_change: False where they hold the same rows.
        :returns: False where somebody was faster; load the snapshot anew.
        """
        now = int(time.time() * 1000)
        actions = [self._action(key, file, data_change=data_change) for file in new]
        values = _partition(key, month)
        gone = [
            RemoveAction(path, data_change=data_change, deletion_timestamp=now, partition_values=values)
            for path in old
        ]
        return self._write(snapshot, [*gone, *actions], CommitProperties(max_commit_retries=0))

    def _write(
        self, snapshot: DeltaTable, actions: list[AddAction | RemoveAction], properties: CommitProperties
    ) -> bool:
        with self.errors_told():
            try:
                snapshot.create_write_transaction(
                    actions,
                    "append",
                    snapshot.schema(),
                    [field.name for field in PARTITIONS],
                    commit_properties=properties,
                )
            except CommitFailedError:
                return False
        return True

    def recent_commits(self, snapshot: DeltaTable) -> list[dict[str, Any]]:
        """Give the metadata of the newest commits, the newest first; the log keeps older ones for a while."""
        with self.errors_told():
            return snapshot.history(_RECENT_COMMITS)

    def dataset(self, snapshot: DeltaTable | None, schema: pa.Schema) -> ds.Dataset:
        """
        Give the data files of a snapshot as a dataset that filters on partitions and storage date prune.

        :param snapshot: None gives no rows.
        :param schema: the columns wanted, those of the partitions among them.
        """
        parquet, filesystem = ds.ParquetFileFormat(), arrow_filesystem(self.root)
        folder = f"{self.root.path.rstrip('/')}/{self.table}"
        fragments = [
            parquet.make_fragment(f"{folder}/{file['path']}", filesystem, _promise(file))
            for file in ([] if snapshot is None else _data_files(snapshot))
        ]
        return ds.FileSystemDataset(fragments, schema, parquet, filesystem)

    def months(self, snapshot: DeltaTable | None, key: TableKey) -> dict[str, list[str]]:
        """
        Give the data files of one part of a snapshot by month.

        :param snapshot: None gives none.
        :param key: the part.
        """
        paths = self.paths(snapshot, key)
        return {month: sorted(path.rsplit("/", 1)[-1] for path in paths[month]) for month in sorted(paths)}

    def paths(self, snapshot: DeltaTable | None, key: TableKey) -> dict[str, list[str]]:
        """
        Give the paths of a part's data files by month, as the log has them: below the table's folder.

        :param snapshot: None gives none.
        :param key: the part.
        """
        paths: dict[str, list[str]] = {}
        for file in [] if snapshot is None else _data_files(snapshot):
            part = (file["partition.context"], file["partition.subject_type"])
            if part == (key.context, key.subject_type):
                paths.setdefault(file["partition.month"], []).append(file["path"])
        return paths

    def _action(self, key: TableKey, file: MonthFile, *, data_change: bool = True) -> AddAction:
        size = len(file.content) if isinstance(file.content, bytes) else file.content.stat().st_size
        first, last = (_EPOCH + timedelta(microseconds=bound) for bound in file.span)
        statistics = {
            "numRecords": len(file.numbers),
            "minValues": {STORED: _milliseconds(first)},
            "maxValues": {STORED: _milliseconds(last + _MILLISECOND)},
            "nullCount": {STORED: 0, NUMBER: 0},
        }
        return AddAction(
            path=file.path.removeprefix(f"{self.table}/"),
            size=size,
            partition_values=_partition(key, file.month),
            modification_time=int(time.time() * 1000),
            data_change=data_change,
            stats=msgspec.json.encode(statistics).decode(),
        )

    @contextlib.contextmanager
    def errors_told(self) -> Iterator[None]:
        """Say in our own words what the library finds wrong, but for a conflict with another writer."""
        try:
            yield
        except (CommitFailedError, TableNotFoundError):
            raise
        except (DeltaError, OSError) as error:
            raise KsefTableError(
                f"The Delta table {self.address} cannot be read or written: {error}.",
                "The task may simply be retried; what it wrote counts only once the log names it.",
            ) from error


def _data_files(snapshot: DeltaTable) -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = pa.table(snapshot.get_add_actions(flatten=True)).to_pylist()
    return files


def _partition(key: TableKey, month: str) -> dict[str, str | None]:
    return {"context": key.context, "subject_type": key.subject_type, "month": month}


def _promise(file: Mapping[str, Any]) -> pc.Expression:
    """Say what holds for all rows of a data file; statistics of the log end with milliseconds, cut off."""
    promises = [pc.field(name.name) == file[f"partition.{name.name}"] for name in PARTITIONS]
    first, last = file.get(f"min.{STORED}"), file.get(f"max.{STORED}")
    if first is not None and last is not None:
        stored = pc.field(STORED)
        promises += [stored >= pa.scalar(first, MOMENT), stored <= pa.scalar(last + _MILLISECOND, MOMENT)]
    return reduce(and_, promises)


def _milliseconds(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
