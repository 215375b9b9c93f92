"""Exports: packages of many invoices."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from airflow_provider_ksef.emulator.access import Caller, Here, Reader
from airflow_provider_ksef.emulator.choices import Compression
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.encryption import read_encryption
from airflow_provider_ksef.emulator.errors import ApiError, gone
from airflow_provider_ksef.emulator.exporting import Exporting
from airflow_provider_ksef.emulator.links import READ
from airflow_provider_ksef.emulator.moments import TICKS_PER_SECOND, format_moment
from airflow_provider_ksef.emulator.routes.lookup import own_export
from airflow_provider_ksef.emulator.searching import InvoiceFilters
from airflow_provider_ksef.emulator.store.exports import RUNNING, Export, Package, PackagePart
from airflow_provider_ksef.emulator.wire import Encryption, WireModel, WireResponse, present

router = APIRouter(prefix="/invoices/exports", tags=["Pobieranie faktur"])

MOST_RUNNING = 10
_EXPIRED = 210
_PACKAGE_LIFE = 7 * 86_400 * TICKS_PER_SECOND
_STATUS_LIFE = 7 * 86_400 * TICKS_PER_SECOND
_LINK_LIFE = 3600 * TICKS_PER_SECOND
_DESCRIPTIONS = {
    100: "Eksport faktur w toku",
    200: "Eksport faktur zakończony sukcesem",
    210: "Eksport faktur wygasł i nie jest już dostępny do pobrania",
    415: "Błąd odszyfrowania dostarczonego klucza",
    420: "Zakres filtrowania wykracza poza dostępny zakres danych",
    500: "Nieznany błąd (500)",
    550: "Operacja została anulowana przez system",
}


class StartExport(WireModel):
    """An export to begin."""

    encryption: Encryption
    filters: InvoiceFilters
    only_metadata: bool = False
    compression_type: Compression | None = None


@router.post("", summary="Eksport paczki faktur", status_code=201)
def start_export(body: StartExport, caller: Reader, emulator: Here) -> WireResponse:
    """Begin an export; the package is encrypted with the key that the caller gives."""
    _check_subject(body.filters, caller)
    key, iv = read_encryption(emulator, body.encryption)
    with emulator.database.transaction():
        now = emulator.clock.now()
        query = body.filters.to_query(caller.context_value, now, emulator.settings.longest_range)
        if emulator.exports.count_running(caller.context, caller.subject) >= MOST_RUNNING:
            detail = (
                "Dla uwierzytelnionego podmiotu w bieżącym kontekście osiągnięto maksymalny limit "
                f"{MOST_RUNNING} równoczesnych eksportów faktur. Spróbuj ponownie później."
            )
            raise ApiError(21182, detail)
        export = Export(
            reference=emulator.new_reference("EH"),
            context=caller.context,
            subject=caller.subject,
            created=now,
            code=RUNNING,
            detail=None,
            completed=None,
            query=query,
            only_metadata=body.only_metadata,
            compression=body.compression_type or "Zip",
            aes_key=key,
            iv=iv,
        )
        emulator.exports.add(export)
    emulator.jobs.start(Exporting(emulator).build_export, export.reference)
    return WireResponse({"referenceNumber": export.reference}, status_code=201)


@router.get("/{referenceNumber}", summary="Pobranie statusu eksportu paczki faktur")
def get_export(
    reference: Annotated[str, Path(alias="referenceNumber")], caller: Reader, emulator: Here, request: Request
) -> WireResponse:
    """How far an export has come; its links are new each time."""
    export = own_export(emulator, reference, caller)
    now = emulator.clock.now()
    completed = export.completed
    if completed is None:
        return WireResponse({"status": _status(export.code, None)})
    final = completed if export.package is None else completed + _PACKAGE_LIFE
    if now > final + _STATUS_LIFE:
        raise gone()
    is_expired = export.package is not None and now > final
    if export.package is None or is_expired:
        status = _status(_EXPIRED if is_expired else export.code, export.detail)
        return WireResponse({"status": status, "completedDate": format_moment(completed)})
    return WireResponse(
        {
            "status": _status(export.code, None),
            "completedDate": format_moment(completed),
            "packageExpirationDate": format_moment(final),
            "package": _package(emulator, request, export, export.package, final),
        }
    )


def _check_subject(filters: InvoiceFilters, caller: Caller) -> None:
    if caller.context_type == "InternalId" and filters.subject_type != "Subject3":
        detail = (
            f"Nie można wyeksportować paczki faktur dla wybranego podmiotu ({filters.subject_type}) "
            f"i zalogowanego identyfikatora kontekstu ({caller.context_type})."
        )
        raise ApiError(21181, detail)


def _status(code: int, detail: str | None) -> dict[str, Any]:
    return present(code=code, description=_DESCRIPTIONS[code], details=[detail] if detail else None)


def _package(
    emulator: Emulator, request: Request, export: Export, package: Package, final: int
) -> dict[str, Any]:
    end = min(emulator.clock.now() + _LINK_LIFE, final)
    last = dict([package.last]) if package.last else {}
    return {
        "invoiceCount": package.invoice_count,
        "size": package.size,
        "parts": [_part(emulator, request, export, part, end) for part in package.parts],
        "isTruncated": package.is_truncated,
        **last,
        **present(permanentStorageHwmDate=package.hwm),
        "compressionType": export.compression,
    }


def _part(
    emulator: Emulator, request: Request, export: Export, part: PackagePart, end: int
) -> dict[str, Any]:
    path = f"/storage/03/{export.reference.lower()}/export-parts/{part.ordinal}/{part.name}"
    return {
        "ordinalNumber": part.ordinal,
        "partName": part.name,
        "method": "GET",
        "url": emulator.links.sign(request, path, READ, emulator.clock.now(), end),
        "partSize": part.size,
        "partHash": part.hash,
        "encryptedPartSize": part.encrypted_size,
        "encryptedPartHash": part.encrypted_hash,
        "expirationDate": format_moment(end),
    }
