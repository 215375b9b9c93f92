"""From checked files to a batch session with all its parts, which takes effect when it is closed."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_ksef.client import batch
from airflow_provider_ksef.client.client import KsefClient
from airflow_provider_ksef.client.crypto import DerivedKey
from airflow_provider_ksef.client.packing import InvoiceFile, PackedBatch, pack_batch

log = logging.getLogger(__name__)
PURPOSE = "batch"


@dataclass(frozen=True)
class BatchDeclaration:
    """
    What is declared of a batch.

    :param form_code: KSeF's system code of the form, such as ``FA (3)``.
    :param offline_mode: whether the invoices were issued offline.
    :param compression: of the package, ``zip`` or ``tar.gz``.
    """

    form_code: str
    offline_mode: bool = False
    compression: str = "zip"

    def digest(self, files_digest: str) -> str:
        """
        Tell what is sent from anything else: which form, which mode, which files.

        :param files_digest: of names and contents.
        """
        parts = (self.form_code, str(self.offline_mode), files_digest)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@contextmanager
def packed(
    files: Sequence[InvoiceFile], key: DerivedKey, declaration: BatchDeclaration, max_invoices: int
) -> Iterator[PackedBatch]:
    """
    Pack and encrypt invoices into a temporary folder, which is removed at the end.

    :param files: the invoices.
    :param key: the parts are encrypted with it.
    :param declaration: says how they are compressed.
    :param max_invoices: that KSeF takes of the company in one session.
    :raises KsefInputError: where a batch cannot hold the form, or KSeF would not take the package.
    """
    batch.form_of_batch(declaration.form_code)
    with tempfile.TemporaryDirectory(prefix="ksef-batch-") as folder:
        package = pack_batch(
            files,
            key.session_key,
            Path(folder),
            compression=declaration.compression,
            max_invoices=max_invoices,
        )
        log.info(
            "Packed %d invoices into %d bytes in %d parts.", len(files), package.size, len(package.parts)
        )
        yield package


def open_and_upload(
    ksef: KsefClient,
    package: PackedBatch,
    key: DerivedKey,
    declaration: BatchDeclaration,
    *,
    on_opened: Callable[[str], None],
) -> str:
    """
    Open a session and upload its parts. Until it is closed it has no effect.

    :param ksef: the client.
    :param package: the invoices.
    :param key: that the package is encrypted with.
    :param declaration: of the invoices.
    :param on_opened: is told the session's reference number before anything is uploaded.
    :returns: the session's reference number.
    """
    opened = ksef.run(
        batch.open_session(
            declaration.form_code, package, key.session_key, offline_mode=declaration.offline_mode
        )
    )
    log.info("Opened batch session %s.", opened.reference_number)
    on_opened(opened.reference_number)
    ksef.upload_parts(opened.uploads, package.parts)
    return opened.reference_number
