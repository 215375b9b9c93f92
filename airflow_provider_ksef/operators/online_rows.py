"""Rows of invoices that are sent one by one: each is there before its invoice goes into a session."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

from airflow_provider_ksef.client.checks.report import CheckedFile
from airflow_provider_ksef.client.crypto import hex_to_base64
from airflow_provider_ksef.client.online_declaration import OnlineDeclaration
from airflow_provider_ksef.exceptions import Fault
from airflow_provider_ksef.operators.submission_record import SubmissionRecord

_HASH_DIGITS = 12


class OnlineRows:
    """
    The rows of one submission.

    :param record: the table.
    :param declaration: of the invoices.
    :param digest: of everything that is sent together.
    """

    def __init__(self, record: SubmissionRecord, declaration: OnlineDeclaration, digest: str) -> None:
        self._record = record
        self._declaration = declaration
        self._digest = digest
        self._names: dict[str, dict[str, str]] = {}

    def sending(self, reference: str, file: CheckedFile) -> None:
        """
        Note a file as sent.

        :param reference: of the session.
        :param file: what goes into it.
        """
        invoice_hash = hex_to_base64(file.sha256)
        name = self._name(reference, file, invoice_hash)
        self._record.begin(
            reference,
            [replace(file, invoice=replace(file.invoice, entry_name=name))],
            {name: invoice_hash},
            digest=self._digest,
            form_code=self._declaration.form_code,
            offline_mode=self._declaration.offline_mode,
            hash_of_corrected_invoice=self._declaration.hash_of_corrected_invoice,
        )

    def refused(self, reference: str, file: CheckedFile, fault: Fault) -> None:
        """
        Note that KSeF did not take it in.

        :param reference: of the session.
        :param file: what was to go into it.
        :param fault: KSeF's reason.
        """
        self._record.complete_refused(reference, hex_to_base64(file.sha256), fault)

    def _name(self, reference: str, file: CheckedFile, invoice_hash: str) -> str:
        """
        Give a name that no other content has in the session: KSeF knows of no names there, and folders change
        between two tries.
        """
        if reference not in self._names:
            self._names[reference] = self._record.hashes(reference)
        names, name = self._names[reference], file.invoice.entry_name
        if names.setdefault(name, invoice_hash) == invoice_hash:
            return name
        path = PurePosixPath(name)
        return f"{path.stem}-{file.sha256[:_HASH_DIGITS]}{path.suffix}"
