"""The tables that an operator keeps in order, without a connection to KSeF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_ksef._compat import ObjectStoragePath
from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.operators.parameters import check_subject_types, path_of

if TYPE_CHECKING:
    from airflow_provider_ksef.tables.layout import TableKey
    from airflow_provider_ksef.tables.table_format import TableFormat


@dataclass(frozen=True)
class KeptTables:
    """
    Tables below one folder.

    :param tables: in the format that they are found in.
    :param keys: the contexts and subject types that are meant.
    """

    tables: TableFormat
    keys: list[TableKey]


def open_kept_tables(
    tables_path: str | ObjectStoragePath, contexts: Sequence[str] | None, subject_types: Sequence[str] | None
) -> KeptTables:
    """
    Open tables that are there.

    :param tables_path: folder of the tables.
    :param contexts: such as ``nip-5250001210``; all that are there where there is none.
    :param subject_types: the same.
    :raises KsefInputError: where a parameter is wrong, or no such table is there.
    """
    from airflow_provider_ksef.tables.layout import check_root
    from airflow_provider_ksef.tables.parts import table_parts
    from airflow_provider_ksef.tables.storage import open_store
    from airflow_provider_ksef.tables.table_format import format_of, open_tables

    if subject_types is not None:
        check_subject_types(subject_types)
    root = path_of("tables_path", tables_path)
    check_root(root)
    keys = table_parts(open_store(root), contexts=contexts, subject_types=subject_types)
    if not keys:
        raise KsefInputError(
            "tables_path",
            str(root),
            "holds no tables of these contexts and subject types",
            "Let a sync or backfill fill them first, or check the path.",
        )
    return KeptTables(open_tables(root, format_of(root)), keys)


def name_of(key: TableKey) -> str:
    """Name a context and subject type in a task's result, such as ``nip-5250001210/Subject2``."""
    return f"{key.context}/{key.subject_type}"
