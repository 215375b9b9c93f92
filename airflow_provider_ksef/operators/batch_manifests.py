"""Manifests of what a task submits, beside the tables: a next try knows by them what an earlier one did."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from upath import UPath

from airflow_provider_ksef._compat import Context
from airflow_provider_ksef.client import Settings
from airflow_provider_ksef.client.checks.report import CheckedFile
from airflow_provider_ksef.client.packing import PackedBatch
from airflow_provider_ksef.client.submission import BatchDeclaration
from airflow_provider_ksef.operators.parameters import task_owner
from airflow_provider_ksef.operators.submission_note import SessionNote

if TYPE_CHECKING:
    from airflow_provider_ksef.tables.manifest import Manifest, ManifestFile


def manifest_digest(files_digest: str, package: PackedBatch) -> str:
    """
    Tell what was packed from anything else: the files, and the encrypted parts that they became.

    :param files_digest: of form, mode and files.
    :param package: what they were packed to.
    """
    parts = (f"{part.size} {part.hash}" for part in package.parts)
    return hashlib.sha256("\n".join((files_digest, *parts)).encode()).hexdigest()


class BatchManifests:
    """
    The manifests of one task. Each is changed only where nobody else has changed it meanwhile, so that of two
    tasks that send the same files at once one stops before it closes its session.

    :param tables_path: the folder of tables.
    :param context: Airflow's.
    :param settings: whose invoices they are, and in which environment of KSeF.
    """

    def __init__(self, tables_path: UPath, context: Context, settings: Settings) -> None:
        from airflow_provider_ksef.tables.layout import context_name

        self._root = tables_path
        self._owner = task_owner(context)
        self._environment = settings.environment.name
        self._context = context_name(settings.context.type, settings.context.value)
        self._seen: dict[str, Manifest | None] = {}

    def earlier(self, digest: str) -> SessionNote | None:
        """
        Give the session that was opened for the same files, as far as it came.

        :param digest: of form, mode and files.
        """
        from airflow_provider_ksef.tables.manifest import UPLOADED, read_manifest

        seen = read_manifest(self._root, self._context, digest, self._environment)
        self._seen[digest] = seen
        if seen is None or seen.session_reference_number is None:
            return None
        return SessionNote(
            seen.session_reference_number,
            digest,
            len(seen.files),
            salt=seen.salt,
            check_value=seen.check_value,
            manifest_digest=seen.manifest_digest,
            is_uploaded=seen.state == UPLOADED,
        )

    def mark_packed(
        self,
        note: SessionNote,
        files: Sequence[CheckedFile],
        package: PackedBatch,
        declaration: BatchDeclaration,
    ) -> None:
        """
        Write down what was packed, before a session is opened for it.

        :param note: what will be noted of the session.
        :param files: the invoices.
        :param package: what they became.
        :param declaration: of the invoices.
        :raises KsefLeaseError: where another task sends the same files.
        """
        from airflow_provider_ksef.tables.manifest import Manifest, ManifestPart

        manifest = Manifest(
            digest=note.digest,
            manifest_digest=note.manifest_digest,
            environment=self._environment,
            form_code=declaration.form_code,
            offline_mode=declaration.offline_mode,
            salt=note.salt,
            check_value=note.check_value,
            files=tuple(_manifest_file(each, package) for each in files),
            compression=package.compression,
            package_size=package.size,
            package_hash=package.hash,
            parts=tuple(ManifestPart(part.size, part.hash) for part in package.parts),
        )
        self._write(manifest)

    def mark_opened(self, note: SessionNote) -> None:
        """Write down the session, before anything is uploaded to it."""
        from airflow_provider_ksef.tables.manifest import OPENED

        self._advance(note, OPENED)

    def mark_uploaded(self, note: SessionNote) -> None:
        """Write down that the session lacks nothing but its close."""
        from airflow_provider_ksef.tables.manifest import UPLOADED

        self._advance(note, UPLOADED)

    def remove(self, digest: str) -> None:
        """Forget what was sent, once the answers are in the table."""
        from airflow_provider_ksef.tables.manifest import remove_manifest

        remove_manifest(self._root, self._context, digest)

    def _advance(self, note: SessionNote, state: str) -> None:
        if seen := self._seen.get(note.digest):
            self._write(replace(seen, session_reference_number=note.session_reference_number, state=state))

    def _write(self, manifest: Manifest) -> None:
        from airflow_provider_ksef.tables.manifest import write_manifest

        stamped = replace(manifest, updated_at=datetime.now(UTC).isoformat(), owner=self._owner)
        write_manifest(self._root, self._context, stamped, self._seen.get(manifest.digest))
        self._seen[manifest.digest] = stamped


def _manifest_file(file: CheckedFile, package: PackedBatch) -> ManifestFile:
    from airflow_provider_ksef.tables.manifest import ManifestFile

    name = file.invoice.entry_name
    return ManifestFile(file.invoice.shown, name, file.size, package.invoice_hashes[name])
