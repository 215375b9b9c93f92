"""What happens to an export after it was asked for: search, pack, encrypt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial

from airflow_provider_ksef.emulator.crypto import digest
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.moments import format_moment
from airflow_provider_ksef.emulator.packages import (
    PartNames,
    encrypt_parts,
    join_metadata,
    write_archive,
)
from airflow_provider_ksef.emulator.searching import BEYOND_MARK, BeyondMark, bound_by_mark
from airflow_provider_ksef.emulator.store.exports import RUNNING, Export, Package, PackagePart
from airflow_provider_ksef.emulator.store.invoices import Found
from airflow_provider_ksef.emulator.work_faults import WorkFaultKind

_LAST_NAMES = {
    "Issue": "lastIssueDate",
    "Invoicing": "lastInvoicingDate",
    "PermanentStorage": "lastPermanentStorageDate",
}
_DETAILS = {
    420: BEYOND_MARK,
    550: "Przetwarzanie zostało przerwane z przyczyn wewnętrznych systemu. Spróbuj ponownie",
}


class Exporting:
    """Builds the packages of exports."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def build_export(self, reference: str) -> None:
        """Bring an export to its end."""
        export = self._emulator.exports.get(reference)
        if export is None or export.code != RUNNING:
            return
        ordered = self._emulator.work_faults.take_code(WorkFaultKind.EXPORT_STATUS)
        if ordered == RUNNING:
            return
        if ordered is not None:
            self._fail(reference, ordered)
            return
        if export.aes_key is None:
            self._fail(reference, 415)
            return
        try:
            package = self._build(export, export.aes_key)
        except BeyondMark:
            self._fail(reference, 420)
            return
        except Exception:
            if self._emulator.exports.get(reference) is None:
                return  # a reset took it away, and the invoices with it
            self._fail(reference, 500)
            raise
        self._emulator.exports.finish(reference, self._emulator.clock.now(), 200, package=package)

    def _fail(self, reference: str, code: int) -> None:
        now = self._emulator.clock.now()
        self._emulator.exports.finish(reference, now, code, detail=_DETAILS.get(code))

    def _build(self, export: Export, key: bytes) -> Package:
        emulator = self._emulator
        with emulator.database.transaction():
            asked = replace(export.query, known_at=emulator.clock.now())  # as is the mark that is told
            query, mark = bound_by_mark(emulator.hwm, asked, emulator.hwm.current())
            found = emulator.invoices.find(query, most=emulator.settings.export_cap + 1)
        is_capped = len(found) > emulator.settings.export_cap
        found = found[: emulator.settings.export_cap]
        if not found:
            return Package(0, 0, (), is_truncated=False, last=None, hwm=mark)
        ids = [] if export.only_metadata else [each.id for each in found]
        names = (f"{each.ksef_number}.xml" for each in found)
        documents = zip(names, emulator.invoices.documents(ids), strict=False)
        metadata = [each.metadata for each in found]
        is_cut = emulator.work_faults.take(WorkFaultKind.TRUNCATED_METADATA)
        join = _cut_metadata if is_cut else join_metadata
        with emulator.files.working_file() as path:
            count = write_archive(path, export.compression, documents, metadata, join)
            size = path.stat().st_size
            place = partial(emulator.files.package_part, export.reference)
            parts = encrypt_parts(
                path, key, export.iv, PartNames(place, export.reference, export.compression)
            )
        if emulator.work_faults.take(WorkFaultKind.WRONG_PART_HASH):
            parts = tuple(_with_wrong_hashes(part) for part in parts)
        is_truncated = is_capped or count < len(found)
        last = _last_date(export.query.date_type, found[count - 1]) if is_truncated else None
        return Package(count, size, parts, is_truncated, last, mark)


def _last_date(date_type: str, found: Found) -> tuple[str, str]:
    is_day = date_type == "Issue"
    text = date.fromordinal(found.moment).isoformat() if is_day else format_moment(found.moment)
    return _LAST_NAMES[date_type], text


def _cut_metadata(metadata: Sequence[bytes]) -> bytes:
    whole = join_metadata(metadata)
    return whole[: len(whole) // 2]


def _with_wrong_hashes(part: PackagePart) -> PackagePart:
    wrong, wrong_encrypted = (digest(each.encode()) for each in (part.hash, part.encrypted_hash))
    return replace(part, hash=wrong, encrypted_hash=wrong_encrypted)
