"""The end of a session: its final status, and the pages of its receipt where it has one."""

from __future__ import annotations

from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.store.sessions import Outcome
from airflow_provider_ksef.emulator.upo import count_pages

SUCCEEDED, NONE_RIGHT = 200, 445


def finish_processed(emulator: Emulator, reference: str, *, before: int) -> bool:
    """
    End a session whose invoices are all processed: 200 where any was accepted, else 445.

    :param before: the status that it must have until now.
    """
    with emulator.database.transaction():
        counts = emulator.session_invoices.counts(reference)
        code = SUCCEEDED if counts.accepted else NONE_RIGHT
        outcome = Outcome(code, None, counts.accepted, counts.rejected)
        if not emulator.sessions.finish(reference, emulator.clock.now(), outcome, before=before):
            return False
        pages = [emulator.new_reference("EU") for _ in range(count_pages(counts.accepted))]
        emulator.upo.add_pages(reference, pages)
    return True


def discard_parts(emulator: Emulator, reference: str) -> None:
    """Remove what was uploaded for a batch that has ended."""
    for part in emulator.sessions.parts(reference):
        emulator.files.upload(reference, part.ordinal).unlink(missing_ok=True)


def finish_failed(emulator: Emulator, reference: str, code: int, *details: str, before: int) -> bool:
    """
    End a session that failed as a whole.

    :param before: the status that it must have until now.
    """
    with emulator.database.transaction():
        counts = emulator.session_invoices.counts(reference)
        outcome = Outcome(code, list(details) or None, counts.accepted, counts.rejected)
        return emulator.sessions.finish(reference, emulator.clock.now(), outcome, before=before)
