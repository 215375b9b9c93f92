"""Exports: KSeF packs the invoices of a range, encrypted with our key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from airflow_provider_ksef.client.answers import StatusInfo, json_parser
from airflow_provider_ksef.client.calls import Call, Flow
from airflow_provider_ksef.client.crypto import SessionKey
from airflow_provider_ksef.client.filters import InvoiceFilters
from airflow_provider_ksef.client.identifiers import check_reference_number
from airflow_provider_ksef.client.keys import PublicKey
from airflow_provider_ksef.client.security import encryption_info, with_current_key
from airflow_provider_ksef.exceptions import KsefInputError

COMPRESSIONS = ("Zip", "TarGz")
_RUNNING = 100


@dataclass(frozen=True)
class ExportPart:
    """
    One part of an export's archive.

    :param ordinal_number: its place, from 1.
    :param name: KSeF's name for it.
    :param url: pre-signed for about an hour, renewed at each reading of the status.
    :param size: of the plain part in bytes.
    :param hash: Base64 SHA-256 of the plain part.
    :param encrypted_size: of what is downloaded.
    :param encrypted_hash: of what is downloaded.
    :param expiration: until when the link works, as KSeF writes it.
    """

    ordinal_number: int
    name: str
    url: str = field(repr=False)
    size: int
    hash: str
    encrypted_size: int
    encrypted_hash: str
    expiration: str


@dataclass(frozen=True)
class ExportPackage:
    """
    What an export found; dates as KSeF writes them, all digits kept.

    :param invoice_count: 0 to 10,000.
    :param size: bytes of the plain archive.
    :param parts: none where there are no invoices.
    :param is_truncated: more invoices match than a package holds.
    :param last_permanent_storage_date: where truncated: the next window begins here.
    :param last_invoicing_date: likewise, for ranges of invoicing dates.
    :param last_issue_date: likewise, for ranges of issue dates.
    :param permanent_storage_hwm_date: up to here nothing can be added any more.
    :param compression: ``Zip`` or ``TarGz``.
    """

    invoice_count: int
    size: int
    parts: tuple[ExportPart, ...]
    is_truncated: bool
    last_permanent_storage_date: str | None
    last_invoicing_date: str | None
    last_issue_date: str | None
    permanent_storage_hwm_date: str | None
    compression: str


@dataclass(frozen=True)
class ExportStatus:
    """
    What became of an export so far.

    :param reference_number: of the export.
    :param code: 100 running, 200 done, 210 expired, 415 key not decrypted, 420 nothing new, 500/550 failed.
    :param description: KSeF's text for the code.
    :param details: KSeF's sub-causes.
    :param package: with code 200.
    """

    reference_number: str
    code: int
    description: str
    details: tuple[str, ...]
    package: ExportPackage | None

    @property
    def is_final(self) -> bool:
        """Whether KSeF has finished with the export."""
        return self.code != _RUNNING


class _Part(msgspec.Struct, rename="camel"):
    ordinal_number: int
    url: str
    part_size: int
    part_hash: str
    encrypted_part_size: int
    encrypted_part_hash: str
    part_name: str = ""
    expiration_date: str = ""


class _Package(msgspec.Struct, rename="camel"):
    invoice_count: int
    size: int
    parts: list[_Part]
    is_truncated: bool
    last_permanent_storage_date: str | None = None
    last_invoicing_date: str | None = None
    last_issue_date: str | None = None
    permanent_storage_hwm_date: str | None = None
    compression_type: str | None = None


class _Export(msgspec.Struct):
    status: StatusInfo
    package: _Package | None = None


class _Started(msgspec.Struct, rename="camel"):
    reference_number: str


def start(
    filters: InvoiceFilters, key: SessionKey, *, only_metadata: bool = True, compression: str = "Zip"
) -> Flow[str]:
    """
    Start an export (``POST /invoices/exports``); KSeF allows 20 an hour and 10 at a time.

    It is not repeated where its outcome is unknown, since each costs one of the 20.

    :param filters: which invoices; at most 10,000 of them come in one package, oldest first.
    :param key: KSeF encrypts the package with it.
    :param only_metadata: only ``_metadata.json``, without the XML.
    :param compression: ``Zip`` or ``TarGz``.
    :returns: the export's reference number.
    :raises KsefInputError: where the compression is unknown.
    """
    if compression not in COMPRESSIONS:
        raise KsefInputError("compression", compression, "is not known to KSeF", "Give Zip or TarGz.")

    def make_call(public_key: PublicKey) -> Call[str]:
        body: dict[str, Any] = {
            "encryption": encryption_info(key, public_key),
            "filters": filters.to_json(),
            "onlyMetadata": only_metadata,
            "compressionType": compression,
        }
        return Call("POST", "/invoices/exports", _parse_started, body=body)

    return with_current_key("SymmetricKeyEncryption", make_call)


def get_status(reference_number: str) -> Call[ExportStatus]:
    """
    Read an export's status (``GET /invoices/exports/{referenceNumber}``).

    :param reference_number: of the export.
    :raises KsefInputError: where it is no reference number.
    :raises KsefApiError: HTTP 410 where KSeF has dropped it, 21175 where it never knew it.
    """

    def build(answer: _Export) -> ExportStatus:
        return ExportStatus(
            reference_number=reference_number,
            code=answer.status.code,
            description=answer.status.description,
            details=tuple(answer.status.details or ()),
            package=_package(answer.package) if answer.package else None,
        )

    path = f"/invoices/exports/{check_reference_number(reference_number, 'export_reference')}"
    return Call("GET", path, json_parser(_Export, build), is_safe=True)


def _package(item: _Package) -> ExportPackage:
    parts = (
        ExportPart(
            ordinal_number=part.ordinal_number,
            name=part.part_name,
            url=part.url,
            size=part.part_size,
            hash=part.part_hash,
            encrypted_size=part.encrypted_part_size,
            encrypted_hash=part.encrypted_part_hash,
            expiration=part.expiration_date,
        )
        for part in item.parts
    )
    return ExportPackage(
        invoice_count=item.invoice_count,
        size=item.size,
        parts=tuple(sorted(parts, key=lambda part: part.ordinal_number)),
        is_truncated=item.is_truncated,
        last_permanent_storage_date=item.last_permanent_storage_date,
        last_invoicing_date=item.last_invoicing_date,
        last_issue_date=item.last_issue_date,
        permanent_storage_hwm_date=item.permanent_storage_hwm_date,
        compression=item.compression_type or "Zip",
    )


def _reference(answer: _Started) -> str:
    return answer.reference_number


_parse_started = json_parser(_Started, _reference)
