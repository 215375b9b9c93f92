"""Tables for analysts: one call gives Arrow, whose ``to_pandas()`` keeps amounts and dates exact."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError, KsefTableError
from airflow_provider_ksef.tables.arrow_files import arrow_filesystem
from airflow_provider_ksef.tables.environment import DELTA, found_format
from airflow_provider_ksef.tables.filtering import filter_expression
from airflow_provider_ksef.tables.layout import (
    LOCAL_PROTOCOLS,
    OWN_FOLDER,
    check_readable,
    is_table_file,
)
from airflow_provider_ksef.tables.live_files import live_paths, settled
from airflow_provider_ksef.tables.schema import EVERY_TABLE, TABLES
from airflow_provider_ksef.tables.storage import open_store

CONTEXT = pa.field(
    "context", pa.string(), metadata={"description": "Whose table it is, such as nip-5250001210."}
)
SUBJECT_TYPE = pa.field(
    "subject_type", pa.string(), metadata={"description": "Role of the context on the invoice."}
)
_MONTH = pa.field("month", pa.string())
_FOLDER_NAMES = (CONTEXT.name, SUBJECT_TYPE.name, _MONTH.name)


def folder_columns(table: str) -> list[pa.Field]:
    """Give the columns that come from the names of a table's folders."""
    return [CONTEXT, SUBJECT_TYPE] if table in TABLES else [CONTEXT]


def read(
    table: str,
    tables_path: str | PathLike[str] | UPath,
    columns: Sequence[str] | None = None,
    filters: pc.Expression | Sequence[Any] | None = None,
) -> pa.Table:
    """
    Read a table over all its contexts and subject types.

    :param table: such as ``invoices``.
    :param tables_path: the folder that the sync writes to: a local path or whatever universal-pathlib opens.
    :param columns: names of the columns wanted, else all; ``context`` and ``subject_type`` are columns, too
        (only tables of invoices have subject types).
    :param filters: an expression of pyarrow, or tuples such as ``[("currency", "=", "EUR")]``, in which texts
        may stand for dates and amounts, and a time has its offset; may also name ``month``, the UTC month of
        ``permanent_storage_date`` as text; of ``submissions`` that of the session, of snapshots that of
        their day.
    :returns: an Arrow table, empty where nothing was written to it yet.
    :raises KsefInputError: where the table or a column is unknown, a filter does not fit its column, or the
        folder holds no tables of ours.
    :raises KsefTableError: where a file is damaged or none of ours.
    """
    if table not in EVERY_TABLE:
        raise KsefInputError("table", table, "is not a table", f"Give one of: {', '.join(EVERY_TABLE)}.")
    root = _absolute(tables_path if isinstance(tables_path, UPath) else UPath(tables_path))
    check_readable(root)
    schema = pa.schema([*EVERY_TABLE[table], *folder_columns(table)])
    if isinstance(columns, str):
        raise KsefInputError("columns", columns, "is one text", f"Give a list: [{columns!r}].")
    wanted = list(schema.names if columns is None else columns)
    unknown = [name for name in wanted if name not in {*schema.names, _MONTH.name}]
    if unknown:
        raise KsefInputError(
            "columns", unknown, f"not in the table {table}", f"Choose from: {', '.join(schema.names)}."
        )
    expression = filter_expression(filters, schema.append(_MONTH))
    _check_there(root)
    try:
        return _rows(root, table, schema.append(_MONTH), wanted, expression)
    except (pa.ArrowInvalid, OSError) as error:
        raise KsefTableError(
            f"The table {table} cannot be read: {error}.",
            "Move the file that is named away, or restore it; this package never leaves one half-written.",
        ) from error


def _check_there(root: UPath) -> None:
    """Tell a wrong path from a table without rows."""
    if not any(root.fs.exists(f"{_base(root)}{name}") for name in (OWN_FOLDER, *EVERY_TABLE)):
        raise KsefInputError(
            "tables_path", str(root), "holds no tables", "Check the path; they are there once a sync has run."
        )


def _rows(
    root: UPath, table: str, schema: pa.Schema, wanted: list[str], expression: pc.Expression | None
) -> pa.Table:
    store = open_store(root)
    if (
        table in TABLES and found_format(store) == DELTA
    ):  # files count once the log names them, be there a log or not
        from airflow_provider_ksef.tables.delta_log import DeltaLog

        log = DeltaLog(root, table)
        return log.dataset(log.snapshot(), schema).to_table(columns=wanted, filter=expression)

    def below(folder: str) -> pa.Table:
        paths = live_paths(store, partial(_paths, root, folder))
        try:
            return _dataset(root, paths, schema).to_table(columns=wanted, filter=expression)
        except OSError as error:
            if error.errno != errno.EBUSY:  # s3fs says so of a session's file that was replaced meanwhile
                raise
            raise FileNotFoundError(str(error)) from error

    try:
        return settled(partial(below, table))
    except FileNotFoundError:  # a long compaction is at work; it is at each month only once
        months = sorted({path.rpartition("/")[0] for path in _paths(root, table)})
        return pa.concat_tables([settled(partial(below, month)) for month in months])


def _dataset(root: UPath, paths: Sequence[str], schema: pa.Schema) -> ds.Dataset:
    """Make a dataset of table files; folders above ``tables_path`` tell nothing, whatever they are called."""
    keys = pa.schema([field for field in schema if field.name in _FOLDER_NAMES])
    options = ds.FileSystemFactoryOptions(
        partition_base_dir=_base(root), partitioning=ds.HivePartitioning(keys)
    )
    files = [f"{_base(root)}{path}" for path in paths]
    factory = ds.FileSystemDatasetFactory(arrow_filesystem(root), files, ds.ParquetFileFormat(), options)
    return factory.finish(schema)


def _paths(root: UPath, folder: str) -> list[str]:
    """List the table files below a folder as they are now."""
    root.fs.invalidate_cache()
    base = _base(root)
    found = sorted(root.fs.find(f"{base}{folder}")) if root.fs.isdir(f"{base}{folder}") else []
    return [path.removeprefix(base) for path in found if is_table_file(path.rsplit("/", 1)[-1])]


def _base(root: UPath) -> str:
    return f"{root.path.rstrip('/')}/"


def _absolute(root: UPath) -> UPath:
    """Name a folder on this machine whole: a file is told by its path below it."""
    return UPath(Path(root.path).absolute()) if root.protocol in LOCAL_PROTOCOLS else root
