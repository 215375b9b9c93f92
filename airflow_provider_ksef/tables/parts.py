"""Whose tables lie below a folder, in whatever format."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_ksef.tables.layout import INVOICES_TABLE, OWN_FOLDER, TableKey
from airflow_provider_ksef.tables.storage import Store


def table_parts(
    store: Store, *, contexts: Sequence[str] | None = None, subject_types: Sequence[str] | None = None
) -> list[TableKey]:
    """
    List the contexts and subject types that tables hold.

    :param store: the storage.
    :param contexts: only these, such as ``nip-5250001210``.
    :param subject_types: only these.
    """
    found = {
        *_below(store, f"{OWN_FOLDER}/watermark"),
        *_below(store, f"{OWN_FOLDER}/lease/{INVOICES_TABLE}"),
    }
    for context in _named(store, INVOICES_TABLE, "context="):
        folder = f"{INVOICES_TABLE}/context={context}"
        found.update((context, subject) for subject in _named(store, folder, "subject_type="))
    return [
        TableKey(context, subject_type)
        for context, subject_type in sorted(found)
        if (contexts is None or context in contexts)
        and (subject_types is None or subject_type in subject_types)
    ]


def _below(store: Store, folder: str) -> set[tuple[str, str]]:
    return {
        (context, name.removesuffix(".json"))
        for context in store.names(folder)
        for name in store.names(f"{folder}/{context}")
    }


def _named(store: Store, folder: str, prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name in store.names(folder) if name.startswith(prefix)]
