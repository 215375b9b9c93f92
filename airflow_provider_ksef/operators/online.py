"""Sending a few invoices one by one: the interactive session."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from airflow_provider_ksef._compat import (
    BaseOperator,
    Context,
    RetryPolicy,
    default_deferrable,
)
from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.client.checks.files import check_files
from airflow_provider_ksef.client.checks.report import CheckReport
from airflow_provider_ksef.client.checks.rules import CheckRules
from airflow_provider_ksef.client.invoice_files import InvoicePath, find_invoices
from airflow_provider_ksef.client.online_progress import OnlineProgress, read_sessions
from airflow_provider_ksef.client.online_submission import OnlineDeclaration, OnlineSubmission
from airflow_provider_ksef.exceptions import KsefRateLimitError
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.operators.invoice_source import InvoiceSource, named_paths
from airflow_provider_ksef.operators.online_note import OnlineNotes
from airflow_provider_ksef.operators.online_result import check_complete, online_result, unjudged_result
from airflow_provider_ksef.operators.parameters import check_above, check_at_least, check_choice
from airflow_provider_ksef.operators.retries import DEFAULT_RETRIES, RETRY_POLICY
from airflow_provider_ksef.operators.session_waiting import (
    SESSION_LIFE_SECONDS,
    defer_until,
    wait_for_session,
)
from airflow_provider_ksef.operators.telling import tell


class KsefSendInvoicesOperator(BaseOperator):
    """
    Send a few invoices to KSeF one by one in an interactive session, and wait until each is judged.

    KSeF takes 30 invoices a minute and 180 an hour this way; many go faster by
    :class:`~airflow_provider_ksef.operators.batch.KsefSubmitBatchOperator`, whose result this operator gives,
    with ``sessions`` beside it. What only interactive sessions take: PEF forms and technical corrections.

    A retry reads what KSeF has of the sessions of earlier tries and sends only what is missing there, in the
    same session while that is open. After the last invoice was sent a retry sends nothing, whatever lies in
    the folder by then.

    :param invoices: XML file, glob pattern, folder (its ``*.xml``), or a list of them; strings,
        ``pathlib`` paths or ``ObjectStoragePath``.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param form_code: KSeF's system code of the form: ``FA (2)``, ``FA (3)``, ``FA_RR (1)``, ``PEF (3)`` or
        ``PEF_KOR (3)``.
    :param offline_mode: declares the invoices as issued offline.
    :param hash_of_corrected_invoice: Base64 SHA-256 of the rejected offline invoice that the one file named
        by ``invoices`` corrects technically; needs ``offline_mode``.
    :param on_rejected: ``fail`` pushes the result under the XCom key ``result`` and fails the task without
        another try; ``warn`` logs the rejections and succeeds.
    :param wait_for_completion: whether to wait until KSeF has judged the invoices.
    :param deferrable: wait in the triggerer and leave the worker slot free, also where KSeF asks to wait for
        more than a minute before it takes the next invoice.
    :param poll_interval: seconds between two questions for the session's status.
    :param timeout: seconds to wait for the session after it was closed.
    :param durable: whether a task that is cleared after it has told the outcome gives it again for the same
        files; else it sends them again, and KSeF rejects as duplicates those that it has.
    """

    template_fields: Sequence[str] = (
        "invoices",
        "ksef_conn_id",
        "context_identifier",
        "form_code",
        "hash_of_corrected_invoice",
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
        hash_of_corrected_invoice: str | None = None,
        on_rejected: str = "fail",
        wait_for_completion: bool = True,
        retries: int = DEFAULT_RETRIES,
        retry_policy: RetryPolicy | None = RETRY_POLICY,
        deferrable: bool = default_deferrable(),
        poll_interval: float = 10.0,
        timeout: float = SESSION_LIFE_SECONDS,
        durable: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(retries=retries, retry_policy=retry_policy, **kwargs)
        check_choice("on_rejected", on_rejected, ("fail", "warn"))
        check_above("poll_interval", poll_interval, 0)
        check_at_least("timeout", timeout, 0)
        self.invoices = invoices
        self.ksef_conn_id = ksef_conn_id
        self.context_identifier = context_identifier
        self.form_code = form_code
        self.offline_mode = offline_mode
        self.hash_of_corrected_invoice = hash_of_corrected_invoice
        self.on_rejected = on_rejected
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.durable = durable

    @property
    def hook(self) -> KsefHook:
        """The hook of this task's connection."""
        return KsefHook(self.ksef_conn_id, self.context_identifier)

    def execute(self, context: Context) -> dict[str, Any]:
        """Check and send the invoices; wait for KSeF's judgement where asked."""
        with self.hook.get_conn() as ksef:
            return self._send_and_wait(context, ksef, OnlineNotes(context, ksef.settings))

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> dict[str, Any]:
        """Take over from the trigger; KSeF is asked once more, so that the event need not be believed."""
        resume = event["resume"]
        self.log.info("Session %s: woken up with code %s.", event["reference_number"], event["code"])
        with self.hook.get_conn() as ksef:
            notes = OnlineNotes(context, ksef.settings, resume["note"])
            if not resume["is_waiting"]:
                return self._send_and_wait(context, ksef, notes)
            return self._wait(context, ksef, notes, deadline=resume["deadline"], trigger_error=event["error"])

    def _send_and_wait(self, context: Context, ksef: KsefClient, notes: OnlineNotes) -> dict[str, Any]:
        progress = self._sent(ksef, notes)
        if not self.wait_for_completion:
            notes.mark_told()
            return unjudged_result(progress)
        return self._wait(context, ksef, notes, deadline=time.time() + self.timeout)

    def _found(self) -> list[InvoicePath]:
        return find_invoices(named_paths(self.invoices))

    def _sent(self, ksef: KsefClient, notes: OnlineNotes) -> OnlineProgress:
        """Send what no earlier try has sent, unless the task has sent just these before and is run again."""
        declaration = OnlineDeclaration(self.form_code, self.offline_mode, self.hash_of_corrected_invoice)
        note = notes.note
        if note and note.progress.is_sent and not notes.is_cleared and self._is_known(ksef, note.progress):
            return ksef.run(OnlineSubmission(ksef.settings, declaration, note.progress, notes.keep).close())
        checked = check_files(self._found(), CheckRules())
        checked.require_valid()
        self.log.info("%d invoices are ready to be sent.", len(checked.files))
        digest = self._digest(checked)
        is_same = note is not None and notes.is_cleared and note.digest == digest
        if note and self.durable and is_same and self._is_known(ksef, note.progress):
            return note.progress
        if note is None or notes.is_cleared:
            note = notes.begin(digest)
        submission = OnlineSubmission(ksef.settings, declaration, note.progress, notes.keep)
        try:
            return ksef.run(submission.send(checked.to_pack))
        except KsefRateLimitError as error:
            self._defer_until_ksef_takes_more(notes, error)
            raise

    def _is_known(self, ksef: KsefClient, progress: OnlineProgress) -> bool:
        known = ksef.run(read_sessions(progress.sessions))
        return bool(progress.sessions) and len(known) == len(progress.sessions)

    def _digest(self, checked: CheckReport) -> str:
        """Tell what is sent from anything else: which form, which mode, which files."""
        parts = (
            self.form_code,
            str(self.offline_mode),
            self.hash_of_corrected_invoice or "",
            checked.digest,
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _defer_until_ksef_takes_more(self, notes: OnlineNotes, error: KsefRateLimitError) -> None:
        """Leave the worker slot for as long as KSeF asks; without deferral the retry policy waits."""
        seconds = error.fault.retry_after
        if not self.deferrable or seconds is None or notes.note is None or not notes.note.progress.sessions:
            return
        self.log.warning("KSeF takes no more invoices for %.0f s: %s", seconds, error)
        defer_until(
            self,
            notes.note.progress.sessions[-1],
            deadline=time.time() + seconds,
            resume={"note": notes.as_json(), "is_waiting": False},
        )

    def _wait(
        self,
        context: Context,
        ksef: KsefClient,
        notes: OnlineNotes,
        *,
        deadline: float,
        trigger_error: str | None = None,
    ) -> dict[str, Any]:
        progress = notes.note.progress if notes.note else OnlineProgress()
        for reference in progress.sessions:
            wait_for_session(
                self,
                ksef,
                reference,
                deadline=deadline,
                resume={"note": notes.as_json(), "is_waiting": True},
                trigger_error=trigger_error,
            )
        return self._judge(context, ksef, notes, progress)

    def _judge(
        self, context: Context, ksef: KsefClient, notes: OnlineNotes, progress: OnlineProgress
    ) -> dict[str, Any]:
        """Make the result of finished sessions, and fail where it says so."""
        read = ksef.run(read_sessions(progress.sessions))
        outcomes = check_complete(
            read, progress, on_incomplete=lambda: notes.keep(replace(progress, invoice_count=None))
        )
        result = online_result(read, outcomes, find=self._found)
        self.log.info("Sent in %s: %d accepted, %d rejected.", ", ".join(progress.sessions), *_counts(result))
        return tell(context, result, on_rejected=self.on_rejected, mark_told=notes.mark_told)


def _counts(result: Mapping[str, Any]) -> tuple[int, int]:
    return result["accepted"], result["rejected"]
