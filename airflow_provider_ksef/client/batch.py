"""Batch sessions: opened with a declaration of the package, closed when its parts are uploaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from airflow_provider_ksef.client.answers import json_parser
from airflow_provider_ksef.client.calls import Call, Flow
from airflow_provider_ksef.client.closing import close
from airflow_provider_ksef.client.crypto import SessionKey
from airflow_provider_ksef.client.forms import BATCH_FORMS, FormCode, form_of
from airflow_provider_ksef.client.keys import PublicKey
from airflow_provider_ksef.client.packing import COMPRESSION_TYPES, PackedBatch
from airflow_provider_ksef.client.security import encryption_info, with_current_key


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

    def __repr__(self) -> str:
        return f"<part {self.ordinal_number}>"


class _Opened(msgspec.Struct, rename="camel"):
    reference_number: str
    part_upload_requests: list[_PartUpload]


def form_of_batch(form_code: str) -> FormCode:
    """
    Give the ``FormCode`` of a form, or say which there are.

    :raises KsefInputError: where a batch cannot hold this form.
    """
    return form_of(form_code, BATCH_FORMS, "a batch session")


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
    form = form_of_batch(form_code)
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

    :param reference_number: of the session.
    :raises KsefApiError: where KSeF refuses, for instance because a part is missing (21205).
    """
    return close("batch", reference_number)


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
