"""Batch sessions: opened with a declaration of the package, closed when its parts are uploaded."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from airflow_provider_ksef.client import sessions
from airflow_provider_ksef.client.answers import json_parser, nothing
from airflow_provider_ksef.client.calls import Call, Flow, Pause
from airflow_provider_ksef.client.crypto import SessionKey
from airflow_provider_ksef.client.identifiers import check_reference_number
from airflow_provider_ksef.client.keys import PublicKey
from airflow_provider_ksef.client.packing import COMPRESSION_TYPES, PackedBatch
from airflow_provider_ksef.client.security import encryption_info, with_current_key
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefInputError,
    KsefTransportError,
    KsefUnavailableError,
)

log = logging.getLogger(__name__)

FORMS = {
    "FA (2)": {"systemCode": "FA (2)", "schemaVersion": "1-0E", "value": "FA"},
    "FA (3)": {"systemCode": "FA (3)", "schemaVersion": "1-0E", "value": "FA"},
    "FA_RR (1)": {"systemCode": "FA_RR (1)", "schemaVersion": "1-1E", "value": "FA_RR"},
}
"""``FormCode`` of each form that a batch may hold, by its system code."""
_NOT_CLOSABLE = 21180
_CLOSE_PAUSES = (2.0, 5.0, 10.0, 20.0)
"""Seconds before a close whose outcome was unknown is repeated."""


@dataclass(frozen=True)
class PartUpload:
    """
    Where one part is to be uploaded.

    :param ordinal_number: of the part, from 1.
    :param method: ``PUT``.
    :param url: pre-signed, so it is a secret for as long as it lives.
    :param headers: to be sent exactly as they are.
    """

    ordinal_number: int
    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class OpenedBatch:
    """
    A batch session that waits for its parts; without its close it has no effect.

    :param reference_number: of the session.
    :param uploads: one for each declared part.
    """

    reference_number: str
    uploads: tuple[PartUpload, ...]


class _PartUpload(msgspec.Struct, rename="camel"):
    ordinal_number: int
    method: str
    url: str
    headers: dict[str, str | None] | None = None


class _Opened(msgspec.Struct, rename="camel"):
    reference_number: str
    part_upload_requests: list[_PartUpload]


def check_form_code(form_code: str) -> str:
    """
    Give the form code back, or say which there are.

    :raises KsefInputError: where a batch cannot hold this form.
    """
    if form_code not in FORMS:
        raise KsefInputError(
            "form_code",
            form_code,
            "is not a form that a batch session takes",
            f"Give one of: {', '.join(FORMS)}; mind the space.",
        )
    return form_code


def open_session(
    form_code: str, package: PackedBatch, key: SessionKey, *, offline_mode: bool = False
) -> Flow[OpenedBatch]:
    """
    Open a batch session and declare its package (``POST /sessions/batch``).

    :param form_code: system code of the invoices' form, such as ``FA (3)``.
    :param package: what :func:`~airflow_provider_ksef.client.packing.pack_batch` made.
    :param key: the key that the package is encrypted with.
    :param offline_mode: declares all invoices as issued offline.
    :raises KsefInputError: where the form is unknown, before anything is sent.
    """
    form = FORMS[check_form_code(form_code)]
    batch_file = {
        "fileSize": package.size,
        "fileHash": package.hash,
        "compressionType": COMPRESSION_TYPES[package.compression],
        "fileParts": [
            {"ordinalNumber": part.ordinal_number, "fileSize": part.size, "fileHash": part.hash}
            for part in package.parts
        ],
    }

    def make_call(public_key: PublicKey) -> Call[OpenedBatch]:
        body = {
            "formCode": form,
            "batchFile": batch_file,
            "encryption": encryption_info(key, public_key),
            "offlineMode": offline_mode,
        }
        # Safe: a session that is opened twice and closed once has one effect.
        return Call("POST", "/sessions/batch", _parse_opened, body=body, is_safe=True)

    return with_current_key("SymmetricKeyEncryption", make_call)


def close_session(reference_number: str) -> Flow[None]:
    """
    Close a batch session, so that KSeF processes it (``POST /sessions/batch/{referenceNumber}/close``).

    A close without a clear answer may have worked: the session is read, and closed again where it is open
    still. A session that is closed already is fine.

    :param reference_number: of the session.
    :raises KsefApiError: where KSeF refuses, for instance because a part is missing (21205).
    """
    check_reference_number(reference_number, "session_reference_number")
    call = Call("POST", f"/sessions/batch/{reference_number}/close", nothing)
    for seconds in _CLOSE_PAUSES:
        try:
            return (yield from call)
        except (KsefUnavailableError, KsefTransportError) as error:
            log.warning("It is not known whether session %s was closed: %s", reference_number, error)
        except KsefApiError as error:
            yield from _closed_already(reference_number, error)
            return None
        status = yield from sessions.get_status(reference_number)
        log.info("Session %s has status %d %s.", reference_number, status.code, status.description)
        if not status.is_open:
            return None
        yield from Pause(seconds)
    return (yield from call)


def _closed_already(reference_number: str, error: KsefApiError) -> Flow[None]:
    """Raise the error unless it only says that the session is closed."""
    if error.fault.code != _NOT_CLOSABLE:
        raise error
    status = yield from sessions.get_status(reference_number)
    if status.is_open:
        raise error
    log.info("Session %s was closed before; its status is %d.", reference_number, status.code)


def _opened(answer: _Opened) -> OpenedBatch:
    uploads = tuple(
        PartUpload(
            item.ordinal_number,
            item.method,
            item.url,
            {name: value for name, value in (item.headers or {}).items() if value is not None},
        )
        for item in answer.part_upload_requests
    )
    return OpenedBatch(answer.reference_number, uploads)


_parse_opened = json_parser(_Opened, _opened)
