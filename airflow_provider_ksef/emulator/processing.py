"""What happens to a batch after it was closed: it is verified, decrypted, unpacked and taken in."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path

from airflow_provider_ksef.emulator.acceptance import Acceptance, Arrival
from airflow_provider_ksef.emulator.archives import Archive, Entry
from airflow_provider_ksef.emulator.crypto import BLOCK, DecryptionError, decrypt_stream, encode_base64
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.finishing import discard_parts, finish_failed, finish_processed
from airflow_provider_ksef.emulator.store.sessions import CANCELLED, LOST_KEY, PROCESSING, Session
from airflow_provider_ksef.emulator.unpacking import BrokenArchive
from airflow_provider_ksef.emulator.work_faults import WorkFaultKind

log = logging.getLogger(__name__)

_DETAILS = {CANCELLED: ("Nie przesłano faktur",)}
_LONGEST_FILE_NAME = 128
_MOST_TOGETHER = 200
_MOST_BYTES_TOGETHER = 4_000_000


class _Failed(Exception):  # noqa: N818  it says what happened
    """The package as a whole is refused."""

    def __init__(self, code: int, *details: str) -> None:
        super().__init__(code, *details)
        self.code = code
        self.details = details


class BatchProcessing:
    """
    Processes closed batch sessions.

    :param emulator: where the sessions and the invoices are.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def process_batch(self, reference: str) -> None:
        """Bring a closed session to its end; one that was interrupted goes on where it stopped."""
        session = self._emulator.sessions.get(reference)
        if session is None or session.code != PROCESSING:
            return
        with self._emulator.files.working_file() as path:
            try:
                if not self._accept(session, self._unpack(session, path)):
                    return
                finish_processed(self._emulator, reference, before=PROCESSING)
            except _Failed as failed:
                finish_failed(self._emulator, reference, failed.code, *failed.details, before=PROCESSING)
            except Exception:
                log.exception("batch %s failed", reference)
                finish_failed(self._emulator, reference, 500, before=PROCESSING)
        discard_parts(self._emulator, reference)

    def _unpack(self, session: Session, path: Path) -> Archive:
        ordered = self._emulator.work_faults.take_code(WorkFaultKind.SESSION_STATUS)
        if ordered is not None:
            raise _Failed(ordered, *_DETAILS.get(ordered, ()))
        if session.aes_key is None:
            raise _Failed(LOST_KEY, "Rozszyfrowania klucza symetrycznego zakończone błędem.")
        for part in self._emulator.sessions.parts(session.reference):
            if part.stored_hash != part.hash:
                detail = f"Skrót SHA-256 części: '{part.ordinal}' nie zgadza się z zadeklarowanym skrótem"
                raise _Failed(405, f"{detail}: '{part.hash}'.")
        self._decrypt(session, session.aes_key, path)
        differences = _differences(session, path)
        limits = self._emulator.limits.context(session.context).batch_session
        archive = Archive(path, session.compression or "Zip", limits.invoices, limits.size_with_attachment)
        try:
            count = archive.count()
        except BrokenArchive:
            raise _Failed(430, *differences) from None
        if differences:
            raise _Failed(405, *differences)
        if count > limits.invoices:
            most = f"Przekroczono dopuszczalną liczbę faktur w paczce: '{limits.invoices}'."
            raise _Failed(420, f"{most} Liczba faktur w paczce: '{count}'.")
        if count == 0:
            raise _Failed(CANCELLED, *_DETAILS[CANCELLED])
        return archive

    def _decrypt(self, session: Session, key: bytes, archive: Path) -> None:
        with archive.open("wb") as target:
            for part in self._emulator.sessions.parts(session.reference):
                try:
                    with self._emulator.files.upload(session.reference, part.ordinal).open("rb") as source:
                        decrypt_stream(key, session.iv, source, target)
                except DecryptionError:
                    raise _Failed(435) from None

    def _accept(self, session: Session, archive: Archive) -> bool:
        acceptance = Acceptance(self._emulator, session)
        done = self._emulator.session_invoices.last_ordinal(session.reference)
        numbered = islice(enumerate(archive.entries(), start=1), done, None)
        return all(acceptance.take(some) for some in _together(self._arrivals(session, numbered)))

    def _arrivals(self, session: Session, numbered: Iterable[tuple[int, Entry]]) -> Iterator[Arrival]:
        for ordinal, entry in numbered:
            yield Arrival(
                ordinal=ordinal,
                reference=self._emulator.new_reference("EE"),
                content=entry.content,
                hash=entry.hash,
                invoicing=session.created,
                is_offline=session.is_offline,
                file_name=entry.name[:_LONGEST_FILE_NAME],
            )


def _together(arrivals: Iterable[Arrival]) -> Iterator[list[Arrival]]:
    """Give as many at a time as fit into a little memory."""
    some: list[Arrival] = []
    size = 0
    for arrival in arrivals:
        some.append(arrival)
        size += len(arrival.content)
        if len(some) >= _MOST_TOGETHER or size >= _MOST_BYTES_TOGETHER:
            yield some
            some, size = [], 0
    if some:
        yield some


def _differences(session: Session, archive: Path) -> list[str]:
    """Tell in what the package is not the declared one."""
    if archive.stat().st_size != session.file_size:
        return ["Rozmiar przesłanej paczki faktur nie jest zgodny z zadeklarowanym."]
    whole = sha256()
    with archive.open("rb") as source:
        while block := source.read(BLOCK):
            whole.update(block)
    if encode_base64(whole.digest()) == session.file_hash:
        return []
    detail = "Skrót SHA-256 przesłanej paczki faktur nie jest zgodny z zadeklarowanym skrótem"
    return [f"{detail}: '{session.file_hash}'."]
