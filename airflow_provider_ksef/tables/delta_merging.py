"""
The files of one month of a Delta table become few and hold the same rows, or lose rows that are to go.

The library's own operations are left alone. Where two of its compactions meet, such as one that was taken for
dead and the next, each merges the same files, and every row is in the table twice. Its deletion is told the
rows by a predicate, and one with some ten thousand KSeF numbers ends the process; the log would keep them,
too. Here the log takes the new files only on top of a snapshot that names all of the old ones. They are
sorted, and were held against the old.
"""

from __future__ import annotations

import random
import tempfile
import uuid
from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_provider_ksef.exceptions import KsefLeaseError
from airflow_provider_ksef.tables.compaction import CompactedMonth, merge_groups, outcome
from airflow_provider_ksef.tables.delta_commit import LONGEST_PAUSE_SECONDS, TRIES, publish_data_files
from airflow_provider_ksef.tables.delta_log import DeltaLog
from airflow_provider_ksef.tables.file_facts import FileFacts, file_facts, packed
from airflow_provider_ksef.tables.layout import TableKey, file_name, month_folder
from airflow_provider_ksef.tables.lease import Lease, Pause, Step
from airflow_provider_ksef.tables.live_files import MERGED
from airflow_provider_ksef.tables.merged_file import Stays, write_merged
from airflow_provider_ksef.tables.merging import fitted
from airflow_provider_ksef.tables.moments import TICKS_PER_MICROSECOND, format_ticks
from airflow_provider_ksef.tables.month_files import MonthFile, writer_options
from airflow_provider_ksef.tables.rewriting import TARGET_BYTES
from airflow_provider_ksef.tables.row_deletion import count_gone
from airflow_provider_ksef.tables.schema import NUMBER, STORED, TABLES
from airflow_provider_ksef.tables.storage import Store

if TYPE_CHECKING:
    from deltalake import DeltaTable


@dataclass(frozen=True)
class DeltaMonth:
    """
    One month of one part of a Delta table.

    :param store: the storage of the tables.
    :param delta: the table.
    :param part: the part.
    :param month: such as ``2026-03``.
    """

    store: Store
    delta: DeltaLog
    part: TableKey
    month: str

    def planned(self) -> CompactedMonth | None:
        """Say what :meth:`merge` would do; None where it has nothing to do."""
        files = self._files(self.delta.snapshot())
        groups = merge_groups(files)
        return outcome(self.part, self.month, files, groups) if groups else None

    def merge(self, lease: Lease) -> Generator[Step, None, CompactedMonth | None]:
        """
        Merge the files of the month.

        :param lease: held for the context and subject type.
        :returns: what became of it; None where it has nothing to merge.
        :raises KsefLeaseError: where another writer took the tables over or was faster; then nothing changes.
        :raises KsefTableError: where a file is damaged; then nothing changes.
        """
        snapshot = self.delta.snapshot()
        files = self._files(snapshot)
        groups = merge_groups(files)
        if not groups:
            return None
        yield from self._rewrite(lease, snapshot, groups, None)
        return outcome(self.part, self.month, files, groups)

    def delete(self, lease: Lease, stays: Stays) -> Generator[Step, None, int]:
        """
        Delete rows of the month.

        :param lease: held for the context and subject type.
        :param stays: which rows stay.
        :returns: how many went.
        :raises KsefLeaseError: see :meth:`merge`.
        :raises KsefTableError: see :meth:`merge`.
        """
        snapshot = self.delta.snapshot()
        gone = {path: self._count_gone(path, stays, lease) for path in self._named(snapshot)}
        touched = [file for file in self._files(snapshot) if gone[file.name]]
        if touched:
            yield from self._rewrite(lease, snapshot, packed(touched, TARGET_BYTES), stays)
        return sum(gone.values())

    def _count_gone(self, path: str, stays: Stays, lease: Lease) -> int:
        count = count_gone(self.store, f"{self.part.table}/{path}", stays)
        lease.keep()
        return count

    def _rewrite(
        self,
        lease: Lease,
        snapshot: DeltaTable | None,
        groups: Sequence[Sequence[FileFacts]],
        stays: Stays | None,
    ) -> Generator[Step, None, None]:
        with tempfile.TemporaryDirectory(prefix="ksef-merge-") as place:
            new = []
            for ordinal, group in enumerate(groups):
                new.append(self._merged(lease, group, Path(place), ordinal, stays))
                yield "rewrite: built a file"
            new = [file for file in new if len(file.numbers)]
            yield from publish_data_files(self.store, new, lease)
            old = {file.name for group in groups for file in group}
            yield from self._exchange(snapshot, old, new, data_change=stays is not None)

    def _files(self, snapshot: DeltaTable | None) -> list[FileFacts]:
        paths, ours = self._named(snapshot), TABLES[self.part.table]
        found = (file_facts(self.store, self.part.table, path) for path in sorted(paths))
        return [replace(facts, schema=_as_ours(facts.schema, ours)) for facts in found if facts.rows]

    def _named(self, snapshot: DeltaTable | None) -> list[str]:
        return self.delta.paths(snapshot, self.part).get(self.month, [])

    def _exchange(
        self,
        snapshot: DeltaTable | None,
        old: Collection[str],
        new: Sequence[MonthFile],
        *,
        data_change: bool,
    ) -> Generator[Step, None, None]:
        """Name the new files in place of the old; mostly whoever was faster was at another part."""
        for number in range(TRIES):
            if snapshot is None or not set(self._named(snapshot)).issuperset(old):
                break
            yield "delta: read the snapshot"
            if self.delta.exchange(snapshot, self.part, self.month, old, new, data_change=data_change):
                yield "delta: exchanged the files"
                return
            yield Pause(random.uniform(0, min(LONGEST_PAUSE_SECONDS, 0.05 * 2**number)))  # noqa: S311
            snapshot = self.delta.snapshot()
        raise KsefLeaseError(
            f"Others have changed {self.delta.address} while files of {self.month} were rewritten.",
            "Run it again; nothing was left half-done.",
        )

    def _merged(
        self, lease: Lease, group: Sequence[FileFacts], place: Path, ordinal: int, stays: Stays | None
    ) -> MonthFile:
        span = min(file.first for file in group), max(file.last for file in group)
        start, end = (format_ticks(bound * TICKS_PER_MICROSECOND) for bound in span)
        name = file_name(start, end, MERGED, lease.token, ordinal)
        sources = [(f"{self.part.table}/{file.name}", file) for file in group]
        copies = dict(_sorted_copies(self.store, sources, place))
        write_merged(
            sources,
            lambda path: copies[path].open("rb") if path in copies else self.store.open(path),
            place / name,
            stays=stays,
            metadata={},
            keep_lease=lease.keep,
        )
        numbers = pq.read_table(place / name, columns=[NUMBER])[NUMBER].combine_chunks()
        path = f"{month_folder(self.part, self.month)}/{name}"
        return MonthFile(path, place / name, self.month, numbers, span)


def _sorted_copies(
    store: Store, files: Sequence[tuple[str, FileFacts]], place: Path
) -> Iterator[tuple[str, Path]]:
    """Sort the files that are not in order: the library or somebody else has written them."""
    for path, facts in files:
        with store.open(path) as file, pq.ParquetFile(file) as parquet:
            stored = parquet.read([STORED])[STORED].combine_chunks()
            if pc.all(pc.greater_equal(stored[1:], stored[:-1]), min_count=0).as_py():
                continue
            rows = fitted(parquet.read(), facts.schema).sort_by(
                [(STORED, "ascending"), (NUMBER, "ascending")]
            )
        copy = place / f"sorted-{uuid.uuid4().hex}"
        pq.write_table(rows, copy, **writer_options(rows.schema))
        yield path, copy


def _as_ours(schema: pa.Schema, ours: pa.Schema) -> pa.Schema:
    """Give columns that we know the types that we write; others write the same values in other ones."""
    return pa.schema([ours.field(field.name) if field.name in ours.names else field for field in schema])
