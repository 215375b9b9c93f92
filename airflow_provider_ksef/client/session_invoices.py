"""What became of an invoice within its session, as KSeF tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from airflow_provider_ksef.client.answers import StatusInfo

_UNDECIDED = (100, 150)
_ACCEPTED = 200


@dataclass(frozen=True)
class SessionInvoice:
    """
    What became of one invoice of a session; dates as KSeF writes them.

    :param ordinal_number: its place in the session, from 1.
    :param reference_number: of the invoice within KSeF.
    :param invoice_hash: Base64 SHA-256 of the XML.
    :param invoice_number: the issuer's number, where the XML could be read.
    :param ksef_number: the number that makes it an invoice, where it was accepted.
    :param file_name: its name in the batch's archive.
    :param code: KSeF's status code; 200 is accepted, 100 and 150 are not decided.
    :param description: KSeF's text for the code.
    :param details: KSeF's reasons.
    :param extensions: further facts by name, such as ``originalKsefNumber`` of a duplicate.
    :param invoicing_date: when it was received.
    :param acquisition_date: when it got its KSeF number.
    :param permanent_storage_date: when it was stored for good.
    :param invoicing_mode: ``Online`` or ``Offline``.
    :param upo_download_url: pre-signed link to its own confirmation.
    :param extra: JSON of what this version does not know, as KSeF wrote it.
    """

    ordinal_number: int
    reference_number: str
    invoice_hash: str
    invoice_number: str | None
    ksef_number: str | None
    file_name: str | None
    code: int
    description: str
    details: tuple[str, ...]
    extensions: Mapping[str, str | None]
    invoicing_date: str
    acquisition_date: str | None
    permanent_storage_date: str | None
    invoicing_mode: str | None
    upo_download_url: str | None = field(repr=False)
    extra: str | None = field(default=None, repr=False)

    @property
    def is_final(self) -> bool:
        """Whether KSeF has judged the invoice."""
        return self.code not in _UNDECIDED

    @property
    def is_accepted(self) -> bool:
        """Whether it has become an invoice, with a KSeF number."""
        return self.code == _ACCEPTED


class _InvoiceStatus(StatusInfo, rename="camel"):
    extensions: dict[str, str | None] | None = None


class _Invoice(msgspec.Struct, rename="camel"):
    ordinal_number: int
    reference_number: str
    invoice_hash: str
    invoicing_date: str
    status: _InvoiceStatus
    invoice_number: str | None = None
    ksef_number: str | None = None
    invoice_file_name: str | None = None
    acquisition_date: str | None = None
    permanent_storage_date: str | None = None
    invoicing_mode: str | None = None
    upo_download_url: str | None = None


def read_invoice(told: msgspec.Raw) -> SessionInvoice:
    """
    Read what KSeF tells of an invoice, the unknown with it.

    :param told: a JSON object, ``SessionInvoiceStatusResponse`` of the API.
    :raises msgspec.DecodeError: where it is not that.
    """
    item = msgspec.json.decode(told, type=_Invoice)
    return SessionInvoice(
        ordinal_number=item.ordinal_number,
        reference_number=item.reference_number,
        invoice_hash=item.invoice_hash,
        invoice_number=item.invoice_number,
        ksef_number=item.ksef_number,
        file_name=item.invoice_file_name,
        code=item.status.code,
        description=item.status.description,
        details=tuple(item.status.details or ()),
        extensions=item.status.extensions or {},
        invoicing_date=item.invoicing_date,
        acquisition_date=item.acquisition_date,
        permanent_storage_date=item.permanent_storage_date,
        invoicing_mode=item.invoicing_mode,
        upo_download_url=item.upo_download_url,
        extra=_unknown(told),
    )


def _unknown(told: msgspec.Raw) -> str | None:
    """Give the members that a newer KSeF has added, as it wrote them."""
    members = msgspec.json.decode(told, type=_MEMBERS)
    unknown = {name: value for name, value in members.items() if name not in _KNOWN}
    status = msgspec.json.decode(members["status"], type=_MEMBERS)
    if rest := {name: value for name, value in status.items() if name not in _KNOWN_STATUS}:
        unknown["status"] = msgspec.Raw(msgspec.json.encode(rest))
    return msgspec.json.encode(unknown).decode() if unknown else None


def _names(shape: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(member.encode_name for member in msgspec.structs.fields(shape))


_MEMBERS = dict[str, msgspec.Raw]
_KNOWN = _names(_Invoice) | {"upoDownloadUrlExpirationDate"}
_KNOWN_STATUS = _names(_InvoiceStatus)
