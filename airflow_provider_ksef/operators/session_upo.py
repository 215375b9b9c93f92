"""Fetching a session's confirmation of receipt (UPO) into files."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from upath import UPath

from airflow_provider_ksef.client import KsefClient, upo
from airflow_provider_ksef.client.calls import Call
from airflow_provider_ksef.client.session_invoices import SessionInvoice
from airflow_provider_ksef.client.sessions import SessionStatus, UpoPage
from airflow_provider_ksef.exceptions import KsefApiError, KsefSessionError

log = logging.getLogger(__name__)

THREADS = 8
SHOWN_EVERY = 1000
LINK_IS_DEAD = (403, 404)
"""What a storage answers to a link that has expired."""


@dataclass(frozen=True)
class SavedUpo:
    """
    A session's UPO as files.

    :param pages: how many of them are pages of the session's UPO.
    :param files: how many there are, with those of single invoices.
    :param path: the folder that they lie in.
    """

    pages: int
    files: int
    path: str


@dataclass(frozen=True)
class _Wanted:
    name: str
    link: str | None
    by_number: Call[bytes]


def save_session_upo(
    ksef: KsefClient, status: SessionStatus, upo_path: UPath, invoices: Sequence[SessionInvoice]
) -> SavedUpo:
    """
    Save the UPO of a session that KSeF has judged, byte by byte and verified by KSeF's hash.

    The files are ``<upo_path>/<session>/<number of the page>.xml`` and ``.../<KSeF number>.xml``. Each is
    there whole or not at all, and one that is there is not fetched again.

    :param ksef: the client.
    :param status: of the session, just read, for its links expire.
    :param upo_path: the folder; one for each session is made in it.
    :param invoices: of the session, just read; the UPO of each accepted one is saved, too.
    :raises KsefSessionError: where invoices were accepted and KSeF has not made the UPO yet.
    :raises KsefIntegrityError: where what came differs from KSeF's hash of it.
    """
    folder = upo_path / status.reference_number
    if status.accepted_count and not status.upo_pages:
        raise KsefSessionError(
            f"Session {status.reference_number}",
            status.code,
            status.description,
            ("there is no UPO yet",),
            "Run the task again in some minutes.",
        )
    wanted = [*_pages(status), *_of_invoices(status, invoices)]
    there = _names(folder)
    missing = [each for each in wanted if each.name not in there]
    log.info("UPO of session %s: %d files, %d to fetch.", status.reference_number, len(wanted), len(missing))
    _save_all(ksef, folder, missing)
    return SavedUpo(len(status.upo_pages), len(wanted), str(folder))


def upo_paths_of(upo: SavedUpo, invoices: Sequence[SessionInvoice]) -> dict[str, str]:
    """
    Say where the UPO of each accepted invoice lies, by its KSeF number.

    :param upo: what was saved.
    :param invoices: whose UPO was saved.
    """
    return {
        each.ksef_number: f"{upo.path}/{_name(each)}"
        for each in invoices
        if each.is_accepted and each.ksef_number
    }


def _pages(status: SessionStatus) -> Iterator[_Wanted]:
    for page in status.upo_pages:
        yield _page(status.reference_number, page)


def _page(reference: str, page: UpoPage) -> _Wanted:
    number = page.reference_number
    return _Wanted(f"{number}.xml", page.download_url, upo.of_session(reference, number))


def _of_invoices(status: SessionStatus, invoices: Sequence[SessionInvoice]) -> Iterator[_Wanted]:
    for invoice in invoices:
        if invoice.is_accepted:
            call = upo.of_invoice(status.reference_number, invoice.reference_number)
            yield _Wanted(_name(invoice), invoice.upo_download_url, call)


def _name(invoice: SessionInvoice) -> str:
    return f"{invoice.ksef_number}.xml"


def _names(folder: UPath) -> set[str]:
    """List what an earlier try has saved, past a cache of what others change."""
    folder.fs.invalidate_cache()
    return {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()


def _save_all(ksef: KsefClient, folder: UPath, wanted: Sequence[_Wanted]) -> None:
    from airflow_provider_ksef.tables.upo_files import save_upo

    def save(each: _Wanted) -> None:
        save_upo(folder, each.name, _fetched(ksef, each))

    with ThreadPoolExecutor(THREADS) as threads:
        for done, _ in enumerate(threads.map(save, wanted), start=1):
            if done % SHOWN_EVERY == 0:
                log.info("%d of %d UPO files are saved.", done, len(wanted))


def _fetched(ksef: KsefClient, wanted: _Wanted) -> bytes:
    """Fetch by link, which no rate limit counts, and by number where the link no longer leads anywhere."""
    if wanted.link is None:
        return ksef.run(wanted.by_number)
    try:
        return ksef.run(upo.download(wanted.link))
    except KsefApiError as error:
        if error.fault.http_status not in LINK_IS_DEAD:
            raise
        return ksef.run(wanted.by_number)
