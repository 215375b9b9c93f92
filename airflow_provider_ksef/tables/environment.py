"""
The mark of a folder of tables: which KSeF environment its rows come from, and in which format they are kept.

It is created once, before anything else, so that of two writers who disagree one is refused.
"""

from __future__ import annotations

import msgspec
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError, KsefTableError
from airflow_provider_ksef.tables.layout import ENVIRONMENT, INVOICES_TABLE, SUBMISSIONS_ENVIRONMENT
from airflow_provider_ksef.tables.storage import Store, open_store

PARQUET = "parquet"
DELTA = "delta"
DELTA_LOG = "_delta_log"
"""The folder that makes a table's folder a Delta table."""


def check_environment(root: UPath, environment: str) -> None:
    """
    Check that tables hold rows of this environment, or none yet.

    :param root: ``tables_path``.
    :param environment: the environment's name.
    :raises KsefTableError: where another environment's rows are there: TEST never enters a production table.
    """
    found = marked_environment(open_store(root))
    if found is not None:
        refuse_other_environment(found, environment)


def marked_environment(store: Store) -> str | None:
    """Tell which environment the tables are of; None where nothing was committed yet."""
    for mark in (ENVIRONMENT, SUBMISSIONS_ENVIRONMENT):
        content = store.read(mark)
        if content is not None:
            return _field(content, "environment", "")
    return None


def known_environment(store: Store) -> str:
    """
    Tell from which environment the rows come.

    :raises KsefTableError: where no commit has noted it yet.
    """
    found = marked_environment(store)
    if found is None:
        raise KsefTableError(
            "The tables have no environment yet.", "Let a first sync or backfill begin them."
        )
    return found


def claim_environment(store: Store, environment: str, table_format: str = PARQUET) -> None:
    """
    Note environment and format in new tables; refuse tables of another one.

    :raises KsefTableError: where they are of another environment.
    :raises KsefInputError: where they are kept in another format.
    """
    check_format(store, table_format)
    found = marked_environment(store)
    if found is not None:
        refuse_other_environment(found, environment)
    mark = {"environment": environment, "table_format": table_format}
    if store.create(ENVIRONMENT, msgspec.json.encode(mark)):
        return
    content = store.read(ENVIRONMENT)
    if content is not None:
        refuse_other_environment(_field(content, "environment", ""), environment)
        _refuse_other_format(_field(content, "table_format", PARQUET), table_format)


def claim_submissions(store: Store, environment: str) -> None:
    """
    Note the environment for tables that any format may stand beside, such as what was sent, and snapshots.

    :raises KsefTableError: where they are of another environment.
    """
    found = marked_environment(store)
    if found is None and not store.create(
        SUBMISSIONS_ENVIRONMENT, msgspec.json.encode({"environment": environment})
    ):
        found = marked_environment(store)
    if found is not None:
        refuse_other_environment(found, environment)


def check_format(store: Store, table_format: str) -> None:
    """
    Check that tables are kept in this format, or not there yet.

    :raises KsefInputError: where they are kept in another one.
    """
    _refuse_other_format(found_format(store) or table_format, table_format)


def found_format(store: Store) -> str | None:
    """Tell in which format tables are kept; None where there are none yet."""
    names = store.names(INVOICES_TABLE)
    if DELTA_LOG in names:
        return DELTA
    content = store.read(ENVIRONMENT)
    if content is not None:
        return _field(content, "table_format", PARQUET)
    return PARQUET if names else None


def refuse_other_environment(found: str, environment: str) -> None:
    """Refuse to mix rows of two environments."""
    if found != environment:
        raise KsefTableError(
            f"The tables hold invoices of the environment {found!r}, this connection's is {environment!r}.",
            "Give another tables_path, one for each environment.",
        )


def _refuse_other_format(found: str, table_format: str) -> None:
    if found != table_format:
        raise KsefInputError(
            "table_format",
            table_format,
            f"the tables are kept as {found}",
            f'Give table_format="{found}", or another tables_path.',
        )


def _field(content: bytes, name: str, default: str) -> str:
    try:
        mark = msgspec.json.decode(content, type=dict[str, str])
        return mark.get(name, default) if default else mark[name]
    except (msgspec.DecodeError, KeyError) as error:
        raise KsefTableError(
            f"{ENVIRONMENT} cannot be read: {error}.",
            'Write {"environment": "test"} into it, with the environment that the rows come from.',
        ) from error
