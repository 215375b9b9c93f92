"""From checked files to a closed batch session."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from airflow_provider_ksef.client import batch
from airflow_provider_ksef.client.client import KsefClient
from airflow_provider_ksef.client.crypto import new_salt
from airflow_provider_ksef.client.derived_keys import derived_key
from airflow_provider_ksef.client.packing import InvoiceFile, PackedBatch, pack_batch

log = logging.getLogger(__name__)
PURPOSE = "batch"


def send_batch(
    ksef: KsefClient,
    files: Sequence[InvoiceFile],
    *,
    form_code: str,
    offline_mode: bool,
    compression: str,
    on_opened: Callable[[str], None],
    on_uploaded: Callable[[str, PackedBatch], None],
) -> str:
    """
    Pack, encrypt, upload and close; KSeF begins to judge the invoices after that.

    :param ksef: the client.
    :param files: the invoices.
    :param form_code: KSeF's system code of the form, such as ``FA (3)``.
    :param offline_mode: declares the invoices as issued offline.
    :param compression: ``zip`` or ``tar.gz``.
    :param on_opened: is told the session's reference number before anything is uploaded.
    :param on_uploaded: is told the session and the package when every part is there, before the close.
    :returns: the session's reference number.
    :raises KsefInputError: where a batch cannot hold the form.
    """
    batch.form_of_batch(form_code)
    key = derived_key(ksef.settings, new_salt(), purpose=PURPOSE).session_key
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ksef-batch-") as folder:
        package = pack_batch(files, key, Path(folder), compression=compression)
        log.info(
            "Packed %d invoices into %d bytes in %d parts.", len(files), package.size, len(package.parts)
        )
        opened = ksef.run(batch.open_session(form_code, package, key, offline_mode=offline_mode))
        log.info("Opened batch session %s.", opened.reference_number)
        on_opened(opened.reference_number)
        ksef.upload_parts(opened.uploads, package.parts)
    on_uploaded(opened.reference_number, package)
    ksef.run(batch.close_session(opened.reference_number))
    log.info(
        "Closed batch session %s, %.1f s after packing began.",
        opened.reference_number,
        time.monotonic() - started,
    )
    return opened.reference_number
