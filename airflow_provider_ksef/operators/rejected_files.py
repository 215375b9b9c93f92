"""Files that were not accepted: found again by what they hold, kept apart with the reasons beside them."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from upath import UPath

from airflow_provider_ksef.client.checks.report import CheckReport
from airflow_provider_ksef.client.crypto import sha256_base64
from airflow_provider_ksef.client.invoice_files import InvoicePath, identity
from airflow_provider_ksef.client.session_invoices import SessionInvoice
from airflow_provider_ksef.exceptions import KsefInputError

log = logging.getLogger(__name__)


def find_rejected(
    rejected: Sequence[SessionInvoice], find: Callable[[], Sequence[InvoicePath]]
) -> dict[str, InvoicePath]:
    """
    Give the file of each rejected invoice by the invoice's reference number, as far as it is still there.

    Folders change while KSeF works, so a file is told by its hash.

    :param rejected: what KSeF rejected.
    :param find: finds the files that the task names; asked only where something was rejected.
    """
    if not rejected:
        return {}
    by_hash = _by_hash({invoice.invoice_hash for invoice in rejected}, find)
    return {
        invoice.reference_number: _same_name_first(by_hash[invoice.invoice_hash], invoice.file_name)
        for invoice in rejected
        if invoice.invoice_hash in by_hash
    }


def keep_rejected(
    rejected_path: UPath, rejected: Sequence[tuple[str, SessionInvoice]], files: dict[str, InvoicePath]
) -> None:
    """
    Copy rejected files to a folder, KSeF's reasons as JSON beside each.

    :param rejected_path: the folder.
    :param rejected: session and invoice.
    :param files: what :func:`find_rejected` found.
    """
    from airflow_provider_ksef.tables.dead_letters import write_rejected

    kept = 0
    for session, invoice in rejected:
        file = files.get(invoice.reference_number)
        content = None if file is None else file.path.read_bytes()
        if file is None or content is None or sha256_base64(content) != invoice.invoice_hash:
            log.warning(
                "%s is no longer where it was sent from, so it cannot be kept.",
                invoice.file_name or invoice.invoice_number,
            )
            continue
        write_rejected(rejected_path, file.path.name, content, _reasons(session, file, invoice))
        kept += 1
    log.info("%d rejected files are kept in %s.", kept, rejected_path)


def keep_invalid(rejected_path: UPath, report: CheckReport, found: Sequence[InvoicePath]) -> None:
    """
    Copy files that the checks have found wrong to a folder, their problems as JSON beside each.

    :param rejected_path: the folder.
    :param report: of the checks.
    :param found: the files that were checked.
    """
    from airflow_provider_ksef.tables.dead_letters import write_rejected

    problems = defaultdict(list)
    for problem in report.problems:
        problems[problem.file].append(asdict(problem))
    kept = 0
    for file in found:
        if told := problems.get(file.shown):
            try:
                content = file.path.read_bytes()
            except OSError as error:  # which may be what is wrong with it
                log.warning("%s cannot be read, so it cannot be kept: %s", file.shown, error)
                continue
            reasons = {"file": file.shown, "sent": False, "problems": told}
            write_rejected(rejected_path, file.path.name, content, reasons)
            kept += 1
    log.info("%d files that are wrong are kept in %s.", kept, rejected_path)


def refuse_same_folder(rejected_path: UPath, found: Sequence[InvoicePath]) -> None:
    """
    Refuse a folder for rejected files that invoices are sent from, since they would be sent again.

    :raises KsefInputError: names the folder.
    """
    folders = {str(file.path.parent): file.path.parent for file in found}
    if identity(rejected_path) in map(identity, folders.values()):
        raise KsefInputError(
            "rejected_path",
            str(rejected_path),
            "is a folder that invoices are sent from",
            "Give another one, so that a rejected file is not sent again with the next batch.",
        )


def _reasons(session: str, file: InvoicePath, invoice: SessionInvoice) -> dict[str, Any]:
    return {
        "file": file.shown,
        "sent": True,
        "session_reference_number": session,
        "invoice_reference_number": invoice.reference_number,
        "invoice_number": invoice.invoice_number,
        "invoice_hash": invoice.invoice_hash,
        "code": invoice.code,
        "description": invoice.description,
        "details": list(invoice.details),
        "extensions": dict(invoice.extensions),
    }


def _by_hash(wanted: set[str], find: Callable[[], Sequence[InvoicePath]]) -> dict[str, list[InvoicePath]]:
    found: defaultdict[str, list[InvoicePath]] = defaultdict(list)
    try:
        for invoice in find():
            with suppress(FileNotFoundError, PermissionError):  # what is gone does not hide the others
                digest = sha256_base64(invoice.path.read_bytes())
                if digest in wanted:
                    found[digest].append(invoice)
    except Exception as error:  # noqa: BLE001  storage may fail in many ways, but the outcome is known
        log.warning("The files of rejected invoices cannot be found, so names are told: %s", error)
    return dict(found)


def _same_name_first(invoices: Sequence[InvoicePath], file_name: str | None) -> InvoicePath:
    """Two files may hold the same invoice, of which the later one is rejected as a duplicate."""
    return next((each for each in invoices if each.entry_name == file_name), invoices[0])
