"""Batch sessions: opening and closing."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from airflow_provider_ksef.emulator.access import Here, Sender
from airflow_provider_ksef.emulator.batch_opening import OpenBatch, check_opening
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.encryption import read_encryption
from airflow_provider_ksef.emulator.errors import ApiError
from airflow_provider_ksef.emulator.links import WRITE
from airflow_provider_ksef.emulator.moments import TICKS_PER_SECOND
from airflow_provider_ksef.emulator.packages import EXTENSIONS
from airflow_provider_ksef.emulator.processing import BatchProcessing
from airflow_provider_ksef.emulator.routes.lookup import own_session
from airflow_provider_ksef.emulator.session_opening import new_session
from airflow_provider_ksef.emulator.store.sessions import BATCH, CANCELLED, OPEN, PROCESSING, Part, Session
from airflow_provider_ksef.emulator.wire import WireResponse

router = APIRouter(prefix="/sessions/batch", tags=["Wysyłka wsadowa"])

_UPLOAD_TIME = 20 * 60 * TICKS_PER_SECOND


@router.post("", summary="Otwarcie sesji wsadowej", status_code=201)
def open_batch(body: OpenBatch, caller: Sender, emulator: Here, request: Request) -> WireResponse:
    """Open a session and give a link for each part."""
    form = check_opening(body)
    key, iv = read_encryption(emulator, body.encryption)
    session = replace(
        new_session(emulator, caller, BATCH, form, (key, iv)),
        is_offline=body.offline_mode,
        file_size=body.batch_file.file_size,
        file_hash=body.batch_file.file_hash,
        compression=body.batch_file.compression_type or "Zip",
    )
    declared = sorted(body.batch_file.file_parts, key=lambda part: part.ordinal_number)
    parts = [Part(part.ordinal_number, part.file_size, part.file_hash) for part in declared]
    emulator.sessions.add(session, parts)
    uploads = [_upload_request(emulator, request, session, part.ordinal, len(parts)) for part in parts]
    answer = {"referenceNumber": session.reference, "partUploadRequests": uploads}
    return WireResponse(answer, status_code=201)


@router.post("/{referenceNumber}/close", summary="Zamknięcie sesji wsadowej", status_code=204)
def close_batch(
    reference: Annotated[str, Path(alias="referenceNumber")], caller: Sender, emulator: Here
) -> Response:
    """End the upload; processing begins."""
    session = own_session(emulator, reference, caller, kind=BATCH)
    if session.code == CANCELLED and session.closed is None:
        raise ApiError(21208, "Sesja anulowana, przekroczony czas wysyłki.")
    if session.code != OPEN:
        raise _not_open(session.code)
    _check_parts(emulator, session)
    if not emulator.sessions.close(reference, emulator.clock.now(), PROCESSING):
        raise _not_open(PROCESSING)
    emulator.jobs.start(BatchProcessing(emulator).process_batch, reference)
    return Response(status_code=204)


def _not_open(code: int) -> ApiError:
    return ApiError(21180, f"Status sesji {code} uniemożliwia jej zamknięcie.")


def _check_parts(emulator: Emulator, session: Session) -> None:
    for part in emulator.sessions.parts(session.reference):
        if part.stored_size is None:
            raise ApiError(21205, f"Nie przesłano zadeklarowanej '{part.ordinal}' części pliku.")
        if part.stored_size != part.size:
            detail = f"Zadeklarowany rozmiar części '{part.ordinal}' nie zgadza się z rzeczywistym."
            raise ApiError(21157, detail)


def _upload_request(
    emulator: Emulator, request: Request, session: Session, ordinal: int, count: int
) -> dict[str, object]:
    name = f"{ordinal}.{EXTENSIONS[session.compression or 'Zip']}.enc"
    path = f"/storage/01/{session.reference.lower()}/batch-parts/{name}"
    end = session.created + _UPLOAD_TIME * count
    return {
        "ordinalNumber": ordinal,
        "method": "PUT",
        "url": emulator.links.sign(request, path, WRITE, session.created, end),
        "headers": {"x-ms-blob-type": "BlockBlob"},
    }
