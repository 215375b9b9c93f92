"""The tables are held against KSeF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_ksef._compat import AirflowFailException, Context
from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.operators.parameters import path_of
from airflow_provider_ksef.transfers.export_operator import KsefExportOperator
from airflow_provider_ksef.transfers.export_walk import Waiting, resumed
from airflow_provider_ksef.transfers.progress import Progress
from airflow_provider_ksef.transfers.window_notes import notes_of

if TYPE_CHECKING:
    from airflow_provider_ksef.transfers.table_writer import TableWriter
    from airflow_provider_ksef.transfers.window_verification import WindowVerification

FINDINGS = ("missing", "surplus", "doubled", "without_document")
COUNTS = ("invoices", *FINDINGS, "repaired", "repaired_documents")


class KsefVerifyInvoicesOperator(KsefExportOperator):
    """
    Prove that the table holds each invoice that KSeF holds, once, and none besides.

    Each window of up to 89 days costs one export of metadata or more, as many as hold its invoices; the
    least number of calls is logged before the first one. Counts and KSeF numbers are compared by permanent
    storage date: *missing* in the table, *surplus* in it, *doubled* in it, and with ``include_documents``
    those *without_document*. With ``repair=True`` what is missing is put into the tables, by another export
    where documents are, and compared again; surplus and doubled rows are reported, never deleted.

    Where something differs, the result is pushed under the XCom key ``result`` and the task fails without
    another try. All KSeF numbers concerned stand in the log, the first of them in the result:
    ``{"invoices", "missing", "surplus", "doubled", "without_document", "repaired", "repaired_documents",
    "exports", "windows"}``, where each window has the same counts beside ``subject_type``, ``from``, ``to``,
    ``state``, ``numbers`` and ``error``.

    :param date_from: the first storage date: a date (its midnight in Poland) or a date-time with offset;
        None is where the table's first sync began.
    :param date_to: the end, not included; None, or anything later, is the table's watermark.
    :param repair: whether missing rows are put into the table.
        Further parameters: :class:`~airflow_provider_ksef.transfers.export_operator.KsefExportOperator`.
    """

    template_fields: Sequence[str] = (*KsefExportOperator.template_fields, "date_from", "date_to")

    def __init__(
        self,
        *,
        date_from: str | date | datetime | None = None,
        date_to: str | date | datetime | None = None,
        repair: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.date_from = date_from
        self.date_to = date_to
        self.repair = repair

    def execute(self, context: Context) -> dict[str, Any]:
        """Compare the windows that an earlier try has not compared."""
        return self._verify(context, notes_of(self, context).restore(), None)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> dict[str, Any]:
        """Take over from the trigger."""
        return self._verify(context, *resumed(event))

    def _verify(self, context: Context, progress: Progress, waiting: Waiting | None) -> dict[str, Any]:
        from airflow_provider_ksef.transfers.window_runs import plan_windows, push_result, run_windows

        with self.hook.get_conn() as ksef:
            units = self._units(context, ksef, progress)
            if self.plan_only:
                return plan_windows(units, progress).to_json()
            result = run_windows(self, context, units, progress, waiting=waiting, counts=COUNTS)
        self.log.info("Verified: %s", result)
        if any(result[kind] for kind in FINDINGS):
            push_result(context, result)
            raise AirflowFailException(_failure(result))
        return result

    def _units(self, context: Context, ksef: KsefClient, progress: Progress) -> list[WindowVerification]:
        """Check everything that was given, before the first call."""
        from airflow_provider_ksef.tables.intervals import microsecond_windows
        from airflow_provider_ksef.transfers.window_record import WindowRecord
        from airflow_provider_ksef.transfers.window_verification import WindowVerification

        remember = partial(notes_of(self, context).write, progress)
        return [
            WindowVerification(
                exporter=exporter,
                writer=writer,
                root=path_of("tables_path", self.tables_path),
                record=WindowRecord(exporter.subject_type, window, COUNTS, progress.units, remember),
                repair=self.repair,
                include_documents=self.include_documents,
            )
            for exporter, writer in self.writers(context, ksef)
            for window in microsecond_windows(*self._bounds(writer, progress))
        ]

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
        "Missing rows come with repair=True; look into the others before you change anything."
    )
