"""Sending many invoices at once: the batch session."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any

from airflow_provider_ksef._compat import (
    BaseOperator,
    Context,
    ObjectStoragePath,
    RetryPolicy,
    default_deferrable,
)
from airflow_provider_ksef.client import KsefClient, sessions, submission
from airflow_provider_ksef.client.checks.files import check_files
from airflow_provider_ksef.client.checks.report import CheckReport
from airflow_provider_ksef.client.checks.rules import CheckRules
from airflow_provider_ksef.client.duplicates import judge_duplicates
from airflow_provider_ksef.client.invoice_files import InvoicePath, find_invoices
from airflow_provider_ksef.client.packing import PackedBatch
from airflow_provider_ksef.client.sessions import SessionStatus
from airflow_provider_ksef.exceptions import KsefIntegrityError
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.operators.batch_result import (
    JUDGED_CODES,
    MAX_REJECTIONS,
    batch_result,
    check_judged,
    rejections_of,
    without_accepted,
)
from airflow_provider_ksef.operators.invoice_source import InvoiceSource, named_paths
from airflow_provider_ksef.operators.parameters import check_above, check_at_least, check_choice, path_of
from airflow_provider_ksef.operators.rejected_files import paths_by_ordinal
from airflow_provider_ksef.operators.retries import DEFAULT_RETRIES, RETRY_POLICY
from airflow_provider_ksef.operators.session_waiting import SESSION_LIFE_SECONDS, wait_for_session
from airflow_provider_ksef.operators.submission_note import SubmissionNote, SubmissionNotes
from airflow_provider_ksef.operators.submission_record import SubmissionRecord
from airflow_provider_ksef.operators.submission_resuming import sent_before, unfinished
from airflow_provider_ksef.operators.telling import tell


class KsefSubmitBatchOperator(BaseOperator):
    """
    Send invoices to KSeF in one batch session and wait until each is judged.

    The result is ``{"session_reference_number", "code", "status", "invoice_count", "accepted", "rejected",
    "rejections"}``, where ``status`` is ``accepted``, ``partly_accepted`` or ``rejected`` and ``rejections``
    lists at most 100 of ``{"file", "invoice_number", "code", "description", "details"}``. Without waiting all
    but the reference and the count are None.

    A retry goes on with the session whose parts an earlier try has uploaded, whatever lies in the folder by
    then, and never sends it again; a session that was not uploaded whole has no effect and is begun anew.

    A duplicate of the very same bytes counts as accepted: KSeF has that invoice. One of other bytes, or one
    that cannot be compared, stays rejected.

    :param invoices: XML file, glob pattern, folder (its ``*.xml``), or a list of them; strings,
        ``pathlib`` paths or ``ObjectStoragePath``.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param form_code: KSeF's system code of the form: ``FA (2)``, ``FA (3)`` or ``FA_RR (1)``.
    :param offline_mode: declares the invoices as issued offline.
    :param compression: ``zip`` or ``tar.gz``.
    :param on_rejected: ``fail`` pushes the result under the XCom key ``result`` and fails the task without
        another try; ``warn`` logs the rejections and succeeds.
    :param wait_for_completion: whether to wait until KSeF has judged the invoices.
    :param deferrable: wait in the triggerer and leave the worker slot free.
    :param poll_interval: seconds between two questions for the session's status.
    :param timeout: seconds to wait for the session after it was closed.
    :param tables_path: folder of tables, local or on an object store: each file becomes a row of
        ``submissions`` before the session is closed, completed when KSeF has judged it. A next try, on an
        Airflow without task state too, then finds the session in which the same files were sent.
    """

    template_fields: Sequence[str] = (
        "invoices",
        "ksef_conn_id",
        "context_identifier",
        "form_code",
        "tables_path",
    )
    ui_color = "#f6e7ea"

    def __init__(
        self,
        *,
        invoices: InvoiceSource | Sequence[InvoiceSource],
        ksef_conn_id: str = KsefHook.default_conn_name,
        context_identifier: str | None = None,
        form_code: str = "FA (3)",
        offline_mode: bool = False,
        compression: str = "zip",
        on_rejected: str = "fail",
        wait_for_completion: bool = True,
        retries: int = DEFAULT_RETRIES,
        retry_policy: RetryPolicy | None = RETRY_POLICY,
        deferrable: bool = default_deferrable(),
        poll_interval: float = 10.0,
        timeout: float = SESSION_LIFE_SECONDS,
        tables_path: str | PathLike[str] | ObjectStoragePath | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(retries=retries, retry_policy=retry_policy, **kwargs)
        check_choice("on_rejected", on_rejected, ("fail", "warn"))
        check_choice("compression", compression, ("zip", "tar.gz"))
        check_above("poll_interval", poll_interval, 0)
        check_at_least("timeout", timeout, 0)
        self.invoices = invoices
        self.ksef_conn_id = ksef_conn_id
        self.context_identifier = context_identifier
        self.form_code = form_code
        self.offline_mode = offline_mode
        self.compression = compression
        self.on_rejected = on_rejected
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.tables_path = tables_path

    @property
    def hook(self) -> KsefHook:
        """The hook of this task's connection."""
        return KsefHook(self.ksef_conn_id, self.context_identifier)

    def execute(self, context: Context) -> dict[str, Any]:
        """Check, pack, encrypt and send the invoices; wait for KSeF's judgement where asked."""
        with self.hook.get_conn() as ksef:
            notes = SubmissionNotes(context, ksef.settings)
            note = unfinished(ksef, notes) or self._submitted(context, ksef, notes)
            reference, count = note.session_reference_number, note.invoice_count
            if not self.wait_for_completion:
                notes.mark_told()
                return batch_result(reference, count, None, None, None)
            return self._wait(context, ksef, reference, count, deadline=time.time() + self.timeout)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> dict[str, Any]:
        """Take over from the trigger; KSeF is asked once more, so that the event need not be believed."""
        reference, resume = event["reference_number"], event["resume"]
        self.log.info("Session %s: woken up with code %s.", reference, event["code"])
        with self.hook.get_conn() as ksef:
            return self._wait(
                context,
                ksef,
                reference,
                resume["invoice_count"],
                deadline=resume["deadline"],
                trigger_error=event["error"],
            )

    def _found(self) -> list[InvoicePath]:
        return find_invoices(named_paths(self.invoices))

    def _record(self, context: Context, ksef: KsefClient) -> SubmissionRecord | None:
        if self.tables_path is None:
            return None
        return SubmissionRecord(path_of("tables_path", self.tables_path), context, ksef.settings)

    def _submitted(self, context: Context, ksef: KsefClient, notes: SubmissionNotes) -> SubmissionNote:
        """Send the invoices, unless just these were sent before."""
        found = self._found()
        checked = check_files(found, CheckRules())
        checked.require_valid()
        self.log.info("%d invoices are ready to be sent.", len(checked.files))
        to_pack = checked.to_pack
        digest = self._digest(checked)
        record = self._record(context, ksef)
        if earlier := sent_before(ksef, notes, digest, record):
            return earlier
        note = SubmissionNote("", notes.destination, digest, len(checked.files))

        def uploaded(opened: str, package: PackedBatch) -> None:
            if record is not None:
                record.begin(
                    opened,
                    found,
                    package.invoice_hashes,
                    sizes={file.name: file.size for file in to_pack},
                    digest=digest,
                    form_code=self.form_code,
                    offline_mode=self.offline_mode,
                )
            notes.mark_uploaded()

        reference = submission.send_batch(
            ksef,
            to_pack,
            form_code=self.form_code,
            offline_mode=self.offline_mode,
            compression=self.compression,
            on_opened=lambda opened: notes.write(replace(note, session_reference_number=opened)),
            on_uploaded=uploaded,
        )
        return replace(note, session_reference_number=reference)

    def _digest(self, checked: CheckReport) -> str:
        """Tell what is sent from anything else: which form, which mode, which files."""
        parts = (self.form_code, str(self.offline_mode), checked.digest)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _wait(
        self,
        context: Context,
        ksef: KsefClient,
        reference: str,
        invoice_count: int,
        *,
        deadline: float,
        trigger_error: str | None = None,
    ) -> dict[str, Any]:
        status = wait_for_session(
            self,
            ksef,
            reference,
            deadline=deadline,
            resume={"invoice_count": invoice_count},
            trigger_error=trigger_error,
        )
        return self._judge(context, ksef, status, invoice_count)

    def _judge(
        self, context: Context, ksef: KsefClient, status: SessionStatus, invoice_count: int
    ) -> dict[str, Any]:
        """Make the result of a finished session, and fail where it says so."""
        reference = status.reference_number
        record = self._record(context, ksef)
        if record is not None and status.code not in JUDGED_CODES:
            record.complete_unjudged(status)
        check_judged(status)
        accepted, rejected = status.accepted_count or 0, status.rejected_count or 0
        if accepted + rejected != invoice_count:
            raise KsefIntegrityError(
                f"Session {reference}: {invoice_count} invoices sent, {accepted + rejected} judged by KSeF.",
                "Compare the session's invoices with your files before you send anything again.",
            )
        failed = ksef.run(sessions.list_failed_invoices(reference)) if rejected else []
        duplicates = judge_duplicates(ksef, failed)
        if record is not None:
            record.complete(reference, ksef.run(sessions.list_invoices(reference)), duplicates)
        failed, already = without_accepted(failed, duplicates)
        paths = paths_by_ordinal(failed[:MAX_REJECTIONS], self._found)
        rejections = rejections_of(failed, paths)
        rejected -= already
        result = batch_result(
            reference, invoice_count, accepted + already, rejected, rejections, code=status.code
        )
        self.log.info(
            "Session %s: %d accepted, %d of them before, %d rejected.",
            reference,
            accepted + already,
            already,
            rejected,
        )
        mark_told = SubmissionNotes(context, ksef.settings).mark_told
        return tell(context, result, on_rejected=self.on_rejected, mark_told=mark_told)
