"""Sending a few invoices one by one: the interactive session."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_ksef._compat import BaseOperator, Context, RetryPolicy, default_deferrable
from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.client.forms import ONLINE_FORMS, form_of
from airflow_provider_ksef.client.invoice_files import InvoicePath, find_invoices
from airflow_provider_ksef.client.invoice_limits import DEFAULT_LIMITS
from airflow_provider_ksef.client.online_declaration import OnlineDeclaration
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.links.ksef import KsefAppLink, KsefTablesLink
from airflow_provider_ksef.operators.batch_result import batch_result
from airflow_provider_ksef.operators.invoice_checks import PathSetting, check_invoices, dry_run_result
from airflow_provider_ksef.operators.invoice_source import InvoiceSource, named_paths
from airflow_provider_ksef.operators.killing import end_killed_task
from airflow_provider_ksef.operators.lineage import SentTraffic, lineage_of, sent_traffic
from airflow_provider_ksef.operators.long_waits import long_waits
from airflow_provider_ksef.operators.online_judging import OnlineJudging
from airflow_provider_ksef.operators.online_note import OnlineNote, OnlineNotes
from airflow_provider_ksef.operators.online_sending import OnlineSending
from airflow_provider_ksef.operators.parameters import check_sending, is_given
from airflow_provider_ksef.operators.retries import DEFAULT_RETRIES, RETRY_POLICY
from airflow_provider_ksef.operators.session_waiting import SESSION_LIFE_SECONDS, wait_for_session
from airflow_provider_ksef.operators.submission_record import open_record
from airflow_provider_ksef.operators.telling import tell
from airflow_provider_ksef.triggers.events import Resume, foreign_event, read_event


class OnlineResume(Resume, frozen=True):
    """
    What a deferral keeps.

    :param note: of the task.
    :param is_waiting: whether everything is sent.
    """

    note: dict[str, Any]
    is_waiting: bool


if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage


class KsefSendInvoicesOperator(BaseOperator):
    """
    Check a few invoices, send them to KSeF one by one in an interactive session, and wait until each is
    judged.

    KSeF takes 30 invoices a minute and 180 an hour this way; many go faster by
    :class:`~airflow_provider_ksef.operators.batch.KsefSubmitBatchOperator`, whose result this operator gives.
    What only interactive sessions take: PEF forms and technical corrections.

    A retry reads what KSeF has of the sessions of earlier tries and sends only what is missing there, in the
    same session while that is open. After the last invoice was sent a retry sends nothing, whatever lies in
    the folder by then.

    A duplicate of the very same bytes counts as accepted: KSeF has that invoice. One of other bytes, or one
    that cannot be compared, stays rejected.

    :param invoices: XML file, glob pattern, folder (its ``*.xml``), or a list of them; strings,
        ``pathlib`` paths or ``ObjectStoragePath``.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param form_code: KSeF's system code of the form: ``FA (2)``, ``FA (3)``, ``FA_RR (1)``, ``PEF (3)`` or
        ``PEF_KOR (3)``.
    :param offline_mode: declares the invoices as issued offline.
    :param hash_of_corrected_invoice: Base64 SHA-256 of the rejected offline invoice that the one file named
        by ``invoices`` corrects technically; needs ``offline_mode``.
    :param offline_conn_id: connection of type ``ksef`` with a KSeF certificate of the type ``Offline``, which
        signs the links of KOD II in the column ``certificate_url`` of ``submissions``.
    :param schema_dir: folder with the official XSD files, in any subfolders; each invoice is held against its
        form's.
    :param allow_self_invoicing: whether a buyer may send invoices in the seller's name (``P_17`` is 1),
        which KSeF takes where the seller has granted it.
    :param on_invalid: what to do where the checks find a file wrong: ``fail`` sends nothing and fails
        the task, ``skip`` sends the others. The report is pushed under the XCom key ``check_report``.
    :param dry_run: only check, and give ``{"dry_run", "valid", "invalid", "digest", "problems",
        "session_count"}``; KSeF is not called, so its default limits hold in place of the company's.
    :param on_rejected: ``fail`` pushes the result under the XCom key ``result`` and fails the task without
        another try; ``warn`` logs the rejections and succeeds.
    :param wait_for_completion: whether to wait until KSeF has judged the invoices.
    :param deferrable: wait in the triggerer and leave the worker slot free, also where KSeF asks to wait for
        more than a minute before it takes the next invoice.
    :param poll_interval: seconds between two questions for the session's status.
    :param timeout: seconds to wait for the sessions after the last was closed.
    :param tables_path: folder of tables, local or on an object store: each file becomes a row of
        ``submissions`` before it goes into a session, completed when KSeF has judged it. A next try, on an
        Airflow without task state too, then finds the sessions in which the same files were sent.
    :param upo_path: folder for KSeF's confirmations of receipt (UPO), of each session and of each invoice:
        ``<upo_path>/<session>/<KSeF number>.xml``.
    :param rejected_path: folder for copies of rejected and of skipped files, with the reasons as JSON beside
        each; another one than the invoices are sent from.
    :param durable: whether a task that is cleared after it has told the outcome gives it again for the same
        files; else it sends them again, and KSeF rejects as duplicates those that it has.
    """

    template_fields: Sequence[str] = (
        "invoices",
        "ksef_conn_id",
        "context_identifier",
        "form_code",
        "hash_of_corrected_invoice",
        "offline_conn_id",
        "schema_dir",
        "tables_path",
        "upo_path",
        "rejected_path",
    )
    operator_extra_links = (
        KsefAppLink(),
        KsefTablesLink(),
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
        offline_conn_id: str | None = None,
        schema_dir: PathSetting = None,
        allow_self_invoicing: bool = False,
        on_invalid: str = "fail",
        dry_run: bool = False,
        on_rejected: str = "fail",
        wait_for_completion: bool = True,
        retries: int = DEFAULT_RETRIES,
        retry_policy: RetryPolicy | None = RETRY_POLICY,
        deferrable: bool = default_deferrable(),
        poll_interval: float = 10.0,
        timeout: float = SESSION_LIFE_SECONDS,
        tables_path: PathSetting = None,
        upo_path: PathSetting = None,
        rejected_path: PathSetting = None,
        durable: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(retries=retries, retry_policy=retry_policy, **kwargs)
        check_sending(on_rejected, on_invalid, poll_interval, timeout)
        if is_given(form_code):
            form_of(form_code, ONLINE_FORMS, "an interactive session")
        self.invoices = invoices
        self.ksef_conn_id = ksef_conn_id
        self.context_identifier = context_identifier
        self.form_code = form_code
        self.offline_mode = offline_mode
        self.hash_of_corrected_invoice = hash_of_corrected_invoice
        self.offline_conn_id = offline_conn_id
        self.schema_dir = schema_dir
        self.allow_self_invoicing = allow_self_invoicing
        self.on_invalid = on_invalid
        self.checks_only = dry_run  # Airflow has a method of that name
        self.on_rejected = on_rejected
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.tables_path = tables_path
        self.upo_path = upo_path
        self.rejected_path = rejected_path
        self.durable = durable
        self.traffic: SentTraffic | None = None

    @property
    def hook(self) -> KsefHook:
        """The hook of this task's connection."""
        return KsefHook(self.ksef_conn_id, self.context_identifier)

    @property
    def declaration(self) -> OnlineDeclaration:
        """What is declared of the invoices."""
        return OnlineDeclaration(self.form_code, self.offline_mode, self.hash_of_corrected_invoice)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """Tell OpenLineage what was read and written; its listener calls this when the task has ended."""
        del task_instance
        return lineage_of(self.traffic)

    def found(self) -> list[InvoicePath]:
        """Find the files that the task names."""
        return find_invoices(named_paths(self.invoices))

    def execute(self, context: Context) -> dict[str, Any]:
        """Check and send the invoices; wait for KSeF's judgement where asked."""
        with self.hook.get_conn() as ksef:
            if self.checks_only:
                return self._check_only(context, ksef)
            return self._send_and_wait(context, ksef, OnlineNotes(context, ksef.settings))

    def execute_complete(self, context: Context, event: Any) -> dict[str, Any]:
        """Take over from the trigger; KSeF is asked once more, so that the event need not be believed."""
        read = read_event(event, OnlineResume, timeout=self.timeout)
        resume = read.resume
        self.log.info("Session %s: woken up with code %s.", read.reference_number, read.code)
        with self.hook.get_conn() as ksef:
            notes = OnlineNotes(context, ksef.settings, resume.note or None)
            known = None if notes.note is None else ("", *notes.note.progress.sessions)
            if (resume.note or resume.is_waiting) and (known is None or read.reference_number not in known):
                raise foreign_event(f"it keeps no session {read.reference_number!r}")
            if notes.note is None or not resume.is_waiting:
                return self._send_and_wait(context, ksef, notes)
            return self._wait(
                context, ksef, notes, notes.note, deadline=resume.deadline, trigger_error=read.error
            )

    def on_kill(self) -> None:
        """End the login session, and the task; the next try goes on where it stands."""
        end_killed_task()

    def _check_only(self, context: Context, ksef: KsefClient) -> dict[str, Any]:
        open_record(self.tables_path, context, ksef.settings, self.offline_conn_id)
        report = check_invoices(self, ksef.settings, self.found(), lambda: DEFAULT_LIMITS)
        self.declaration.check(len(report.files))
        return dry_run_result(context, self, report, -(-len(report.files) // DEFAULT_LIMITS.max_invoices))

    def _send_and_wait(self, context: Context, ksef: KsefClient, notes: OnlineNotes) -> dict[str, Any]:
        with long_waits(self, "", lambda: {"note": notes.as_json(), "is_waiting": False}):
            note = OnlineSending(self, context, ksef, notes).run()
        if not self.wait_for_completion:
            notes.mark_told()
            count = note.progress.invoice_count or 0
            result = batch_result(note.progress.sessions, count, None, None, None)
            self.traffic = sent_traffic(self, ksef.settings, result)
            return result
        return self._wait(context, ksef, notes, note, deadline=time.time() + self.timeout)

    def _wait(
        self,
        context: Context,
        ksef: KsefClient,
        notes: OnlineNotes,
        note: OnlineNote,
        *,
        deadline: float,
        trigger_error: str | None = None,
    ) -> dict[str, Any]:
        """Wait for every session, make the result, and fail where it says so."""
        resume = {"note": notes.as_json(), "is_waiting": True}
        first = next(iter(note.progress.sessions), "")
        with long_waits(self, first, lambda: {**resume, "deadline": deadline}):
            for reference in note.progress.sessions:
                wait_for_session(
                    self,
                    ksef,
                    reference,
                    deadline=deadline,
                    resume=resume,
                    trigger_error=trigger_error,
                )
            result = OnlineJudging(self, context, ksef).result(
                note.progress,
                on_incomplete=lambda: notes.keep(replace(note.progress, invoice_count=None)),
            )
        self.traffic = sent_traffic(self, ksef.settings, result)
        return tell(context, result, on_rejected=self.on_rejected, mark_told=notes.mark_told)
