"""Sending many invoices at once: the batch session."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from os import PathLike
from typing import Any, TypeAlias

from upath import UPath

from airflow_provider_ksef._compat import (
    AirflowFailException,
    BaseOperator,
    Context,
    ObjectStoragePath,
    RetryPolicy,
    default_deferrable,
    task_state,
)
from airflow_provider_ksef.client import KsefClient, sessions, submission
from airflow_provider_ksef.client.invoice_files import CheckedInvoices, check_invoices, find_invoices
from airflow_provider_ksef.client.sessions import SessionStatus
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefInputError,
    KsefIntegrityError,
    KsefTimeoutError,
)
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.operators.batch_result import (
    batch_result,
    check_judged,
    failure_message,
    may_send_again,
    rejection_line,
    rejections_of,
)
from airflow_provider_ksef.operators.parameters import check_above, check_at_least, check_choice, path_of
from airflow_provider_ksef.operators.retries import DEFAULT_RETRIES, RETRY_POLICY
from airflow_provider_ksef.triggers.polling import refuse_blind_trigger
from airflow_provider_ksef.triggers.session import KsefSessionTrigger

InvoiceSource: TypeAlias = str | PathLike[str] | ObjectStoragePath

RESULT_KEY = "result"
"""XCom key of the result when the task fails because of rejected invoices."""
STATE_KEY = "batch_session"
NO_SUCH_SESSION = 21173
SESSION_LIFE_SECONDS = 12 * 3600.0


class KsefSubmitBatchOperator(BaseOperator):
    """
    Send invoices to KSeF in one batch session and wait until each is judged.

    The result is ``{"session_reference_number", "invoice_count", "accepted", "rejected", "rejections"}``,
    where ``rejections`` lists at most 100 of ``{"file", "code", "description", "details"}``. Without waiting
    the three last are None.

    A retry goes on with the session that an earlier try closed and never sends it again; a session that was
    not closed has no effect in KSeF and is begun anew.

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
    """

    template_fields: Sequence[str] = ("invoices", "ksef_conn_id", "context_identifier", "form_code")
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

    @property
    def hook(self) -> KsefHook:
        """The hook of this task's connection."""
        return KsefHook(self.ksef_conn_id, self.context_identifier)

    def execute(self, context: Context) -> dict[str, Any]:
        """Check, pack, encrypt and send the invoices; wait for KSeF's judgement where asked."""
        checked = check_invoices(find_invoices(self._named()))
        self.log.info("%d invoices are ready to be sent.", len(checked.files))
        with self.hook.get_conn() as ksef:
            reference = self._closed_session(context, ksef, checked)
            if not self.wait_for_completion:
                return batch_result(reference, len(checked.files), None, None, None)
            deadline = time.time() + self.timeout
            return self._wait(context, ksef, reference, len(checked.files), deadline=deadline)

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

    def _named(self) -> list[UPath]:
        given = self.invoices
        sources = [given] if isinstance(given, (str, PathLike, ObjectStoragePath)) else list(given or ())
        return [path_of("invoices", source) for source in sources]

    def _closed_session(self, context: Context, ksef: KsefClient, checked: CheckedInvoices) -> str:
        """Give the session that an earlier try closed, or send the invoices in a new one."""
        state = task_state(context)
        digest = self._digest(ksef, checked)
        noted = state.get(STATE_KEY)
        noted = noted if isinstance(noted, dict) else {}
        reference = str(noted.get("session_reference_number"))
        if noted.get("digest") == digest and self._is_taken(ksef, reference):
            return reference
        return submission.send_batch(
            ksef,
            checked.files,
            form_code=self.form_code,
            offline_mode=self.offline_mode,
            compression=self.compression,
            on_opened=lambda reference: state.set(
                STATE_KEY, {"session_reference_number": reference, "digest": digest}
            ),
        )

    def _digest(self, ksef: KsefClient, checked: CheckedInvoices) -> str:
        """Tell this submission from any other: where to, as whom, which form, which files."""
        context = ksef.settings.context
        parts = (
            ksef.settings.environment.base_url,
            context.type,
            context.value,
            self.form_code,
            checked.digest,
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _is_taken(self, ksef: KsefClient, reference: str) -> bool:
        """Whether KSeF has taken the earlier try's session, so that sending again would make duplicates."""
        try:
            status = ksef.run(sessions.get_status(reference))
        except KsefApiError as error:
            if error.fault.code != NO_SUCH_SESSION:
                raise
            self.log.warning("Session %s of an earlier try is not known to KSeF: sending anew.", reference)
            return False
        taken = not may_send_again(status)
        self.log.info(
            "Session %s of an earlier try has status %d %s: %s.",
            reference,
            status.code,
            status.description,
            "going on with it" if taken else "it had no effect, sending anew",
        )
        return taken

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
        while not (status := ksef.run(sessions.get_status(reference))).is_final:
            self.log.info("Session %s: %d %s.", reference, status.code, status.description)
            left = deadline - time.time()
            if left <= 0:
                raise KsefTimeoutError(
                    f"Session {reference} was not processed within {self.timeout:.0f} s.",
                    "It is closed and will be processed: run the task again to wait on, or raise timeout.",
                )
            if self.deferrable:
                refuse_blind_trigger(trigger_error)
                self.defer(
                    trigger=KsefSessionTrigger(
                        reference,
                        ksef_conn_id=self.ksef_conn_id,
                        context_identifier=self.context_identifier,
                        poll_interval=self.poll_interval,
                        deadline=deadline,
                        resume={"invoice_count": invoice_count, "deadline": deadline},
                    ),
                    method_name="execute_complete",
                )
            time.sleep(min(self.poll_interval, left))
        return self._judge(context, ksef, status, invoice_count)

    def _judge(
        self, context: Context, ksef: KsefClient, status: SessionStatus, invoice_count: int
    ) -> dict[str, Any]:
        """Make the result of a finished session, and fail where it says so."""
        reference = status.reference_number
        check_judged(status)
        accepted, rejected = status.accepted_count or 0, status.rejected_count or 0
        if accepted + rejected != invoice_count:
            raise KsefIntegrityError(
                f"Session {reference}: {invoice_count} invoices sent, {accepted + rejected} judged by KSeF.",
                "Compare the session's invoices with your files before you send anything again.",
            )
        failed = ksef.run(sessions.list_failed_invoices(reference)) if rejected else []
        rejections = rejections_of(failed, self._shown_names())
        result = batch_result(reference, invoice_count, accepted, rejected, rejections)
        self.log.info("Session %s: %d accepted, %d rejected.", reference, accepted, rejected)
        for rejection in rejections:
            self.log.warning("Rejected: %s", rejection_line(rejection))
        if rejected and self.on_rejected == "fail":
            context["ti"].xcom_push(key=RESULT_KEY, value=result)
            raise AirflowFailException(failure_message(result, RESULT_KEY))
        return result

    def _shown_names(self) -> dict[str, str]:
        """Paths by names in the package, as far as the files are still there after a deferral."""
        with suppress(KsefInputError, OSError):
            return {invoice.entry_name: invoice.shown for invoice in find_invoices(self._named())}
        return {}
