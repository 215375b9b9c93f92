"""
Whether anybody was ever told of a table's rows; noted beside the tables.

Airflow's events say up to where, but Airflow may be told to forget old ones: without this note, a table that
was announced long ago looks like one that never was.
"""

from __future__ import annotations

import msgspec
from upath import UPath

from airflow_provider_ksef.tables.layout import OWN_FOLDER, TableKey
from airflow_provider_ksef.tables.storage import open_store


def was_announced(root: UPath, key: TableKey) -> bool:
    """
    Tell whether there is a note.

    :param root: ``tables_path``.
    :param key: the context and subject type.
    """
    return open_store(root).read(_path(key)) is not None


def note_announced(root: UPath, key: TableKey, position: str) -> None:
    """
    Note that an event was seen; nothing happens where that was noted before.

    :param root: ``tables_path``.
    :param key: the context and subject type.
    :param position: up to where it told.
    """
    store, path = open_store(root), _path(key)
    if store.read(path) is None:
        store.create(path, msgspec.json.encode({"seen": position}))


def _path(key: TableKey) -> str:
    return f"{OWN_FOLDER}/announced/{key.context}/{key.subject_type}.json"
