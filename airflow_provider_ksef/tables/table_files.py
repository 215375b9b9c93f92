"""Every file that a table consists of, whatever format it is kept in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from upath import UPath

from airflow_provider_ksef.tables.environment import DELTA, found_format
from airflow_provider_ksef.tables.layout import TableKey, key_folder, month_folder
from airflow_provider_ksef.tables.live_files import live_paths, table_paths
from airflow_provider_ksef.tables.schema import TABLES
from airflow_provider_ksef.tables.storage import Store, open_store


@dataclass(frozen=True)
class MonthFiles:
    """
    The files of one month of one part of a table.

    :param key: the part.
    :param month: such as ``2026-03``, UTC; whatever the folder is called.
    :param names: the files' names, in order.
    """

    key: TableKey
    month: str
    names: tuple[str, ...]

    @property
    def folder(self) -> str:
        """Where they lie below ``tables_path``."""
        return month_folder(self.key, self.month)


def table_files(root: UPath, key: TableKey) -> Iterator[MonthFiles]:
    """
    List the files of all tables of one context and subject type.

    :param root: ``tables_path``.
    :param key: the context and subject type.
    """
    store = open_store(root)
    is_delta = found_format(store) == DELTA
    for table in TABLES:
        part = TableKey(key.context, key.subject_type, table)
        yield from _in_log(root, part) if is_delta else _in_folders(store, part)


def _in_log(root: UPath, part: TableKey) -> Iterator[MonthFiles]:
    from airflow_provider_ksef.tables.delta_log import DeltaLog

    log = DeltaLog(root, part.table)
    for month, names in log.months(log.snapshot(), part).items():
        yield MonthFiles(part, month, tuple(names))


def _in_folders(store: Store, part: TableKey) -> Iterator[MonthFiles]:
    for name in store.names(key_folder(part)):
        if name.startswith("month="):
            month = name.removeprefix("month=")
            paths = live_paths(store, partial(table_paths, store, month_folder(part, month)))
            yield MonthFiles(part, month, tuple(path.rsplit("/", 1)[-1] for path in paths))
