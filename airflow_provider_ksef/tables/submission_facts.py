"""What the table ``submissions`` is told: what is sent, in which session, and what KSeF answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

SENT = "sent"
ACCEPTED = "accepted"
REJECTED = "rejected"
ALREADY_ACCEPTED = "already_accepted"
DUPLICATE_CONFLICT = "duplicate_conflict"
DUPLICATE_UNVERIFIED = "duplicate_unverified"
UNPROCESSED = "unprocessed"

STATE_RANKS = {
    SENT: 0,
    UNPROCESSED: 1,
    REJECTED: 2,
    DUPLICATE_UNVERIFIED: 3,
    ALREADY_ACCEPTED: 4,
    DUPLICATE_CONFLICT: 4,
    ACCEPTED: 5,
}
"""All states; a row never goes from one to another of a lower rank, however late its writer comes."""

_BY_CODE = {
    100: SENT,
    150: SENT,
    200: ACCEPTED,
    405: UNPROCESSED,
    440: DUPLICATE_UNVERIFIED,
    550: UNPROCESSED,
}


@dataclass(frozen=True)
class Submission:
    """
    One session whose files are sent.

    :param context: see :func:`layout.context_name`.
    :param session_reference_number: the session in KSeF.
    :param environment: KSeF environment; a table holds rows of one only.
    :param digest: of everything that is sent together: form, mode, files.
    :param form_code: such as ``FA (3)``.
    :param offline_mode: whether the session declares its invoices as issued offline.
    :param sent_at: when it is sent, with an offset.
    :param dag_id: DAG of the task that sends.
    :param task_id: the task.
    :param run_id: run of the DAG.
    :param map_index: -1 where the task is not mapped.
    :param try_number: of the task, from 1.
    """

    context: str
    session_reference_number: str
    environment: str
    digest: str
    form_code: str
    offline_mode: bool
    sent_at: datetime
    dag_id: str | None = None
    task_id: str | None = None
    run_id: str | None = None
    map_index: int | None = None
    try_number: int | None = None


@dataclass(frozen=True)
class SentFile:
    """
    One file of a session.

    :param file: where it lies, as the user knows it.
    :param file_name: its name within the session, unique there.
    :param size: bytes.
    :param invoice_hash: Base64 SHA-256.
    :param invoice_number: the issuer's number, where it could be read.
    :param seller_nip: the seller's, where it could be read.
    :param invoice_type: as the document states it.
    :param issue_date: as the document states it.
    :param hash_of_corrected_invoice: of a technical correction.
    :param verification_url: link of KOD I, where the document says enough for it.
    :param certificate_url: link of KOD II, where an offline certificate signs.
    """

    file: str
    file_name: str
    size: int
    invoice_hash: str
    invoice_number: str | None = None
    seller_nip: str | None = None
    invoice_type: str | None = None
    issue_date: date | None = None
    hash_of_corrected_invoice: str | None = None
    verification_url: str | None = None
    certificate_url: str | None = None


@dataclass(frozen=True)
class FileAnswer:
    """
    What became of one file; dates as KSeF writes them. What is None changes nothing that is known.

    :param state: one of :data:`STATE_RANKS`.
    :param file_name: the file's name within the session; where KSeF gives none, the file is told by the
        invoice's reference number, if it is known already, else by its hash.
    :param invoice_hash: Base64 SHA-256, as KSeF told it.
    :param status_code: of the invoice, or of its session.
    :param status_description: KSeF's text.
    :param status_details: KSeF's reasons.
    :param ordinal_number: place in the session, from 1.
    :param invoice_reference_number: of the invoice within its session.
    :param invoice_number: as KSeF read it.
    :param ksef_number: of an accepted invoice.
    :param original_ksef_number: of the invoice that a duplicate doubles.
    :param original_session_reference_number: its session.
    :param invoicing_date: when it was received.
    :param acquisition_date: when it was numbered.
    :param permanent_storage_date: when it was stored for good.
    :param invoicing_mode: ``Online`` or ``Offline``.
    :param upo_path: where its UPO was saved.
    :param extra: JSON of all else that KSeF told.
    """

    state: str
    file_name: str | None = None
    invoice_hash: str | None = None
    status_code: int | None = None
    status_description: str | None = None
    status_details: tuple[str, ...] | None = None
    ordinal_number: int | None = None
    invoice_reference_number: str | None = None
    invoice_number: str | None = None
    ksef_number: str | None = None
    original_ksef_number: str | None = None
    original_session_reference_number: str | None = None
    invoicing_date: str | None = None
    acquisition_date: str | None = None
    permanent_storage_date: str | None = None
    invoicing_mode: str | None = None
    upo_path: str | None = None
    extra: str | None = None


def state_of_code(code: int) -> str:
    """
    Give the state that KSeF's status code of an invoice means (behaviour by code: 200 accepted ...).

    :param code: the invoice's own; a duplicate (440) is unverified until the two hashes are compared.
    """
    return _BY_CODE.get(code, REJECTED)
