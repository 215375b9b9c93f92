"""What an operator that sends keeps in the table ``submissions``, and finds there of an earlier try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from upath import UPath

from airflow_provider_ksef._compat import Context
from airflow_provider_ksef.client import Settings
from airflow_provider_ksef.client.duplicates import Duplicate
from airflow_provider_ksef.client.invoice_files import InvoicePath
from airflow_provider_ksef.client.sessions import SessionInvoice, SessionStatus

if TYPE_CHECKING:
    from airflow_provider_ksef.tables.submission_facts import FileAnswer


class SubmissionRecord:
    """
    The rows of one task's submissions. The tables are loaded where they are used: a DAG is parsed without.

    :param tables_path: the folder of tables.
    :param context: Airflow's.
    :param settings: whose invoices they are, and in which environment of KSeF.
    """

    def __init__(self, tables_path: UPath, context: Context, settings: Settings) -> None:
        from airflow_provider_ksef.tables.layout import context_name

        self._root = tables_path
        self._task = context["ti"]
        self._environment = settings.environment.name
        self._context = context_name(settings.context.type, settings.context.value)

    def sessions(self, digest: str) -> list[tuple[str, int]]:
        """
        Give the sessions in which the same files were sent, the newest first, and how many each holds.

        :param digest: of form, mode and files.
        :raises KsefTableError: where the tables are of another environment.
        """
        from airflow_provider_ksef.tables.environment import check_environment
        from airflow_provider_ksef.tables.submissions import find_submissions

        check_environment(self._root, self._environment)
        found = find_submissions(self._root, self._context, digest)
        return [(session.session_reference_number, sum(session.states.values())) for session in found]

    def begin(
        self,
        reference: str,
        invoices: Sequence[InvoicePath],
        hashes: Mapping[str, str],
        *,
        sizes: Mapping[str, int],
        digest: str,
        form_code: str,
        offline_mode: bool,
    ) -> None:
        """
        Note the files as sent, before the close that makes the session take effect.

        :param reference: of the session.
        :param invoices: the files.
        :param hashes: Base64 SHA-256 of what was packed, by name within the package.
        :param sizes: bytes, by name within the package.
        :param digest: of form, mode and files.
        :param form_code: such as ``FA (3)``.
        :param offline_mode: whether the invoices are declared as issued offline.
        """
        from airflow_provider_ksef.tables.submission_facts import SentFile, Submission
        from airflow_provider_ksef.tables.submissions import begin_submission

        ti = self._task
        submission = Submission(
            context=self._context,
            session_reference_number=reference,
            environment=self._environment,
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
        files = [
            SentFile(each.shown, each.entry_name, sizes[each.entry_name], hashes[each.entry_name])
            for each in invoices
        ]
        begin_submission(self._root, submission, files)

    def complete(
        self, reference: str, judged: Sequence[SessionInvoice], duplicates: Mapping[str, Duplicate]
    ) -> None:
        """
        Note what became of the files; a session that this table does not know is passed over.

        :param reference: of the session.
        :param judged: all its invoices.
        :param duplicates: what its duplicates are, by the invoice's reference number.
        """
        self._complete(reference, [_answer(each, duplicates.get(each.reference_number)) for each in judged])

    def complete_unjudged(self, status: SessionStatus) -> None:
        """
        Note that a session ended without a look at its invoices.

        :param status: of the session.
        """
        from airflow_provider_ksef.tables.submission_facts import UNPROCESSED, FileAnswer
        from airflow_provider_ksef.tables.submissions import read_submission

        rows = read_submission(self._root, self._context, status.reference_number)
        said = partial(
            FileAnswer,
            UNPROCESSED,
            status_code=status.code,
            status_description=status.description,
            status_details=status.details,
        )
        names = [] if rows is None else rows["file_name"].to_pylist()
        self._complete(status.reference_number, [said(file_name=name) for name in names])

    def _complete(self, reference: str, answers: Sequence[FileAnswer]) -> None:
        from airflow_provider_ksef.tables.submissions import complete_submission, read_submission

        if read_submission(self._root, self._context, reference) is not None:
            complete_submission(self._root, self._context, reference, answers)


def _answer(invoice: SessionInvoice, duplicate: Duplicate | None) -> FileAnswer:
    from airflow_provider_ksef.tables.submission_facts import FileAnswer, state_of_code

    original = duplicate.original if duplicate else None
    return FileAnswer(
        state=duplicate.verdict if duplicate else state_of_code(invoice.code),
        file_name=invoice.file_name,
        invoice_hash=invoice.invoice_hash,
        status_code=invoice.code,
        status_description=invoice.description,
        status_details=invoice.details,
        ordinal_number=invoice.ordinal_number,
        invoice_reference_number=invoice.reference_number,
        invoice_number=invoice.invoice_number,
        ksef_number=invoice.ksef_number,
        original_ksef_number=original.ksef_number if original else None,
        original_session_reference_number=original.session_reference_number if original else None,
        invoicing_date=invoice.invoicing_date,
        acquisition_date=invoice.acquisition_date,
        permanent_storage_date=invoice.permanent_storage_date,
        invoicing_mode=invoice.invoicing_mode,
    )
