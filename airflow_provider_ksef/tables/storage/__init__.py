"""What a commit needs of a storage: the same few promises from a local folder and from an object store."""

from __future__ import annotations

from pathlib import Path

from upath import UPath

from airflow_provider_ksef.tables.layout import LOCAL_PROTOCOLS
from airflow_provider_ksef.tables.storage.folder_exchange import FolderExchange
from airflow_provider_ksef.tables.storage.local import LocalStore
from airflow_provider_ksef.tables.storage.objects import ObjectStore
from airflow_provider_ksef.tables.storage.protocol import Content, Store

__all__ = ["Content", "FolderExchange", "LocalStore", "ObjectStore", "Store", "open_store"]


def open_store(root: UPath) -> Store:
    """Give the storage below ``tables_path``."""
    if root.protocol in LOCAL_PROTOCOLS:
        return LocalStore(Path(root.path))
    return ObjectStore(root.fs, root.path, root.protocol)
