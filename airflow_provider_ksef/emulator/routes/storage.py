"""What pre-signed links lead to: parts to upload, parts to fetch, and receipts."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from airflow_provider_ksef.emulator.access import Here
from airflow_provider_ksef.emulator.batch_opening import MOST_PART_BYTES, PADDING
from airflow_provider_ksef.emulator.crypto import encode_base64
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.errors import storage_error_body
from airflow_provider_ksef.emulator.links import READ, WRITE, LinkRefused
from airflow_provider_ksef.emulator.receipts import upo_of_ksef_number, upo_of_page
from airflow_provider_ksef.emulator.routes.upo import answer_upo

router = APIRouter(prefix="/storage", tags=["Storage"])
Reference = Annotated[str, Path(alias="referenceNumber")]


@router.put("/01/{referenceNumber}/batch-parts/{name}", summary="Wysłanie części paczki", status_code=201)
async def upload_part(reference: Reference, name: str, request: Request, emulator: Here) -> Response:
    """Receive a part, straight to disk."""
    refusal = _refusal(emulator, request, WRITE) or _upload_refusal(request)
    if refusal is not None:
        return refusal
    received = emulator.files.new_upload()
    try:
        size, digest = await _receive(request, received)
        if size > MOST_PART_BYTES + PADDING:
            return _error(
                413, "RequestBodyTooLarge", f"A part has at most {MOST_PART_BYTES + PADDING} bytes."
            )
        part = (reference.upper(), int(name.partition(".")[0]))
        if not await run_in_threadpool(_keep, emulator, part, received, size, digest):
            return _error(403, "AuthorizationFailure", "The session takes no parts any more.")
    except ClientDisconnect:
        return _error(400, "InvalidInput", "The body did not come whole.")
    finally:
        received.unlink(missing_ok=True)
    return Response(status_code=201)


@router.get("/03/{referenceNumber}/export-parts/{ordinal}/{name}", summary="Pobranie części paczki")
def fetch_part(reference: Reference, ordinal: int, request: Request, emulator: Here) -> Response:
    """Send an encrypted part."""
    refusal = _refusal(emulator, request, READ)
    if refusal is not None:
        return refusal
    export = emulator.exports.get(reference.upper())
    path = emulator.files.package_part(reference.upper(), ordinal)
    if export is None or export.package is None or not path.exists():
        return missing()
    part = export.package.parts[ordinal - 1]
    return FileResponse(
        path, media_type="application/octet-stream", headers={"x-ms-meta-hash": part.encrypted_hash}
    )


@router.get("/02/{referenceNumber}/invoice-upo/upo_{ksefNumber}.xml", summary="Pobranie UPO faktury")
def fetch_invoice_upo(
    reference: Reference,
    ksef_number: Annotated[str, Path(alias="ksefNumber")],
    request: Request,
    emulator: Here,
) -> Response:
    """Send the receipt of an invoice."""
    refusal = _refusal(emulator, request, READ)
    if refusal is not None:
        return refusal
    session = emulator.sessions.get(reference.upper())
    return _answer_upo(upo_of_ksef_number(emulator, session, ksef_number) if session else None)


@router.get("/02/{referenceNumber}/upo/{upoReferenceNumber}.xml", summary="Pobranie UPO sesji")
def fetch_session_upo(
    reference: Reference,
    upo_reference: Annotated[str, Path(alias="upoReferenceNumber")],
    request: Request,
    emulator: Here,
) -> Response:
    """Send a page of the receipt of a session."""
    refusal = _refusal(emulator, request, READ)
    if refusal is not None:
        return refusal
    session = emulator.sessions.get(reference.upper())
    return _answer_upo(upo_of_page(emulator, session, upo_reference) if session else None)


def _answer_upo(found: bytes | None) -> Response:
    return missing() if found is None else answer_upo(found)


def missing() -> Response:
    """What a link answers behind which there is nothing."""
    return _error(404, "BlobNotFound", "The specified blob does not exist.")


async def _receive(request: Request, target: FilePath) -> tuple[int, str]:
    digest, size = sha256(), 0
    with target.open("wb") as file:
        async for block in request.stream():
            size += len(block)
            if size <= MOST_PART_BYTES + PADDING:
                digest.update(block)
                file.write(block)
    return size, encode_base64(digest.digest())


def _keep(emulator: Emulator, part: tuple[str, int], received: FilePath, size: int, digest: str) -> bool:
    with emulator.database.transaction():
        is_wanted = emulator.sessions.note_upload(*part, size, digest)
        if is_wanted:
            received.replace(emulator.files.upload(*part))
    return is_wanted


def _refusal(emulator: Emulator, request: Request, permission: str) -> Response | None:
    try:
        emulator.links.check(request.url.path, request.query_params, permission, emulator.clock.now())
    except LinkRefused as refused:
        return _error(403, "AuthenticationFailed", str(refused))
    return None


def _upload_refusal(request: Request) -> Response | None:
    if "authorization" in request.headers:
        return _error(
            403, "AuthenticationFailed", "The link takes no Authorization header beside its signature."
        )
    if request.headers.get("x-ms-blob-type") != "BlockBlob":
        return _error(400, "MissingRequiredHeader", "The header x-ms-blob-type must be BlockBlob.")
    return None


def _error(status: int, code: str, message: str) -> Response:
    return Response(storage_error_body(code, message), status_code=status, media_type="application/xml")
