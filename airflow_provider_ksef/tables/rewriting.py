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


def rewrite_month(
    store: Store,
    lease: Lease,
    key: TableKey,
    month: str,
    groups: Sequence[Sequence[FileFacts]],
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
    folder = month_folder(key, month)
    files = [_new_file(group, lease.token, ordinal) for ordinal, group in enumerate(groups)]
    exchange = store.folder_exchange(folder, lease.token)
    if exchange is not None:
        return (yield from _in_one_step(store, lease, folder, files, stays, exchange))
    with tempfile.TemporaryDirectory(prefix="ksef-merge-") as place:
        return (yield from _file_by_file(store, lease, folder, files, stays, Path(place)))


def _new_file(group: Sequence[FileFacts], token: int, ordinal: int) -> _NewFile:
    first, last = min(file.first for file in group), max(file.last for file in group)
    bounds = (format_ticks(bound * TICKS_PER_MICROSECOND) for bound in (first, last))
    return _NewFile(file_name(*bounds, MERGED, token, ordinal), tuple(group))


def _in_one_step(
    store: Store,
    lease: Lease,
    folder: str,
    files: list[_NewFile],
    stays: Stays | None,
    exchange: FolderExchange,
) -> Generator[Step, None, int]:
    _, replaced = month_names(store, folder)
    gone = replaced.union(old.name for file in files for old in file.group)
    lease.announce((folder,))
    yield "rewrite: announced"
    rows = 0
    try:
        place = exchange.build(name for name in store.names(folder) if name not in gone)
        for file in files:
            written = _write(store, lease, folder, file, stays, place / file.name, {})
            rows += written
            if not written:
                (place / file.name).unlink()
            yield "rewrite: built a file"
        lease.check()
        yield "rewrite: checked the lease"
        exchange.exchange()
        yield "rewrite: exchanged the month"
    finally:
        exchange.remove()
    yield "rewrite: removed the old files"
    return rows


def _file_by_file(
    store: Store, lease: Lease, folder: str, files: list[_NewFile], stays: Stays | None, place: Path
) -> Generator[Step, None, int]:
    rows = 0
    for file in files:
        path = f"{folder}/{file.name}"
        lease.announce((path,))
        yield "rewrite: announced"
        built = place / file.name
        rows += _write(store, lease, folder, file, stays, built, _replaces(store, folder, file))
        store.stage(path, lease.token, built)
        yield "rewrite: built a file"
        lease.check()
        yield "rewrite: checked the lease"
        store.publish(path, lease.token, built)
        yield "rewrite: published a file"
        built.unlink(missing_ok=True)
        for old in file.group:
            store.remove(f"{folder}/{old.name}")
            yield "rewrite: removed an old file"
    return rows


def _replaces(store: Store, folder: str, file: _NewFile) -> dict[bytes, bytes]:
    """Name what the file replaces, and what those replaced: a late put of one of them must not count."""
    names = {old.name for old in file.group}
    for old in file.group:
        names.update(replaced_by(store, f"{folder}/{old.name}"))
    return {REPLACES: msgspec.json.encode(sorted(names))}


def _write(
    store: Store,
    lease: Lease,
    folder: str,
    file: _NewFile,
    stays: Stays | None,
    target: Path,
    metadata: dict[bytes, bytes],
) -> int:
    return write_merged(
        [(f"{folder}/{old.name}", old) for old in file.group],
        store.open,
        target,
        stays=stays,
        metadata=metadata,
        keep_lease=lease.keep,
    )
