"""What happens to a batch after it was closed: it is verified, decrypted, unpacked and taken in."""

from __future__ import annotations

from hashlib import sha256
from itertools import islice
from pathlib import Path

from airflow_provider_ksef.emulator.acceptance import Acceptance
from airflow_provider_ksef.emulator.archives import BrokenArchive, count_entries, read_entries
from airflow_provider_ksef.emulator.crypto import BLOCK, DecryptionError, decrypt_stream, encode_base64
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.limits import MAX_INVOICES, MAX_SIZE_WITH_ATTACHMENT
from airflow_provider_ksef.emulator.store.sessions import PROCESSING, Outcome, Session
from airflow_provider_ksef.emulator.work_faults import WorkFaultKind

_CHUNK = 200


class _Failed(Exception):  # noqa: N818  it says what happened
    """The package as a whole is refused."""

    def __init__(self, code: int, *details: str) -> None:
        super().__init__(code, *details)
        self.code = code
        self.details = list(details)


class BatchProcessing:
    """
    Processes closed batch sessions.

    :param emulator: where the sessions and the invoices are.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def process_batch(self, reference: str) -> None:
        """Bring a closed session to its end; one that was interrupted goes on where it stopped."""
        session = self._emulator.sessions.get(reference, self._emulator.clock.now())
        if session is None or session.code != PROCESSING:
            return
        with self._emulator.files.working_file() as archive:
            try:
                self._unpack(session, archive)
                if not self._accept(session, archive):
                    return
                accepted, rejected = self._emulator.session_invoices.counts(reference)
                self._finish(session, 200 if accepted else 445, None, (accepted, rejected))
            except _Failed as failed:
                self._finish(session, failed.code, failed.details, (0, 0))
            except Exception:
                self._finish(session, 500, None, self._emulator.session_invoices.counts(reference))
                raise
        for part in self._emulator.sessions.parts(reference):
            self._emulator.files.upload(reference, part.ordinal).unlink(missing_ok=True)

    def _unpack(self, session: Session, archive: Path) -> None:
        ordered = self._emulator.work_faults.take_code(WorkFaultKind.SESSION_STATUS)
        if ordered is not None:
            raise _Failed(ordered)
        if session.aes_key is None:
            raise _Failed(415)
        for part in self._emulator.sessions.parts(session.reference):
            if part.stored_hash != part.hash:
                raise _Failed(405, f"Skrót części {part.ordinal} pakietu nie zgadza się z zadeklarowanym.")
        self._decrypt(session, session.aes_key, archive)
        _verify(session, archive)
        compression = session.compression or "Zip"
        try:
            count = count_entries(archive, compression, MAX_INVOICES)
        except BrokenArchive:
            raise _Failed(430) from None
        if count > MAX_INVOICES:
            raise _Failed(420)
        if count == 0:
            raise _Failed(440, "Nie przesłano faktur")

    def _decrypt(self, session: Session, key: bytes, archive: Path) -> None:
        with archive.open("wb") as target:
            for part in self._emulator.sessions.parts(session.reference):
                try:
                    with self._emulator.files.upload(session.reference, part.ordinal).open("rb") as source:
                        decrypt_stream(key, session.iv, source, target)
                except DecryptionError:
                    raise _Failed(435) from None

    def _accept(self, session: Session, archive: Path) -> bool:
        acceptance = Acceptance(self._emulator, session)
        done = self._emulator.session_invoices.last_ordinal(session.reference)
        entries = read_entries(archive, session.compression or "Zip", MAX_SIZE_WITH_ATTACHMENT + 1)
        numbered = islice(enumerate(entries, start=1), done, None)
        while chunk := list(islice(numbered, _CHUNK)):
            if not acceptance.take(chunk):
                return False
        return True

    def _finish(
        self, session: Session, code: int, details: list[str] | None, counts: tuple[int, int]
    ) -> None:
        now = self._emulator.clock.now()
        self._emulator.sessions.finish(session.reference, now, Outcome(code, details, *counts))


def _verify(session: Session, archive: Path) -> None:
    if archive.stat().st_size != session.file_size:
        raise _Failed(405, "Rozmiar paczki nie zgadza się z zadeklarowanym.")
    whole = sha256()
    with archive.open("rb") as source:
        while block := source.read(BLOCK):
            whole.update(block)
    if encode_base64(whole.digest()) != session.file_hash:
        raise _Failed(405, "Skrót paczki nie zgadza się z zadeklarowanym.")
