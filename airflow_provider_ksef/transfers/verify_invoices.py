"""The tables are held against KSeF."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_ksef._compat import AirflowFailException, Context
from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.operators.parameters import path_of
from airflow_provider_ksef.transfers.export_operator import KsefExportOperator
from airflow_provider_ksef.transfers.export_walk import Waiting, resumed
from airflow_provider_ksef.transfers.kept_progress import kept_progress
from airflow_provider_ksef.transfers.progress import Progress
from airflow_provider_ksef.transfers.window_notes import WindowNotes, notes_of

if TYPE_CHECKING:
    from upath import UPath

    from airflow_provider_ksef.transfers.table_writer import TableWriter
    from airflow_provider_ksef.transfers.window_verification import WindowVerification

FINDINGS = ("missing", "surplus", "doubled", "altered", "without_document", "incomplete_document")
REPAIRED = ("repaired", "repaired_documents", "repaired_lines")
COUNTS = ("invoices", "in_table", "deleted_by_retention", *FINDINGS, *REPAIRED, "exports")


class KsefVerifyInvoicesOperator(KsefExportOperator):
    """
    Prove that the table holds each invoice that KSeF holds, once, as KSeF states it, and none besides.

    Each window of up to 89 days costs one export of metadata for every 10,000 invoices. The table's own rows
    tell how many calls that is: the plan is logged before the first one, and stands in the result beside what
    was needed. Invoices are compared by permanent storage date: *missing* in the table, *surplus* in it,
    *doubled* in it, and *altered*, where a number, date, amount, party or hash is not KSeF's. With documents
    also those *without_document*, and *incomplete_document* whose lines or tax sums are not as many as the
    document has. With ``repair=True`` what is missing is put into the tables, by another export where
    documents are, and compared again; surplus, doubled and altered rows are reported, never changed.

    Where something differs, the result is pushed under the XCom key ``result`` and the task fails without
    another try. All KSeF numbers concerned stand in the log, the first of them in the result:
    ``{"invoices", "in_table", "deleted_by_retention", "missing", "surplus", "doubled", "altered",
    "without_document", "incomplete_document", "repaired", "repaired_documents", "repaired_lines",
    "planned_exports", "exports", "windows"}``. ``invoices`` are KSeF's, ``exports`` those that this try
    began. Each window has the same counts, its exports those of all tries, beside ``subject_type``, ``from``,
    ``to``, ``state`` (``succeeded``, ``differs``, ``failed`` or ``left``), ``numbers`` and ``error``.

    :param date_from: the first storage date: a date (its midnight in Poland) or a date-time with offset;
        None is where the table's first sync began.
    :param date_to: the end, not included; None, or anything later, is the table's watermark.
    :param repair: whether missing rows are put into the tables.
    :param include_documents: whether documents are compared and repaired, too; None is yes where the tables
        hold documents of this company in this role.
        Further parameters: :class:`~airflow_provider_ksef.transfers.export_operator.KsefExportOperator`.
    """

    template_fields: Sequence[str] = (*KsefExportOperator.template_fields, "date_from", "date_to")

    def __init__(
        self,
        *,
        date_from: str | date | datetime | None = None,
        date_to: str | date | datetime | None = None,
        repair: bool = False,
        include_documents: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(include_documents=include_documents or False, **kwargs)
        self.looks_for_documents = include_documents is None
        self.date_from = date_from
        self.date_to = date_to
        self.repair = repair

    def execute(self, context: Context) -> dict[str, Any]:
        """Compare the windows that an earlier try has not compared."""
        progress = kept_progress(context) or self._notes(context).restore()
        return self._verify(context, progress, None)

    def execute_complete(self, context: Context, event: Any) -> dict[str, Any]:
        """Take over from the trigger."""
        return self._verify(context, *resumed(event, self.patience))

    def _notes(self, context: Context) -> WindowNotes:
        documents = None if self.looks_for_documents else self.include_documents
        return notes_of(self, context, repair=self.repair, include_documents=documents)

    def _verify(self, context: Context, progress: Progress, waiting: Waiting | None) -> dict[str, Any]:
        from airflow_provider_ksef.transfers.window_runs import plan_windows, push_result, run_windows

        with self.long_waits(context, progress), self.hook.get_conn() as ksef:
            units = self._units(context, ksef, progress)
            if self.plan_only:
                return plan_windows(ksef, units, progress).to_json()
            result = run_windows(self, context, ksef, units, progress, waiting=waiting)
        self.log.info(
            "Verified: %d invoice(s) in KSeF, %d in the table; %s; %d repaired.",
            result["invoices"],
            result["in_table"],
            ", ".join(f"{result[kind]} {kind}" for kind in FINDINGS),
            result["repaired"],
        )
        if any(result[kind] for kind in FINDINGS):
            push_result(context, result)
            raise AirflowFailException(_failure(result))
        return result

    def _units(self, context: Context, ksef: KsefClient, progress: Progress) -> list[WindowVerification]:
        """Check everything that was given, before the first call."""
        from airflow_provider_ksef.tables.intervals import microsecond_windows
        from airflow_provider_ksef.transfers.window_record import WindowRecord
        from airflow_provider_ksef.transfers.window_verification import WindowVerification

        remember = partial(self._notes(context).write, progress)
        root = path_of("tables_path", self.tables_path)
        return [
            WindowVerification(
                exporter=exporter,
                writer=writer,
                root=root,
                record=WindowRecord(exporter.subject_type, window, COUNTS, progress.units, remember),
                repair=self.repair,
                include_documents=include_documents,
            )
            for exporter, writer in self.writers(context, ksef)
            for include_documents in [self._includes_documents(root, writer)]
            for window in microsecond_windows(*self._bounds(writer, progress))
        ]

    def _includes_documents(self, root: UPath, writer: TableWriter) -> bool:
        from airflow_provider_ksef.tables.layout import DOCUMENTS_TABLE
        from airflow_provider_ksef.tables.table_files import table_files

        if not self.looks_for_documents:
            return self.include_documents
        return any(
            files.names for files in table_files(root, writer.key) if files.key.table == DOCUMENTS_TABLE
        )

    def _bounds(self, writer: TableWriter, progress: Progress) -> tuple[str, str]:
        """Give the span of a subject type, the same in each try though the watermark moves on."""
        from airflow_provider_ksef.tables.intervals import given_moment, past_moment
        from airflow_provider_ksef.tables.moments import earlier, is_after

        subject_type = writer.key.subject_type
        watermark = writer.tables.watermark(writer.key)
        began = watermark.began_at if watermark else None
        start = past_moment("date_from", self.date_from, datetime.now(UTC)) if self.date_from else began
        if start is None:
            raise _unknown("date_from", subject_type)
        end = given_moment("date_to", self.date_to) if self.date_to else None
        if watermark is not None:
            end = earlier(end or watermark.position, watermark.position)
        if end is None:
            raise _unknown("date_to", subject_type)
        end = progress.until.setdefault(subject_type, end)
        if not is_after(end, start):
            raise KsefInputError(
                "date_from",
                str(self.date_from),
                f"lies beyond the table of {subject_type}, which is compared up to {end}",
                "Sync first, or give an earlier day.",
            )
        return start, end


def _unknown(field: str, subject_type: str) -> KsefInputError:
    return KsefInputError(
        field,
        None,
        f"no sync has told yet where the table of {subject_type} begins and ends",
        "Give date_from and date_to, such as the interval that was backfilled.",
    )


def _failure(result: dict[str, Any]) -> str:
    found = [f"{result[kind]} {kind}" for kind in FINDINGS]
    windows = [
        f"{window['subject_type']} {window['from']} to {window['to']}: "
        + "; ".join(f"{kind} {', '.join(numbers)}" for kind, numbers in window["numbers"].items() if numbers)
        for window in result["windows"]
        if any(window["numbers"].values())
    ]
    return (
        f"The table differs from KSeF: {', '.join(found)}. {' '.join(windows[:5])} The log has all numbers. "
        "What is missing comes with repair=True; look into the others before you change anything."
    )
