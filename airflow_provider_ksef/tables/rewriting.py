"""
Some files of a month give way to new ones, with all of their rows or those that are to stay.

Where folders can change places, the month is built anew beside the old one and exchanged in one step: a
reader may meet a missing file, never a row twice. Elsewhere each new file carries the names that it replaces
and is published like any other; then the old ones are removed. Both are announced, so that whoever takes the
lease over can forbid them. Each step may be the last: what is left is removed by the next one at work.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from airflow_provider_ksef.tables.file_facts import FileFacts
from airflow_provider_ksef.tables.layout import TableKey, file_name, month_folder
from airflow_provider_ksef.tables.lease import Lease, Step
from airflow_provider_ksef.tables.live_files import MERGED, REPLACES, month_names, replaced_by
from airflow_provider_ksef.tables.merged_file import Stays, write_merged
from airflow_provider_ksef.tables.moments import TICKS_PER_MICROSECOND, format_ticks
from airflow_provider_ksef.tables.storage import FolderExchange, Store

TARGET_BYTES = 64 << 20
"""Files are merged up to this size: a few hundred thousand invoices, and little enough for one put."""


@dataclass(frozen=True)
class _NewFile:
    """A file to be, and those that it replaces."""

    name: str
    group: tuple[FileFacts, ...]


@dataclass(frozen=True)
class _Rewriting:
    """What is to be done to one month of one table."""

    store: Store
    lease: Lease
    folder: str
    files: tuple[_NewFile, ...]
    stays: Stays | None

    def write(self, file: _NewFile, target: Path, replaces: Sequence[str] = ()) -> int:
        """Write one new file on the worker's disk; give its rows."""
        return write_merged(
            [(f"{self.folder}/{old.name}", old) for old in file.group],
            self.store.open,
            target,
            stays=self.stays,
            metadata={REPLACES: msgspec.json.encode(replaces)} if replaces else {},
            keep_lease=self.lease.keep,
        )


def rewrite_month(
    store: Store,
    lease: Lease,
    key: TableKey,
    month: str,
    groups: Sequence[Sequence[FileFacts]],
    *,
    stays: Stays | None = None,
) -> Generator[Step, None, int]:
    """
    Put one file in the place of each group of files.

    :param lease: held for the context and subject type.
    :param key: the part of the table.
    :param month: such as ``2026-03``.
    :param groups: files of that month, none twice.
    :param stays: which rows stay; all where there is none.
    :returns: how many rows the new files hold.
    :raises KsefLeaseError: where another writer took the table over; then the old files are in place.
    :raises KsefTableError: where the new rows are not the old ones; then the old files are in place.
    """
    files = tuple(_new_file(group, lease.token, ordinal) for ordinal, group in enumerate(groups))
    todo = _Rewriting(store, lease, month_folder(key, month), files, stays)
    exchange = store.folder_exchange(todo.folder, lease.token)
    if exchange is not None:
        return (yield from _in_one_step(todo, exchange))
    with tempfile.TemporaryDirectory(prefix="ksef-merge-") as place:
        return (yield from _file_by_file(todo, Path(place)))


def remove_replaced(store: Store, folder: str) -> Generator[Step, None, None]:
    """
    Remove what a merged file has replaced and a crash has left; the lease must be held.

    :param folder: of a month.
    """
    names, replaced = month_names(store, folder)
    for name in sorted(replaced.intersection(names)):
        store.remove(f"{folder}/{name}")
        yield "rewrite: removed an old file"


def _new_file(group: Sequence[FileFacts], token: int, ordinal: int) -> _NewFile:
    first, last = min(file.first for file in group), max(file.last for file in group)
    start, end = (format_ticks(bound * TICKS_PER_MICROSECOND) for bound in (first, last))
    return _NewFile(file_name(start, end, MERGED, token, ordinal), tuple(group))


def _in_one_step(todo: _Rewriting, exchange: FolderExchange) -> Generator[Step, None, int]:
    _, replaced = month_names(todo.store, todo.folder)
    gone = replaced.union(old.name for file in todo.files for old in file.group)
    todo.lease.announce((todo.folder,))
    yield "rewrite: announced"
    rows = 0
    try:
        place = exchange.build(name for name in todo.store.names(todo.folder) if name not in gone)
        for file in todo.files:
            written = todo.write(file, place / file.name)
            rows += written
            if not written:
                (place / file.name).unlink()
            yield "rewrite: built a file"
        todo.lease.check()
        yield "rewrite: checked the lease"
        exchange.exchange()
        yield "rewrite: exchanged the month"
    finally:
        exchange.remove()
    yield "rewrite: removed the old files"
    return rows


def _file_by_file(todo: _Rewriting, place: Path) -> Generator[Step, None, int]:
    rows = 0
    for file in todo.files:
        path, built = f"{todo.folder}/{file.name}", place / file.name
        rows += todo.write(file, built, _replaces(todo, file))
        todo.lease.announce((path,))
        yield "rewrite: announced"
        todo.store.stage(path, todo.lease.token, built)
        yield "rewrite: staged a file"
        todo.lease.check()
        yield "rewrite: checked the lease"
        todo.store.publish(path, todo.lease.token, built)
        yield "rewrite: published a file"
        built.unlink()
        for old in file.group:
            todo.store.remove(f"{todo.folder}/{old.name}")
            yield "rewrite: removed an old file"
    return rows


def _replaces(todo: _Rewriting, file: _NewFile) -> list[str]:
    """Name what the file replaces, and what those replaced: a late put of one of them must not count."""
    names = {old.name for old in file.group}
    for old in file.group:
        names.update(replaced_by(todo.store, f"{todo.folder}/{old.name}"))
    return sorted(names)
