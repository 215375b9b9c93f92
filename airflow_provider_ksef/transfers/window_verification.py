"""One window of a verification: KSeF's numbers against the table's, and gaps filled where asked."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from upath import UPath

from airflow_provider_ksef.client.exports import ExportPackage
from airflow_provider_ksef.tables.comparing import (
    COMPARED,
    DOCUMENT_COUNTS,
    Comparison,
    Documents,
    compare_rows,
    numbers_of,
    within,
)
from airflow_provider_ksef.tables.incoming import CommittedWindow, IncomingRows
from airflow_provider_ksef.tables.layout import DOCUMENTS_TABLE, LINES_TABLE, VAT_SUMMARY_TABLE
from airflow_provider_ksef.tables.moments import (
    TICKS_PER_MICROSECOND,
    format_ticks,
    is_after,
    to_microseconds,
)
from airflow_provider_ksef.tables.retention import kept, read_retention
from airflow_provider_ksef.tables.schema import NUMBER, STORED
from airflow_provider_ksef.tables.verified import note_verified, withdraw_verified
from airflow_provider_ksef.tables.windows import full_instant, next_position
from airflow_provider_ksef.transfers.exporter import Exporter
from airflow_provider_ksef.transfers.pending_export import ExportRequest, PendingExport
from airflow_provider_ksef.transfers.plan import exports_of
from airflow_provider_ksef.transfers.progress import Taken
from airflow_provider_ksef.transfers.table_writer import TableWriter
from airflow_provider_ksef.transfers.verify_invoices import FINDINGS
from airflow_provider_ksef.transfers.window_record import WindowRecord

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

TOLD_NUMBERS = 20
"""KSeF numbers that a result tells of each finding; the log has them all."""
_IN_A_LINE = 20


@dataclass(frozen=True)
class WindowVerification:
    """
    Compare a table with KSeF over one window.

    :param exporter: starts the exports, of metadata alone.
    :param writer: reads the table, and fills its gaps.
    :param root: ``tables_path``, where retention is noted, and what was verified.
    :param record: the window, whole microseconds of storage dates; how far it is compared, what was found.
    :param repair: whether gaps are filled.
    :param include_documents: whether a document that is missing, or has lost rows, is a gap, too.
    """

    exporter: Exporter
    writer: TableWriter
    root: UPath
    record: WindowRecord
    repair: bool
    include_documents: bool

    @property
    def name(self) -> str:
        """The subject type and the bounds."""
        return self.record.name

    @property
    def final_state(self) -> str:
        """What became of a window that was compared to its end."""
        return "differs" if self._has_findings else "succeeded"

    @property
    def planned_exports(self) -> int:
        """
        The exports that the rest of the window takes, if the table holds what KSeF holds.

        Twice as many where documents may be missing: they come by other exports than those of metadata.
        """
        rest = self.record.rest
        span = to_microseconds(rest.start), to_microseconds(str(rest.end))
        rows = self.writer.tables.rows(self.writer.key, span, [STORED]).num_rows
        return exports_of(rows) * (2 if self.repair and self.include_documents else 1)

    @property
    def _has_findings(self) -> bool:
        return any(self.record.kept[kind] for kind in FINDINGS)

    def request(self) -> ExportRequest:
        """Ask for the metadata of the rest of the window; with the documents where some are to be filled."""
        rest, only_metadata = self.record.rest, not self.record.kept.get("is_filled", False)
        return ExportRequest(self.record.subject_type, rest.start, rest.end, only_metadata=only_metadata)

    def take(self, pending: PendingExport, package: ExportPackage) -> Taken:
        """
        Compare what a finished export brought with the table, and fill gaps where asked.

        :raises KsefIntegrityError: where the package is not what KSeF announced.
        :raises KsefFullInstantError: where one export cannot hold all invoices of an instant.
        :raises KsefTableError: where the table cannot be read or written.
        """
        span, following = self._covered(package)
        with self.writer.rows(pending, package) as held:
            rows = within(held.incoming.invoices, span)
            found, counts = self._compare(rows, span)
            taken = Taken()
            if self.repair and found.has_gaps:
                if self.include_documents and pending.only_metadata:
                    self.record.kept["is_filled"] = True
                    self.record.count(exports=1)
                    return Taken(has_more=True)
                taken = self._fill(held.incoming, span, pending)
                found, counts = self._compare(rows, span)
        self._tell(found)
        self.record.kept.pop("is_filled", None)
        self.record.advance(
            following,
            exports=1,
            repaired=taken.rows,
            repaired_documents=taken.documents,
            repaired_lines=taken.lines,
            **counts,
            **{kind: len(getattr(found, kind)) for kind in FINDINGS},
        )
        if not package.is_truncated and self.problem() is None:
            self._note()
        return replace(taken, has_more=package.is_truncated)

    def nothing_new(self, request: ExportRequest) -> None:
        """Leave the position where it is: KSeF has stored nothing for good beyond it yet."""

    def problem(self) -> str | None:
        """Say why the window was not compared to its end, though KSeF had no more of it."""
        rest = self.record.rest
        if not is_after(str(rest.end), rest.start):
            return None
        return f"KSeF's high-water mark stands at {rest.start}, before the end of the window."

    def _covered(self, package: ExportPackage) -> tuple[tuple[int, int], str]:
        """Give the microseconds that the package covers whole, both inclusive, and the next position."""
        asked = self.record.rest
        reached = next_position(
            asked,
            package.is_truncated,
            package.last_permanent_storage_date,
            package.permanent_storage_hwm_date,
        )
        first, last = to_microseconds(asked.start), to_microseconds(reached)
        is_whole = not package.is_truncated and not is_after(str(asked.end), reached)
        if is_whole:
            return (first, last), reached
        if package.is_truncated and last == first:
            raise full_instant(reached)
        return (first, last - 1), format_ticks(last * TICKS_PER_MICROSECOND)

    def _compare(self, rows: pa.Table, span: tuple[int, int]) -> tuple[Comparison, dict[str, int]]:
        """Compare KSeF's rows with the tables', and count both."""
        key = self.writer.key
        wanted = kept(read_retention(self.root, key), rows)
        documents = self._documents(span) if self.include_documents else None
        there = self.writer.tables.rows(key, span, (NUMBER, *COMPARED))
        counts = {
            "invoices": rows.num_rows,
            "in_table": there.num_rows,
            "deleted_by_retention": wanted.false_count,
        }
        return compare_rows(rows, wanted, there, documents), counts

    def _documents(self, span: tuple[int, int]) -> Documents:
        """Read the documents before their rows, which a commit beside us publishes first."""

        def rows(table: str, columns: Sequence[str]) -> pa.Table:
            return self.writer.tables.rows(replace(self.writer.key, table=table), span, columns)

        return Documents(
            stated=rows(DOCUMENTS_TABLE, DOCUMENT_COUNTS),
            lines=numbers_of(rows(LINES_TABLE, [NUMBER])),
            rate_groups=numbers_of(rows(VAT_SUMMARY_TABLE, [NUMBER])),
        )

    def _note(self) -> None:
        """Note beside the tables that the window holds, or that it does not though it may have before."""
        note = withdraw_verified if self._has_findings else note_verified
        window = self.record.window
        note(self.root, self.writer.key, window.start, str(window.end))

    def _fill(self, rows: IncomingRows, span: tuple[int, int], pending: PendingExport) -> Taken:
        first, last = (format_ticks(bound * TICKS_PER_MICROSECOND) for bound in span)
        window = CommittedWindow(first, last, pending.reference_number)
        taken = self.writer.commit(window, rows, moves_watermark=False)
        log.info(
            "%s: %d missing invoice(s), %d document(s) and %d line(s) were put into the tables.",
            self.name,
            taken.rows,
            taken.documents,
            taken.lines,
        )
        return taken

    def _tell(self, found: Comparison) -> None:
        """Log all KSeF numbers that were found, and keep the first of them for the result."""
        listed = self.record.kept.setdefault("numbers", {})
        for kind in FINDINGS:
            numbers: list[str] = getattr(found, kind).to_pylist()
            for start in range(0, len(numbers), _IN_A_LINE):
                line = ", ".join(numbers[start : start + _IN_A_LINE])
                log.warning("%s: %s: %s", self.name, kind, line)
            told = listed.setdefault(kind, [])
            told.extend(numbers[: TOLD_NUMBERS - len(told)])
