"""
Deleting the rows that a retention rule stands for, from all tables of one context and subject type.

Only ``invoices`` tells the parties, so of the other tables a rule of one counterparty leaves the rows of
invoices that stay. What a killed commit left there without an invoice goes, too: nothing tells whose it is,
and the next run of that commit brings it again where no rule forbids it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterable, Mapping
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from upath import UPath

from airflow_provider_ksef.tables.file_facts import file_facts, packed, unreadable
from airflow_provider_ksef.tables.layout import INVOICES_TABLE, TableKey, key_folder, month_folder
from airflow_provider_ksef.tables.lease import Clock, Lease, Step
from airflow_provider_ksef.tables.leased import run_steps, under_lease
from airflow_provider_ksef.tables.live_files import live_names
from airflow_provider_ksef.tables.merged_file import Stays
from airflow_provider_ksef.tables.merging import fitted
from airflow_provider_ksef.tables.moments import to_datetime
from airflow_provider_ksef.tables.retention import PARTIES, RetentionRule, meant, note_rule
from airflow_provider_ksef.tables.rewriting import TARGET_BYTES, remove_replaced, rewrite_month
from airflow_provider_ksef.tables.schema import INVOICES, NUMBER, STORED, TABLES
from airflow_provider_ksef.tables.storage import Store, open_store

log = logging.getLogger(__name__)

_LOOKED_AT = (NUMBER, STORED, *PARTIES)


def delete_rows(
    root: UPath, key: TableKey, rule: RetentionRule, *, owner: str, dry_run: bool = False
) -> Mapping[str, int]:
    """
    Note a rule, then delete the rows that it stands for; the watermark stays where it is.

    :param root: ``tables_path``.
    :param key: the context and subject type.
    :param rule: see :func:`retention.new_rule`.
    :param owner: see :class:`lease.LeaseRecord`.
    :param dry_run: only count, and note nothing.
    :returns: rows by table.
    :raises KsefLeaseError: where another writer holds the tables for long, or took them over; run it again.
    :raises KsefTableError: where a file is damaged.
    """
    store = open_store(root)
    if dry_run:
        return _counted(store, key, rule)
    return run_steps(deletion_steps(store, key, rule, owner=owner))


def deletion_steps(
    store: Store, key: TableKey, rule: RetentionRule, *, owner: str, clock: Clock = time.time
) -> Generator[Step, None, Mapping[str, int]]:
    """Do what :func:`delete_rows` does, step by step."""
    deleted = dict.fromkeys(TABLES, 0)

    def note(lease: Lease) -> Generator[Step, None, None]:
        del lease
        note_rule(store, key, rule)
        yield "retention: noted the rule"

    yield from under_lease(store, key, owner, clock, note)
    for month in _months(store, key, rule):

        def work(lease: Lease, month: str = month) -> Generator[Step, None, None]:
            stays = staying_rows(rule, _staying_numbers(store, key, month, rule))
            for table in invoices_last():
                part = replace(key, table=table)
                deleted[table] += yield from _delete_month(store, lease, part, month, stays)

        yield from under_lease(store, key, owner, clock, work)
    log.info("%s %s: deleted %s.", key.context, key.subject_type, deleted)
    return deleted


def _delete_month(
    store: Store, lease: Lease, part: TableKey, month: str, stays: Stays
) -> Generator[Step, None, int]:
    folder = month_folder(part, month)
    yield from remove_replaced(store, folder)  # they may hold such rows, and nobody reads them
    touched = {
        name: count
        for name in live_names(store, folder)
        if (count := count_gone(store, f"{folder}/{name}", stays))
    }
    if touched:
        files = [file_facts(store, folder, name) for name in touched]
        yield from rewrite_month(store, lease, part, month, packed(files, TARGET_BYTES), stays=stays)
    return sum(touched.values())


def _counted(store: Store, key: TableKey, rule: RetentionRule) -> dict[str, int]:
    counted = dict.fromkeys(TABLES, 0)
    for month in _months(store, key, rule):
        stays = staying_rows(rule, _staying_numbers(store, key, month, rule))
        for table in TABLES:
            folder = month_folder(replace(key, table=table), month)
            counted[table] += sum(
                count_gone(store, f"{folder}/{name}", stays) for name in live_names(store, folder)
            )
    return counted


def _months(store: Store, key: TableKey, rule: RetentionRule) -> list[str]:
    last = f"{to_datetime(rule.stored_before):%Y-%m}"
    folders = (key_folder(replace(key, table=table)) for table in TABLES)
    names = {name for folder in folders for name in store.names(folder) if name.startswith("month=")}
    return sorted(month for name in names if (month := name.removeprefix("month=")) <= last)


def invoices_last() -> list[str]:
    """Order the tables so that a crash leaves the numbers by which the rest is found."""
    return sorted(TABLES, key=lambda table: table == INVOICES_TABLE)


def _staying_numbers(store: Store, key: TableKey, month: str, rule: RetentionRule) -> pa.Array:
    folder = month_folder(replace(key, table=INVOICES_TABLE), month)
    return staying_numbers(store, [f"{folder}/{name}" for name in live_names(store, folder)], rule)


def staying_numbers(store: Store, paths: Iterable[str], rule: RetentionRule) -> pa.Array:
    """
    Give the KSeF numbers of invoices that a rule does not stand for.

    :param paths: files of ``invoices``.
    :param rule: the rule.
    """
    found = [pa.array([], pa.string())]
    for path in paths:
        rows = _read(store, path, _LOOKED_AT)
        found.extend(rows.filter(pc.invert(meant(rule, rows)))[NUMBER].chunks)
    return pa.concat_arrays(found)


def staying_rows(rule: RetentionRule, staying: pa.Array) -> Stays:
    """
    Tell of any table's rows which stay: by the date alone where the rule stands for all companies.

    :param rule: the rule.
    :param staying: see :func:`staying_numbers`.
    """
    by_date = replace(rule, nip=None)

    def stays(rows: pa.Table) -> pa.ChunkedArray:
        later = pc.invert(meant(by_date, rows))
        if rule.nip is None:
            return later
        return pc.or_(later, pc.is_in(rows[NUMBER].cast(pa.string()), staying))

    return stays


def count_gone(store: Store, path: str, stays: Stays) -> int:
    """
    Count the rows of a table file that do not stay.

    :param path: the file.
    :param stays: see :func:`staying_rows`.
    """
    rows = _read(store, path, (NUMBER, STORED))
    staying: int = pc.sum(stays(rows)).as_py() or 0
    return int(rows.num_rows) - staying


def _read(store: Store, path: str, columns: tuple[str, ...]) -> pa.Table:
    try:
        with store.open(path) as file, pq.ParquetFile(file) as parquet:
            there = set(parquet.schema_arrow.names)
            rows = parquet.read([name for name in columns if name in there])
            return fitted(rows, pa.schema([field for field in INVOICES if field.name in rows.column_names]))
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, error) from error
