"""Whose tables lie below a folder, in whatever format."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_ksef.exceptions import KsefInputError
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
    :raises KsefInputError: where a list is empty, or one text.
    """
    _check_list("contexts", contexts, "nip-5250001210")
    _check_list("subject_types", subject_types, "Subject2")
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


def _check_list(field: str, given: Sequence[str] | None, example: str) -> None:
    """Refuse what would mean other tables than was thought, or none, of which all is true."""
    if isinstance(given, str) or (given is not None and not given):
        problem = "is one text" if given else "is empty"
        raise KsefInputError(field, given, problem, f'Give a list such as ["{example}"], or leave it out.')


def _below(store: Store, folder: str) -> set[tuple[str, str]]:
    return {
        (context, name.removesuffix(".json"))
        for context in _shown(store, folder)
        for name in _shown(store, f"{folder}/{context}")
    }


def _shown(store: Store, folder: str) -> list[str]:
    """List a folder without what the file system or a desktop has put there, such as ``.nfs...``."""
    return [name for name in store.names(folder) if not name.startswith(".")]


def _named(store: Store, folder: str, prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name in store.names(folder) if name.startswith(prefix)]
