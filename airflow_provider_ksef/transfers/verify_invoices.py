"""The tables are held against KSeF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_ksef._compat import AirflowFailException, Context
from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.transfers.export_operator import KsefExportOperator
from airflow_provider_ksef.transfers.export_walk import Waiting, resumed
from airflow_provider_ksef.transfers.progress import Progress
from airflow_provider_ksef.transfers.window_notes import notes_of

if TYPE_CHECKING:
    from airflow_provider_ksef.transfers.table_writer import TableWriter
    from airflow_provider_ksef.transfers.window_verification import WindowVerification

FINDINGS = ("missing", "surplus", "doubled")
COUNTS = ("invoices", *FINDINGS, "repaired")


class KsefVerifyInvoicesOperator(KsefExportOperator):
    """
    Prove that the table holds each invoice that KSeF holds, once, and none besides.

    Each window of up to 89 days costs one export of metadata or more, as many as hold its invoices; the
    least number of calls is logged before the first one. Counts and KSeF numbers are compared by permanent
    storage date: *missing* in the table, *surplus* in it, *doubled* in it. With ``repair=True`` missing rows
    are put into the table and compared again; surplus and doubled ones are reported, never deleted.

    Where something differs, the result is pushed under the XCom key ``result`` and the task fails without
    another try. All KSeF numbers concerned stand in the log, the first of them in the result:
    ``{"invoices", "missing", "surplus", "doubled", "repaired", "exports", "windows": [{"subject_type", "from",
    "to", "state", "invoices", "missing", "surplus", "doubled", "repaired", "numbers", "error"}]}``.

    :param date_from: the first storage date: a date (its midnight in Poland) or a date-time with offset; such
        as the ``sync_from`` that the table began with.
    :param date_to: the end, not included; None, or anything later, is the table's watermark.
    :param repair: whether missing rows are put into the table.
        Further parameters: :class:`~airflow_provider_ksef.transfers.export_operator.KsefExportOperator`.
    """

    template_fields: Sequence[str] = (*KsefExportOperator.template_fields, "date_from", "date_to")

    def __init__(
        self,
        *,
        date_from: str | date | datetime,
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
            result = run_windows(self, context, units, progress, waiting, COUNTS)
        self.log.info("Verified: %s", result)
        if any(result[kind] for kind in FINDINGS):
            push_result(context, result)
            raise AirflowFailException(_failure(result))
        return result

    def _units(self, context: Context, ksef: KsefClient, progress: Progress) -> list[WindowVerification]:
        """Check everything that was given, before the first call."""
        from airflow_provider_ksef.tables.intervals import microsecond_windows, past_moment
        from airflow_provider_ksef.transfers.window_verification import WindowVerification

        start = past_moment("date_from", self.date_from, datetime.now(UTC))
        remember = partial(notes_of(self, context).write, progress)
        units = []
        for exporter, writer in self.writers(context, ksef):
            windows = microsecond_windows(start, self._until(writer, progress))
            if not windows:
                raise KsefInputError(
                    "date_from",
                    str(self.date_from),
                    f"lies beyond the table of {writer.key.subject_type}, which goes to "
                    f"{progress.until[writer.key.subject_type]}",
                    "Sync first, or give an earlier day.",
                )
            units += [
                WindowVerification(exporter, writer, window, self.repair, progress.units, remember)
                for window in windows
            ]
        return units

    def _until(self, writer: TableWriter, progress: Progress) -> str:
        """Give the end of a subject type's windows, the same in each try though the watermark moves on."""
        subject_type = writer.key.subject_type
        if subject_type not in progress.until:
            progress.until[subject_type] = self._end(writer)
        return progress.until[subject_type]

    def _end(self, writer: TableWriter) -> str:
        from airflow_provider_ksef.tables.intervals import given_moment
        from airflow_provider_ksef.tables.moments import is_after

        watermark = writer.tables.watermark(writer.key)
        stated = None if self.date_to in (None, "") else given_moment("date_to", self.date_to)
        if watermark is None and stated is None:
            raise KsefInputError(
                "date_to",
                self.date_to,
                f"the table has no watermark for {writer.key.subject_type}",
                "Sync first, or give the day up to which it was backfilled.",
            )
        ends = [end for end in (stated, watermark and watermark.position) if end]
        return ends[0] if len(ends) == 1 or is_after(ends[1], ends[0]) else ends[1]


def _failure(result: dict[str, Any]) -> str:
    found = [f"{result[kind]} {kind}" for kind in FINDINGS]
    windows = [
        f"{window['subject_type']} {window['from']} to {window['to']}: "
        + "; ".join(f"{kind} {', '.join(numbers)}" for kind, numbers in window["numbers"].items() if numbers)
        for window in result["windows"]
        if any(window["numbers"].values())
    ]
    return (
        f"The table differs from KSeF: {', '.join(found)}. {' '.join(windows[:5])} All numbers are in the log. "
        "Missing rows come with repair=True; look into the others before you change anything."
    )
