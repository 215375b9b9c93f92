"""How Arrow reaches the files below ``tables_path``."""

from __future__ import annotations

import pyarrow.fs as pafs
from upath import UPath

from airflow_provider_ksef.tables.layout import LOCAL_PROTOCOLS


def arrow_filesystem(root: UPath) -> pafs.FileSystem:
    """Give Arrow's file system for paths like those of ``root.path``."""
    if root.protocol in LOCAL_PROTOCOLS:
        return pafs.LocalFileSystem()
    return pafs.PyFileSystem(pafs.FSSpecHandler(root.fs))
