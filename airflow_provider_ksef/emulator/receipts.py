"""Finding what a receipt is wanted for, writing and sealing it."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.store.sessions import Session
from airflow_provider_ksef.emulator.store.upo import UpoDocument
from airflow_provider_ksef.emulator.upo import Page, write_upo


def upo_of_page(emulator: Emulator, session: Session, reference: str) -> bytes | None:
    """A page of a session's receipt; None where it has no such page."""
    pages = emulator.upo.pages(session.reference)
    if reference not in pages:
        return None
    counts = emulator.session_invoices.counts(session.reference)
    page = Page(pages.index(reference) + 1, counts.accepted)
    documents = emulator.upo.documents(session.reference, skip=page.skip, most=page.last - page.skip)
    return _seal(emulator, session, documents, page)


def upo_of_invoice(emulator: Emulator, session: Session, reference: str) -> bytes | None:
    """The receipt of an invoice by its reference number; None where it is not there or not accepted."""
    document = emulator.upo.by_reference(session.reference, reference)
    return _seal(emulator, session, [document]) if document else None


def upo_of_ksef_number(emulator: Emulator, session: Session, ksef_number: str) -> bytes | None:
    """The receipt of an invoice by its KSeF number; None where the session has no such invoice."""
    document = emulator.upo.by_ksef_number(session.reference, ksef_number)
    return _seal(emulator, session, [document]) if document else None


def _seal(
    emulator: Emulator, session: Session, documents: Sequence[UpoDocument], page: Page | None = None
) -> bytes:
    last = max(document.numbered for document in documents)
    return emulator.seal.put_on(write_upo(session, documents, page), last)
