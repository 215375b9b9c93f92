"""
The commit to Delta tables: like that to Parquet files, but what makes rows count is the table's own log.

The log accepts a commit only on top of the snapshot that was read back, so that no row comes in between.
Where somebody else has committed since, the new rows are looked for once more: mostly the other writer was at
another part of the table, and the same files are named again. Companion tables come first, and the rows of
``invoices`` and the watermark are one commit.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from airflow_provider_ksef.exceptions import KsefLeaseError
from airflow_provider_ksef.tables.commit import CommitResult, check_start, moved_watermark
from airflow_provider_ksef.tables.companions import check_staged, companion_files
from airflow_provider_ksef.tables.delta_log import PARTITIONS, DeltaLog
from airflow_provider_ksef.tables.delta_watermark import notes_of, positions_of, watermark_in
from airflow_provider_ksef.tables.environment import DELTA, claim_environment
from airflow_provider_ksef.tables.incoming import CommittedWindow, IncomingRows
from airflow_provider_ksef.tables.layout import INVOICES_TABLE, TableKey
from airflow_provider_ksef.tables.lease import Clock, Lease, Pause, Step
from airflow_provider_ksef.tables.leased import under_lease
from airflow_provider_ksef.tables.moments import is_after
from airflow_provider_ksef.tables.month_files import MonthFile, month_files
from airflow_provider_ksef.tables.readback import without_those_there
from airflow_provider_ksef.tables.retention import kept_and_gone
from airflow_provider_ksef.tables.schema import MOMENT, NUMBER, STORED, TABLES
from airflow_provider_ksef.tables.storage import Store, open_store
from airflow_provider_ksef.tables.watermark import Watermark

if TYPE_CHECKING:
    from deltalake import DeltaTable

TRIES = 20
LONGEST_PAUSE_SECONDS = 2.0
COMMIT_NOTE = "ksef.commit"


@dataclass(frozen=True)
class DeltaWriter:
    """
    One export's way into the Delta tables.

    :param root: ``tables_path``.
    :param key: the part of the tables.
    :param window: what the export stands for.
    :param environment: name of the KSeF environment.
    :param moves_watermark: True for sync, False for a backfill.
    """

    root: UPath
    key: TableKey
    window: CommittedWindow
    environment: str
    moves_watermark: bool

    def steps(
        self, rows: IncomingRows, owner: str, clock: Clock = time.time
    ) -> Generator[Step, None, CommitResult]:
        """
        Commit, step by step; see :func:`commit.commit_window`.

        :param rows: the package's rows.
        :param owner: see :class:`lease.LeaseRecord`.
        :param clock: seconds since 1970.
        """
        staged = check_staged(rows)
        store = open_store(self.root)
        claim_environment(store, self.environment, DELTA)
        yield "environment: checked"

        def work(lease: Lease) -> Generator[Step, None, CommitResult]:
            self._check_start(DeltaLog(self.root, INVOICES_TABLE).opened())
            wanted, gone = kept_and_gone(store, self.key, rows.invoices)
            beside = yield from companion_files(self._find, self.key, self.window, staged, lease, gone=gone)
            new = yield from without_those_there(self._find, self.key, self.window, wanted)
            invoices = month_files(new, self.key, self.window, lease.token)
            yield from publish_data_files(store, (*beside.files, *invoices), lease)
            for table in staged:
                files = [file for file in beside.files if file.path.startswith(f"{table}/")]
                if files:
                    yield from self._commit(replace(self.key, table=table), files, lease)
                lease.keep()
            if invoices or self.moves_watermark:
                yield from self._commit(self.key, invoices, lease)
            return CommitResult(
                rows_written=new.num_rows,
                rows_already_there=rows.invoices.num_rows - new.num_rows,
                files=tuple(file.path for file in (*beside.files, *invoices)),
                rows_by_table=beside.rows,
            )

        return (yield from under_lease(store, self.key, owner, clock, work))

    def _commit(self, key: TableKey, files: Sequence[MonthFile], lease: Lease) -> Generator[Step, None, None]:
        log, nonce = DeltaLog(self.root, key.table), uuid.uuid4().hex
        for number in range(TRIES):
            snapshot = log.opened()
            if number and _holds(log.recent_commits(snapshot), nonce):
                return  # it was committed, and only the answer was lost
            lease.check()  # who deletes rows first takes the lease, then lets the log grow
            _refuse_those_there(log, snapshot, key, files)
            positions, notes = self._position(snapshot, key)
            if not files and not positions:
                return
            yield "delta: read the snapshot"
            if log.commit(snapshot, key, files, positions, {**notes, COMMIT_NOTE: nonce}):
                yield f"delta: committed {key.table}"
                return
            yield Pause(random.uniform(0, min(LONGEST_PAUSE_SECONDS, 0.05 * 2**number)))  # noqa: S311
        raise KsefLeaseError(
            f"Other writers have committed to {log.address} {TRIES} times while we tried.",
            "The task may simply be retried; the rows count only once they are committed.",
        )

    def _position(self, snapshot: DeltaTable, key: TableKey) -> tuple[dict[str, int], dict[str, str]]:
        """Give the watermark that goes with a commit; none where it stays."""
        if key.table != INVOICES_TABLE or not self.moves_watermark:
            return {}, {}
        watermark = self._check_start(snapshot)
        if watermark is not None and not is_after(self.window.end, watermark.position):
            return {}, {}
        moved = moved_watermark(watermark, self.window, self.environment)
        return positions_of(key, moved), notes_of(key, moved)

    def _check_start(self, snapshot: DeltaTable) -> Watermark | None:
        watermark = watermark_in(snapshot, self.key, self.environment)
        if self.moves_watermark:
            check_start(watermark, self.window)
        return watermark

    def _find(
        self, key: TableKey, numbers: pa.Array, span: tuple[int, int]
    ) -> Generator[str, None, pa.Array]:
        log = DeltaLog(self.root, key.table)
        there = numbers_in(log, log.snapshot(), key, span)
        yield "read back: read a snapshot"
        return there.filter(pc.is_in(there, numbers))


def numbers_in(log: DeltaLog, snapshot: DeltaTable | None, key: TableKey, span: tuple[int, int]) -> pa.Array:
    """
    Give the KSeF numbers of one part of a Delta table, as often as they are there.

    :param log: the table.
    :param snapshot: what is looked at; None gives none.
    :param key: the part.
    :param span: first and last storage date in microseconds since 1970, both inclusive.
    """
    return rows_in(log, snapshot, key, span, [NUMBER]).column(NUMBER).combine_chunks()


def rows_in(
    log: DeltaLog, snapshot: DeltaTable | None, key: TableKey, span: tuple[int, int], columns: Sequence[str]
) -> pa.Table:
    """
    Give the rows of one part of a Delta table, as often as they are there.

    :param columns: names of the columns wanted; the other parameters are those of :func:`numbers_in`.
    """
    first, last = (pa.scalar(bound, pa.int64()).cast(MOMENT) for bound in span)
    needed = [TABLES[key.table].field(name) for name in dict.fromkeys([*columns, STORED])]
    wanted = (
        (pc.field("context") == key.context)
        & (pc.field("subject_type") == key.subject_type)
        & (pc.field(STORED) >= first)
        & (pc.field(STORED) <= last)
    )
    dataset = log.dataset(snapshot, pa.schema([*needed, *PARTITIONS]))
    return dataset.to_table(columns=list(columns), filter=wanted)


def publish_data_files(store: Store, files: Sequence[MonthFile], lease: Lease) -> Generator[Step, None, None]:
    """
    Put data files in their places; nobody sees them before the log names them.

    :param store: the storage of the tables.
    :param files: the files.
    :param lease: the writer's.
    :raises KsefLeaseError: where another writer took the tables over.
    """
    lease.announce(tuple(file.path for file in files))
    yield "publish: announced"
    for file in files:
        store.stage(file.path, lease.token, file.content)
        lease.check()
        store.publish(file.path, lease.token, file.content)
        lease.keep()
        yield "publish: wrote a data file"


def _refuse_those_there(
    log: DeltaLog, snapshot: DeltaTable, key: TableKey, files: Sequence[MonthFile]
) -> None:
    if not files:
        return
    span = min(file.span[0] for file in files), max(file.span[1] for file in files)
    there = numbers_in(log, snapshot, key, span)
    for file in files:
        if pc.any(pc.is_in(file.numbers, there)).as_py():
            raise KsefLeaseError(
                f"Another writer has committed rows of {file.path} to {log.address}.",
                "Nothing of this file counts; begin the window anew.",
            )


def _holds(commits: Iterable[Mapping[str, object]], nonce: str) -> bool:
    return any(commit.get(COMMIT_NOTE) == nonce for commit in commits)
