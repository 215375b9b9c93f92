"""UPO, KSeF's confirmations of receipt: of one invoice, or of a session page by page."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from airflow_provider_ksef.client.calls import Answer, Call
from airflow_provider_ksef.client.identifiers import check_ksef_number, check_reference_number
from airflow_provider_ksef.client.invoices import HASH_HEADER, verified_bytes

log = logging.getLogger(__name__)


def of_invoice(reference_number: str, invoice_reference_number: str) -> Call[bytes]:
    """
    Read an accepted invoice's UPO (``GET /sessions/{ref}/invoices/{invoiceReferenceNumber}/upo``).

    :param reference_number: of the session.
    :param invoice_reference_number: of the invoice.
    :returns: the XML, byte by byte as KSeF gave it, for its seal covers them.
    :raises KsefApiError: 21178 where there is no UPO.
    :raises KsefIntegrityError: where bytes and hash differ.
    """
    invoice = check_reference_number(invoice_reference_number, "invoice_reference_number")
    return _call(f"{_path(reference_number)}/invoices/{invoice}/upo")


def of_ksef_number(reference_number: str, ksef_number: str) -> Call[bytes]:
    """
    Read an accepted invoice's UPO (``GET /sessions/{ref}/invoices/ksef/{ksefNumber}/upo``).

    :param reference_number: of the session.
    :param ksef_number: of the invoice.
    """
    return _call(f"{_path(reference_number)}/invoices/ksef/{check_ksef_number(ksef_number)}/upo")


def of_session(reference_number: str, upo_reference_number: str) -> Call[bytes]:
    """
    Read one page of a session's UPO (``GET /sessions/{ref}/upo/{upoReferenceNumber}``).

    :param reference_number: of the session.
    :param upo_reference_number: of the page, from the session's status.
    """
    page = check_reference_number(upo_reference_number, "upo_reference_number")
    return _call(f"{_path(reference_number)}/upo/{page}")


def download(link: str) -> Call[bytes]:
    """
    Read a UPO by its pre-signed link; no access token goes with it, and no rate limit counts it.

    :param link: ``download_url`` of a session's page, or ``upo_download_url`` of an invoice.
    :raises KsefIntegrityError: where it leads elsewhere than to KSeF, or bytes and hash differ.
    :raises KsefApiError: where it has expired (403): read the status again for a new one.
    """
    return Call("GET", urlsplit(link).path, _read, needs_login=False, is_safe=True, link=link)


def _path(reference_number: str) -> str:
    return f"/sessions/{check_reference_number(reference_number, 'session_reference_number')}"


def _call(path: str) -> Call[bytes]:
    return Call("GET", path, _read, is_safe=True)


def _read(answer: Answer) -> bytes:
    if HASH_HEADER not in answer.headers:
        log.warning("KSeF gave no hash with %s, so its bytes are not verified.", answer.path)
        return answer.content
    return verified_bytes(answer)
