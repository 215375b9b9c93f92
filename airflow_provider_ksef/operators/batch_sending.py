"""Sending the files of a task in as many batch sessions as they need, each session once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from airflow_provider_ksef.client import KsefClient, batch
from airflow_provider_ksef.client.checks.report import CheckedFile, digest_of
from airflow_provider_ksef.client.crypto import DerivedKey, hex_to_base64, new_salt
from airflow_provider_ksef.client.derived_keys import derived_key
from airflow_provider_ksef.client.dividing import divide_batches
from airflow_provider_ksef.client.invoice_reading import changed_invoice
from airflow_provider_ksef.client.packing import PackedBatch
from airflow_provider_ksef.client.submission import PURPOSE, BatchDeclaration, open_and_upload, packed
from airflow_provider_ksef.exceptions import KsefApiError
from airflow_provider_ksef.operators.batch_manifests import BatchManifests, manifest_digest
from airflow_provider_ksef.operators.submission_note import SessionNote, SubmissionNotes
from airflow_provider_ksef.operators.submission_record import SubmissionRecord
from airflow_provider_ksef.operators.submission_resuming import CANNOT_BE_CLOSED

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Batch:
    """
    What goes into one session.

    :param digest: of form, mode and files.
    :param files: the invoices.
    """

    digest: str
    files: tuple[CheckedFile, ...]


def batches_of(files: Sequence[CheckedFile], declaration: BatchDeclaration, max_invoices: int) -> list[Batch]:
    """
    Divide invoices into batches that one session takes; the same files are divided the same way, as long as
    the limit is the same.

    :param files: any number of invoices.
    :param declaration: of the invoices.
    :param max_invoices: that KSeF takes of the company in one session.
    """
    batches, start = [], 0
    for group in divide_batches([file.to_pack for file in files], max_invoices):
        part = tuple(files[start : start + len(group)])
        batches.append(Batch(declaration.digest(digest_of(part)), part))
        start += len(group)
    return batches


class BatchSender:
    """
    Sends batches, and notes each step before the next one.

    :param ksef: the client.
    :param declaration: of the invoices.
    :param notes: of the task.
    :param record: the rows, where the task keeps them.
    :param manifests: beside the rows.
    :param max_invoices: that KSeF takes of the company in one session.
    """

    def __init__(
        self,
        ksef: KsefClient,
        declaration: BatchDeclaration,
        notes: SubmissionNotes,
        record: SubmissionRecord | None,
        manifests: BatchManifests | None,
        *,
        max_invoices: int,
    ) -> None:
        self._ksef = ksef
        self._declaration = declaration
        self._notes = notes
        self._record = record
        self._manifests = manifests
        self._max_invoices = max_invoices

    def send(self, batch_: Batch, unclosed: SessionNote | None) -> None:
        """
        Send a batch in a session of its own, and close it.

        :param batch_: the invoices.
        :param unclosed: a session that was opened for the same files and may have all parts: it is closed
            where it certainly holds what is packed now, and left alone otherwise, which gives it no effect.
        :raises KsefIntegrityError: where a file changed since it was checked.
        """
        salt, key = self._key(unclosed)
        files = [file.to_pack for file in batch_.files]
        with packed(files, key, self._declaration, self._max_invoices) as package:
            _check_unchanged(batch_.files, package)
            note = SessionNote(
                "",
                batch_.digest,
                len(batch_.files),
                salt=salt.hex(),
                check_value=key.check_value,
                manifest_digest=manifest_digest(batch_.digest, package),
            )
            if unclosed and unclosed.manifest_digest == note.manifest_digest:
                if self._closes(batch_, package, unclosed):
                    return
            elif unclosed:
                self.leave_alone(unclosed)
            self._send_anew(batch_, package, key, note)

    def _send_anew(self, batch_: Batch, package: PackedBatch, key: DerivedKey, note: SessionNote) -> None:
        if self._manifests:
            self._manifests.mark_packed(note, batch_.files, package, self._declaration)

        def opened(reference: str) -> None:
            known = replace(note, session_reference_number=reference)
            self._notes.keep(known)
            if self._manifests:
                self._manifests.mark_opened(known)

        reference = open_and_upload(self._ksef, package, key, self._declaration, on_opened=opened)
        self._uploaded(batch_, package, replace(note, session_reference_number=reference))
        self._ksef.run(batch.close_session(reference))
        log.info("Closed batch session %s with %d invoices.", reference, note.invoice_count)

    def _closes(self, batch_: Batch, package: PackedBatch, unclosed: SessionNote) -> bool:
        """Close a session of an earlier try that may have all its parts; say whether it had."""
        reference = unclosed.session_reference_number
        self._begin_rows(batch_, package, reference)
        try:
            self._ksef.run(batch.close_session(reference))
        except KsefApiError as error:
            if error.fault.code not in CANNOT_BE_CLOSED:
                raise
            log.info("Session %s of an earlier try is not whole: %s", reference, error)
            if self._record:
                fault = error.fault
                self._record.complete_unprocessed(reference, fault.code, fault.description, fault.details)
            return False
        log.info("Session %s of an earlier try had all its parts and is closed.", reference)
        self._notes.keep(replace(unclosed, is_uploaded=True))
        return True

    def leave_alone(self, unclosed: SessionNote) -> None:
        """
        Say that a session of an earlier try has no effect.

        :param unclosed: holds other files than are sent now, or other parts.
        """
        reference = unclosed.session_reference_number
        log.info("Session %s of an earlier try holds other files or parts: it is left alone.", reference)
        if self._record:
            self._record.complete_unprocessed(reference, None, "The session was never closed.", ())

    def _uploaded(self, batch_: Batch, package: PackedBatch, note: SessionNote) -> None:
        self._begin_rows(batch_, package, note.session_reference_number)
        known = replace(note, is_uploaded=True)
        if self._manifests:
            self._manifests.mark_uploaded(known)
        self._notes.keep(known)

    def _begin_rows(self, batch_: Batch, package: PackedBatch, reference: str) -> None:
        if self._record:
            self._record.begin(
                reference,
                batch_.files,
                package.invoice_hashes,
                digest=batch_.digest,
                form_code=self._declaration.form_code,
                offline_mode=self._declaration.offline_mode,
            )

    def _key(self, unclosed: SessionNote | None) -> tuple[bytes, DerivedKey]:
        """Derive the earlier session's key again, so that the parts can be told to be the same."""
        settings = self._ksef.settings
        if unclosed and unclosed.salt:
            salt = bytes.fromhex(unclosed.salt)
            key = derived_key(settings, salt, purpose=PURPOSE)
            if key.check_value == unclosed.check_value:
                return salt, key
            log.warning("The connection's secret was changed since the earlier try.")
        salt = new_salt()
        return salt, derived_key(settings, salt, purpose=PURPOSE)


def _check_unchanged(files: Sequence[CheckedFile], package: PackedBatch) -> None:
    for file in files:
        if package.invoice_hashes[file.invoice.entry_name] != hex_to_base64(file.sha256):
            raise changed_invoice(file.invoice.shown)
