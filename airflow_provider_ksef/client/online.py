"""Interactive sessions: opened, filled invoice by invoice, closed (KSeF docs: sesja-interaktywna)."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from airflow_provider_ksef.client import sessions
from airflow_provider_ksef.client.answers import json_parser
from airflow_provider_ksef.client.calls import Call, Flow, Pause
from airflow_provider_ksef.client.closing import close
from airflow_provider_ksef.client.crypto import SessionKey, base64_text, encrypt_stream, sha256_base64
from airflow_provider_ksef.client.forms import ONLINE_FORMS, form_of
from airflow_provider_ksef.client.identifiers import check_reference_number
from airflow_provider_ksef.client.invoice_reading import read_invoice
from airflow_provider_ksef.client.keys import PublicKey
from airflow_provider_ksef.client.packing import InvoiceFile
from airflow_provider_ksef.client.security import encryption_info, with_current_key
from airflow_provider_ksef.client.session_invoices import SessionInvoice
from airflow_provider_ksef.exceptions import (
    KsefInputError,
    KsefTimeoutError,
    KsefTransportError,
    KsefUnavailableError,
)

log = logging.getLogger(__name__)

PATIENCE = 300.0
"""Seconds within which KSeF has to judge an invoice."""
SEND_PAUSES = (1.0, 3.0, 10.0)
"""Seconds after which an invoice is looked for whose sending had no clear answer."""
_FIRST_PAUSE, _PAUSE_GROWTH, _LONGEST_PAUSE = 0.5, 1.6, 5.0
_HASH_LENGTH = 44


@dataclass(frozen=True)
class OpenedOnline:
    """
    An interactive session that waits for invoices.

    :param reference_number: of the session.
    :param valid_until: when KSeF closes it by itself, as KSeF writes it.
    """

    reference_number: str
    valid_until: str


@dataclass(frozen=True)
class SentInvoice:
    """
    An invoice that KSeF has taken in and not judged yet.

    :param name: the file's name.
    :param invoice_hash: Base64 SHA-256 of its XML.
    :param reference_number: of the invoice within KSeF.
    """

    name: str
    invoice_hash: str
    reference_number: str


@dataclass(frozen=True)
class SentSession:
    """
    A closed interactive session.

    :param reference_number: of the session.
    :param invoices: in the order in which they were sent.
    """

    reference_number: str
    invoices: tuple[SentInvoice, ...]


class _Opened(msgspec.Struct, rename="camel"):
    reference_number: str
    valid_until: str = ""


class _Sent(msgspec.Struct, rename="camel"):
    reference_number: str


def open_session(form_code: str, key: SessionKey) -> Flow[OpenedOnline]:
    """
    Open an interactive session (``POST /sessions/online``).

    :param form_code: system code of the invoices' form, such as ``FA (3)``.
    :param key: the key that the invoices are encrypted with.
    :raises KsefInputError: where the form is unknown, before anything is sent.
    """
    form = form_of(form_code, ONLINE_FORMS, "an interactive session")

    def make_call(public_key: PublicKey) -> Call[OpenedOnline]:
        body = {"formCode": form, "encryption": encryption_info(key, public_key)}
        # Safe: a session that is opened twice and filled once has one effect.
        return Call("POST", "/sessions/online", _parse_opened, body=body, is_safe=True)

    return with_current_key("SymmetricKeyEncryption", make_call)


def send_invoice(
    reference_number: str,
    xml: bytes,
    key: SessionKey,
    *,
    offline_mode: bool = False,
    hash_of_corrected_invoice: str | None = None,
) -> Flow[str]:
    """
    Send one invoice (``POST /sessions/online/{referenceNumber}/invoices``).

    A sending without a clear answer may have worked: the session's invoices are read, and the invoice is sent
    again where it is not among them.

    :param reference_number: of the session.
    :param xml: the invoice, byte by byte as it is to be kept.
    :param key: the key that the session was opened with.
    :param offline_mode: declares it as issued offline.
    :param hash_of_corrected_invoice: Base64 SHA-256 of the rejected offline invoice that this one corrects
        technically; needs ``offline_mode``.
    :returns: the invoice's reference number.
    :raises KsefInputError: where a parameter is wrong, before anything is sent.
    :raises KsefApiError: where KSeF refuses, for instance because the session is closed (21180).
    """
    check_reference_number(reference_number, "session_reference_number")
    check_correction(offline_mode, hash_of_corrected_invoice)
    if not xml:
        raise KsefInputError("xml", xml, "is empty", "Give the invoice's XML.")
    body = {**_encrypted(xml, key), "offlineMode": offline_mode}
    if hash_of_corrected_invoice is not None:
        body["hashOfCorrectedInvoice"] = hash_of_corrected_invoice
    call = Call("POST", f"/sessions/online/{reference_number}/invoices", _parse_sent, body=body)
    return _send_once(call, reference_number, sha256_base64(xml))


def close_session(reference_number: str) -> Flow[None]:
    """
    Close an interactive session, so that its UPO is made (``POST /sessions/online/{referenceNumber}/close``).

    :param reference_number: of the session.
    """
    return close("online", reference_number)


def wait_for_invoice(
    reference_number: str, invoice_reference_number: str, *, patience: float = PATIENCE
) -> Flow[SessionInvoice]:
    """
    Read an invoice's status until KSeF has judged it.

    :param reference_number: of the session.
    :param invoice_reference_number: of the invoice.
    :param patience: seconds to wait at most.
    :raises KsefTimeoutError: where KSeF takes longer.
    """
    call = sessions.get_invoice(reference_number, invoice_reference_number)
    pause, waited = _FIRST_PAUSE, 0.0
    while not (invoice := (yield from call)).is_final:
        if waited >= patience:
            raise KsefTimeoutError(
                f"Invoice {invoice_reference_number} is not judged after {waited:.0f} s.",
                "It is sent and will be judged: read its status again later.",
            )
        yield from Pause(pause)
        waited += pause
        pause = min(pause * _PAUSE_GROWTH, _LONGEST_PAUSE)
    return invoice


def send_all(
    form_code: str,
    files: Iterable[InvoiceFile],
    key: SessionKey,
    *,
    offline_mode: bool = False,
    on_opened: Callable[[str], None] | None = None,
    on_sent: Callable[[SentInvoice], None] | None = None,
) -> Flow[SentSession]:
    """
    Open an interactive session, send several invoices, one in memory at a time, and close it.

    After an error the session stays open with the invoices that were sent, which KSeF judges nevertheless;
    go on with :func:`send_invoice`, or close it.

    :param form_code: system code of the invoices' form.
    :param files: the invoices.
    :param key: the session's key.
    :param offline_mode: declares the invoices as issued offline.
    :param on_opened: is told the session's reference number before anything is sent.
    :param on_sent: is told each invoice that KSeF has taken in.
    """
    opened = yield from open_session(form_code, key)
    reference = opened.reference_number
    log.info("Opened interactive session %s.", reference)
    if on_opened is not None:
        on_opened(reference)
    sent: list[SentInvoice] = []
    for file in files:
        xml = read_invoice(file)
        number = yield from send_invoice(reference, xml, key, offline_mode=offline_mode)
        sent.append(SentInvoice(file.name, sha256_base64(xml), number))
        if on_sent is not None:
            on_sent(sent[-1])
    yield from close_session(reference)
    log.info("Closed interactive session %s with %d invoices.", reference, len(sent))
    return SentSession(reference, tuple(sent))


def _send_once(call: Call[str], reference_number: str, invoice_hash: str) -> Flow[str]:
    for seconds in SEND_PAUSES:
        try:
            return (yield from call)
        except (KsefUnavailableError, KsefTransportError) as error:
            log.warning("It is not known whether an invoice reached session %s: %s", reference_number, error)
        yield from Pause(seconds)
        for invoice in (yield from sessions.list_invoices(reference_number)):
            if invoice.invoice_hash == invoice_hash:
                return invoice.reference_number
    return (yield from call)


def _encrypted(xml: bytes, key: SessionKey) -> dict[str, object]:
    target = io.BytesIO()
    encrypt_stream(io.BytesIO(xml), target, key)
    content = target.getvalue()
    return {
        "invoiceHash": sha256_base64(xml),
        "invoiceSize": len(xml),
        "encryptedInvoiceHash": sha256_base64(content),
        "encryptedInvoiceSize": len(content),
        "encryptedInvoiceContent": base64_text(content),
    }


def check_correction(offline_mode: bool, hash_of_corrected_invoice: str | None) -> None:
    """
    Refuse what cannot be a technical correction.

    :param offline_mode: whether the invoice is declared as issued offline.
    :param hash_of_corrected_invoice: of the invoice that is corrected; None where none is.
    :raises KsefInputError: where it is no hash, or the invoice is not declared as issued offline.
    """
    if hash_of_corrected_invoice is None:
        return
    if len(hash_of_corrected_invoice) != _HASH_LENGTH:
        raise KsefInputError(
            "hash_of_corrected_invoice",
            hash_of_corrected_invoice,
            "is not a SHA-256 in Base64",
            "Give the 44 characters that KSeF shows as the rejected invoice's invoiceHash.",
        )
    if not offline_mode:
        raise KsefInputError(
            "offline_mode",
            offline_mode,
            "a technical correction is possible for offline invoices only",
            "Set offline_mode, or send the mended invoice without hash_of_corrected_invoice.",
        )


_parse_opened = json_parser(_Opened, lambda opened: OpenedOnline(opened.reference_number, opened.valid_until))
_parse_sent = json_parser(_Sent, lambda sent: sent.reference_number)
