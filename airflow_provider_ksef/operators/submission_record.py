"""What an operator that sends keeps in the table ``submissions``, and finds there of an earlier try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from os import PathLike
from typing import TYPE_CHECKING

from upath import UPath

from airflow_provider_ksef._compat import Context, ObjectStoragePath
from airflow_provider_ksef.client import Settings
from airflow_provider_ksef.client.checks.report import CheckedFile
from airflow_provider_ksef.client.duplicates import Duplicate
from airflow_provider_ksef.client.session_invoices import SessionInvoice
from airflow_provider_ksef.client.sessions import SessionStatus
from airflow_provider_ksef.exceptions import Fault
from airflow_provider_ksef.operators.invoice_links import InvoiceLinks
from airflow_provider_ksef.operators.parameters import path_of
from airflow_provider_ksef.operators.submission_answers import ended_answer, invoice_answer

if TYPE_CHECKING:
    from airflow_provider_ksef.tables.submission_facts import FileAnswer, SentFile

LOOK_BACK = timedelta(days=92)
"""How far back sessions of the same files are looked for; KSeF knows older duplicates itself."""
NOT_ACCEPTED = ("rejected", "unprocessed")
"""States of files that may be sent again: KSeF has none of them."""


class SubmissionRecord:
    """
    The rows of one task's submissions. The tables are loaded where they are used: a DAG is parsed without.

    :param tables_path: the folder of tables.
    :param context: Airflow's.
    :param settings: whose invoices they are, and in which environment of KSeF.
    :param links: makes the links of the invoices.
    """

    def __init__(
        self,
        tables_path: UPath,
        context: Context,
        settings: Settings,
        links: InvoiceLinks,
    ) -> None:
        from airflow_provider_ksef.tables.layout import context_name

        self._root = tables_path
        self._task = context["ti"]
        self._settings = settings
        self._links = links
        self._context = context_name(settings.context.type, settings.context.value)

    def sessions(self, digest: str) -> list[tuple[str, int]]:
        """
        Give the sessions in which the same files were sent, the newest first, and how many each holds.

        One of which KSeF accepted nothing is left out: its files may be sent again.

        :param digest: of form, mode and files.
        :raises KsefTableError: where the tables are of another environment.
        """
        from airflow_provider_ksef.tables.environment import check_environment
        from airflow_provider_ksef.tables.submissions import find_submissions

        check_environment(self._root, self._settings.environment.name)
        return [
            (session.session_reference_number, sum(session.states.values()))
            for session in find_submissions(self._root, self._context, digest, since_month=_since_month())
            if not set(session.states) <= set(NOT_ACCEPTED)
        ]

    def unanswered(self) -> list[tuple[str, str, int]]:
        """
        Give the sessions that this task has sent and knows no answer of: reference, digest, files.

        What they hold may lie in the folder in other company by now, so that their digest leads nowhere.

        :raises KsefTableError: where the tables are of another environment.
        """
        from airflow_provider_ksef.tables.environment import check_environment
        from airflow_provider_ksef.tables.submissions import find_unanswered

        check_environment(self._root, self._settings.environment.name)
        ti = self._task
        task = {name: getattr(ti, name) for name in ("dag_id", "run_id", "task_id", "map_index")}
        return [
            (session.session_reference_number, session.digest, sum(session.states.values()))
            for session in find_unanswered(self._root, self._context, task, since_month=_since_month())
        ]

    def hashes(self, reference: str) -> dict[str, str]:
        """
        Give the hashes of a session's files by name; nothing where the table does not know the session.

        :param reference: of the session.
        """
        from airflow_provider_ksef.tables.submissions import read_submission

        rows = read_submission(self._root, self._context, reference)
        if rows is None:
            return {}
        return dict(zip(rows["file_name"].to_pylist(), rows["invoice_hash"].to_pylist(), strict=True))

    def begin(
        self,
        reference: str,
        files: Sequence[CheckedFile],
        hashes: Mapping[str, str],
        *,
        digest: str,
        form_code: str,
        offline_mode: bool,
        hash_of_corrected_invoice: str | None = None,
    ) -> None:
        """
        Note files as sent, before what makes them take effect.

        :param reference: of the session.
        :param files: what is sent.
        :param hashes: Base64 SHA-256 of what is sent, by name within the session.
        :param digest: of form, mode and files.
        :param form_code: such as ``FA (3)``.
        :param offline_mode: whether the invoices are declared as issued offline.
        :param hash_of_corrected_invoice: of a technical correction.
        """
        from airflow_provider_ksef.tables.submission_facts import Submission
        from airflow_provider_ksef.tables.submissions import begin_submission

        ti = self._task
        submission = Submission(
            context=self._context,
            session_reference_number=reference,
            environment=self._settings.environment.name,
            digest=digest,
            form_code=form_code,
            offline_mode=offline_mode,
            sent_at=datetime.now(UTC),
            dag_id=ti.dag_id,
            task_id=ti.task_id,
            run_id=ti.run_id,
            map_index=ti.map_index,
            try_number=getattr(ti, "try_number", None),
        )
        sent = [
            self._sent_file(file, hashes[file.invoice.entry_name], hash_of_corrected_invoice)
            for file in files
        ]
        begin_submission(self._root, submission, sent)

    def complete(
        self,
        reference: str,
        judged: Sequence[SessionInvoice],
        duplicates: Mapping[str, Duplicate],
        upo_paths: Mapping[str, str],
    ) -> None:
        """
        Note what became of the files; what this table does not know is passed over: a session of a task
        that kept no rows, or an invoice that went into it before the task kept them.

        :param reference: of the session.
        :param judged: its invoices.
        :param duplicates: what its duplicates are, by the invoice's reference number.
        :param upo_paths: where the UPO of an accepted invoice lies, by its KSeF number.
        """
        noted = self.hashes(reference)
        hashes = set(noted.values())
        answers = [
            invoice_answer(
                invoice, duplicates.get(invoice.reference_number), upo_paths.get(invoice.ksef_number or "")
            )
            for invoice in judged
            if invoice.file_name in noted or invoice.invoice_hash in hashes
        ]
        self._complete(reference, answers)

    def complete_unjudged(self, status: SessionStatus) -> None:
        """
        Note that a session ended without a look at those of its invoices that have no answer yet.

        :param status: of the session.
        """
        self.complete_unprocessed(status.reference_number, status.code, status.description, status.details)

    def complete_unprocessed(
        self, reference: str, code: int | None, description: str, details: Sequence[str]
    ) -> None:
        """
        Note that no file of a session was looked at, of those that have no answer yet.

        :param reference: of the session.
        :param code: KSeF's.
        :param description: KSeF's text for it.
        :param details: KSeF's reasons.
        """
        from airflow_provider_ksef.tables.submission_facts import UNPROCESSED

        self._complete_all(
            reference, self._sent(reference), ended_answer(UNPROCESSED, code, description, details)
        )

    def note_unknown(self, status: SessionStatus) -> None:
        """
        Note how a session ended of which it is not known what became of those invoices that have no answer:
        they stay as sent, so that no task sends them again.

        :param status: of the session.
        """
        from airflow_provider_ksef.tables.submission_facts import SENT

        reference = status.reference_number
        ended = ended_answer(SENT, status.code, status.description, status.details)
        self._complete_all(reference, self._sent(reference), ended)

    def complete_refused(self, reference: str, invoice_hash: str, fault: Fault) -> None:
        """
        Note that KSeF did not take an invoice in, which may be sent again then.

        :param reference: of the session.
        :param invoice_hash: Base64 SHA-256 of the invoice.
        :param fault: KSeF's reason.
        """
        from airflow_provider_ksef.tables.submission_facts import UNPROCESSED

        names = [name for name, noted in self.hashes(reference).items() if noted == invoice_hash]
        ended = ended_answer(UNPROCESSED, fault.code, fault.description, fault.details)
        self._complete_all(reference, names, ended)

    def _sent(self, reference: str) -> list[str]:
        """Give the names of a session's files that have no answer yet."""
        from airflow_provider_ksef.tables.submission_facts import SENT
        from airflow_provider_ksef.tables.submissions import read_submission

        rows = read_submission(self._root, self._context, reference)
        return [] if rows is None else [row["file_name"] for row in rows.to_pylist() if row["state"] == SENT]

    def _complete_all(self, reference: str, names: Sequence[str], answer: FileAnswer) -> None:
        self._complete(reference, [replace(answer, file_name=name) for name in names])

    def _sent_file(self, file: CheckedFile, invoice_hash: str, corrected: str | None) -> SentFile:
        from airflow_provider_ksef.tables.submission_facts import SentFile

        facts, issued = file.facts, _date_of(file.facts.issue_date)
        return SentFile(
            file.invoice.shown,
            file.invoice.entry_name,
            file.size,
            invoice_hash,
            invoice_number=facts.number,
            seller_nip=facts.seller_nip,
            invoice_type=facts.invoice_type,
            issue_date=issued,
            hash_of_corrected_invoice=corrected,
            verification_url=self._links.verification_url(facts.seller_nip, issued, invoice_hash),
            certificate_url=self._links.certificate_url(facts.seller_nip, invoice_hash),
        )

    def _complete(self, reference: str, answers: Sequence[FileAnswer]) -> None:
        from airflow_provider_ksef.tables.submissions import complete_submission

        if answers:
            complete_submission(self._root, self._context, reference, answers)


def open_record(
    tables_path: str | PathLike[str] | ObjectStoragePath | None,
    context: Context,
    settings: Settings,
    offline_conn_id: str | None = None,
) -> SubmissionRecord | None:
    """
    Give the record of a task; None where it keeps none.

    :param tables_path: the operator's parameter.
    :param context: Airflow's.
    :param settings: the client's.
    :param offline_conn_id: the connection that holds the certificate for links of KOD II.
    :raises KsefInputError: where that certificate cannot sign links.
    """
    if tables_path is None:
        return None
    links = InvoiceLinks(settings, offline_conn_id)
    return SubmissionRecord(path_of("tables_path", tables_path), context, settings, links)


def _since_month() -> str:
    """Look back a quarter: a session is a file, and older ones are many."""
    return f"{datetime.now(UTC) - LOOK_BACK:%Y-%m}"


def _date_of(text: str | None) -> date | None:
    with suppress(ValueError):
        return date.fromisoformat((text or "")[:10])
    return None
