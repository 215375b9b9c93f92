"""
Duplicates (invoice status 440): whether KSeF has the very invoice that was sent, or another one in its place.

KSeF does not tell the hash of the original, so it is read from the original's session, page by page, or from
metadata (behaviour: 5.6). Ten thousand duplicates of one session take ten calls.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from airflow_provider_ksef.client import sessions
from airflow_provider_ksef.client.calls import Flow
from airflow_provider_ksef.client.client import KsefClient
from airflow_provider_ksef.client.duplicate_metadata import find_hashes
from airflow_provider_ksef.client.identifiers import is_ksef_number, is_reference_number
from airflow_provider_ksef.client.session_invoices import SessionInvoice
from airflow_provider_ksef.exceptions import KsefApiError, KsefRateLimitError, KsefUnavailableError

log = logging.getLogger(__name__)

DUPLICATE = 440
ALREADY_ACCEPTED = "already_accepted"
CONFLICT = "duplicate_conflict"
UNVERIFIED = "duplicate_unverified"
MAX_SESSIONS = 20
"""Original sessions that are read; the originals of further ones are looked for in metadata."""

_KSEF_NUMBER = re.compile(r"numerze KSeF: (\S+)")
_SESSION = re.compile(r"w sesji: (\S+?)\.?(?:\s|$)")


@dataclass(frozen=True)
class Original:
    """
    What KSeF says of the invoice that was there before, as far as it says it.

    :param ksef_number: of the original.
    :param session_reference_number: the session that it was accepted in, which may be the duplicate's own.
    """

    ksef_number: str | None
    session_reference_number: str | None


@dataclass(frozen=True)
class Duplicate:
    """
    What a duplicate is.

    :param verdict: :data:`ALREADY_ACCEPTED` where the original has the same hash, :data:`CONFLICT` where it
        has another one, :data:`UNVERIFIED` where its hash could not be read.
    :param original: the invoice that was there before.
    """

    verdict: str
    original: Original


def original_of(invoice: SessionInvoice) -> Original:
    """
    Read of which invoice this is a duplicate: from the extensions, else from KSeF's sentence.

    :param invoice: with status 440.
    """
    said = " ".join(invoice.details)
    number = invoice.extensions.get("originalKsefNumber") or _found(_KSEF_NUMBER, said)
    session = invoice.extensions.get("originalSessionReferenceNumber") or _found(_SESSION, said)
    return Original(
        number if number and is_ksef_number(number) else None,
        session if session and is_reference_number(session) else None,
    )


def judge_duplicates(ksef: KsefClient, rejected: Iterable[SessionInvoice]) -> dict[str, Duplicate]:
    """
    Tell what each duplicate is.

    :param ksef: the client.
    :param rejected: invoices of a session; those with another status than 440 are passed over.
    :returns: by the invoice's own reference number.
    :raises KsefError: where KSeF could not be asked, so that it is worth asking again.
    """
    duplicates = [invoice for invoice in rejected if invoice.code == DUPLICATE]
    if not duplicates:
        return {}
    originals = {invoice.reference_number: original_of(invoice) for invoice in duplicates}
    accepted = ksef.run(_read_sessions(tuple(originals.values())))
    hashes = {number: item.invoice_hash for (_, number), item in accepted.items()}
    own = {(session, item.invoice_hash): number for (session, number), item in accepted.items()}
    missing = {each.ksef_number for each in originals.values() if each.ksef_number} - hashes.keys()
    if missing:
        log.info("The hashes of %d originals are looked up in metadata.", len(missing))
        hashes |= find_hashes(ksef, missing)
    judged = {
        invoice.reference_number: _judge(invoice, originals[invoice.reference_number], hashes, own)
        for invoice in duplicates
    }
    for verdict, count in sorted(Counter(each.verdict for each in judged.values()).items()):
        log.info("Duplicates: %d are %s.", count, verdict)
    return judged


def _judge(
    invoice: SessionInvoice, original: Original, hashes: dict[str, str], own: dict[tuple[str, str], str]
) -> Duplicate:
    """Without the original's number only the same hash in its session says something for sure."""
    number, session = original.ksef_number, original.session_reference_number
    if number is None and (found := own.get((session or "", invoice.invoice_hash))):
        return Duplicate(ALREADY_ACCEPTED, Original(found, session))
    known = hashes.get(number or "")
    if known is None:
        return Duplicate(UNVERIFIED, original)
    return Duplicate(ALREADY_ACCEPTED if known == invoice.invoice_hash else CONFLICT, original)


def _read_sessions(originals: Sequence[Original]) -> Flow[dict[tuple[str, str], SessionInvoice]]:
    """Give the accepted invoices of the originals' sessions by session and KSeF number."""
    wanted = Counter(each.session_reference_number for each in originals if each.session_reference_number)
    accepted: dict[tuple[str, str], SessionInvoice] = {}
    for reference, _ in wanted.most_common(MAX_SESSIONS):
        for invoice in (yield from _read_session(reference)):
            if invoice.ksef_number:
                accepted[reference, invoice.ksef_number] = invoice
    return accepted


def _read_session(reference: str) -> Flow[list[SessionInvoice]]:
    try:
        return (yield from sessions.list_invoices(reference))
    except (KsefUnavailableError, KsefRateLimitError):
        raise
    except KsefApiError as error:
        log.warning("Session %s, which holds originals of duplicates, cannot be read: %s", reference, error)
        return []


def _found(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return match[1].rstrip(".") if match else None
