"""
A month's table files that count.

A merged file may lie beside the files that it replaces, on an object store for a while, after a crash for
longer. It carries their names in its Parquet metadata, and whoever lists a month leaves them out.

Whoever reads without the lease lists twice: a month that changes while it is listed, because its folder is
exchanged or because the listing comes in pages, may look as if it lacked files that were never away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_ksef.exceptions import KsefTableError
from airflow_provider_ksef.tables.layout import is_table_file
from airflow_provider_ksef.tables.storage import Store

REPLACES = b"ksef.replaces"
"""Key of a merged file's metadata; the value is a JSON list of file names of the same folder."""

MERGED = "merged"
"""What stands in a merged file's name where other files name their export."""

_MERGED_NAME = re.compile(rf"_{MERGED}_\d+_\d+\.parquet$")
_TRIES = 5

Result = TypeVar("Result")


def live_names(store: Store, folder: str) -> list[str]:
    """
    List a month's table files without those that a merged file has replaced; the lease must be held.

    :param folder: the month's folder.
    """
    names, replaced = month_names(store, folder)
    return [name for name in names if name not in replaced]


def month_names(store: Store, folder: str) -> tuple[list[str], frozenset[str]]:
    """
    List a month's table files, and the names that merged files have replaced, whether they are there or not.

    :param folder: the month's folder.
    """
    return settled(lambda: _month_names(store, folder))


def _month_names(store: Store, folder: str) -> tuple[list[str], frozenset[str]]:
    names = [name for name in store.names(folder) if is_table_file(name)]
    return names, frozenset(old for name in names for old in _replaced_by(store, folder, name))


def live_paths(store: Store, list_paths: Callable[[], Sequence[str]]) -> list[str]:
    """
    List table files of any folders without those that a merged file has replaced; no lease is needed.

    :param list_paths: lists the files as they are now, below ``tables_path``.
    """
    return settled(lambda: _live_paths(store, list_paths))


def table_paths(store: Store, folder: str) -> list[str]:
    """
    List a month's table files, replaced ones among them.

    :param folder: the month's folder.
    """
    return [f"{folder}/{name}" for name in store.names(folder) if is_table_file(name)]


def _live_paths(store: Store, list_paths: Callable[[], Sequence[str]]) -> list[str]:
    before, paths = list_paths(), list_paths()
    new = set(paths).difference(before)
    if not set(paths).issuperset(before) or any(_MERGED_NAME.search(path) for path in new):
        raise FileNotFoundError("files were merged while they were listed")
    places = [path.rpartition("/") for path in paths]
    replaced = {f"{folder}/{old}" for folder, _, name in places for old in _replaced_by(store, folder, name)}
    return [path for path in paths if path not in replaced]


def settled(read: Callable[[], Result]) -> Result:
    """
    Read files that were listed before; list and read them anew where a merge has removed one in between.

    :param read: lists and reads.
    """
    for _ in range(_TRIES - 1):
        try:
            return read()
        except FileNotFoundError:
            continue
    return read()


def _replaced_by(store: Store, folder: str, name: str) -> Sequence[str]:
    return replaced_by(store, f"{folder}/{name}") if _MERGED_NAME.search(name) else ()


def replaced_by(store: Store, path: str) -> Sequence[str]:
    """
    Give the names that a merged file replaces.

    :param path: the merged file.
    :raises FileNotFoundError: where it is gone.
    :raises KsefTableError: where it is damaged.
    """
    try:
        with store.open(path) as file:
            metadata = pq.read_metadata(file).metadata or {}
        return msgspec.json.decode(metadata.get(REPLACES, b"[]"), type=list[str])
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, msgspec.DecodeError) as error:
        raise KsefTableError(
            f"The table file {path} cannot be read: {error}.",
            "Move it away or restore it; this package never leaves a file half-written.",
        ) from error
