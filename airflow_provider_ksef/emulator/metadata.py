"""What the API tells about an invoice: its facts and what the system added."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from airflow_provider_ksef.emulator.documents import InvoiceFacts
from airflow_provider_ksef.emulator.moments import format_metadata_moment

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Registration:
    """
    What KSeF added to a document when it accepted it. Moments are in ticks.

    :param session: the reference number of the session that brought it.
    :param corrected_hash: of the rejected invoice that it corrects technically.
    """

    ksef_number: str
    hash: str
    invoicing: int
    acquired: int
    stored: int
    mode: str
    session: str
    corrected_hash: str | None = None


def metadata_json(facts: InvoiceFacts, registration: Registration) -> bytes:
    """Write an ``InvoiceMetadata``: amounts are numbers with two decimals, absent members are left out."""
    body: dict[str, Any] = {
        "ksefNumber": registration.ksef_number,
        "invoiceNumber": facts.invoice_number,
        "issueDate": facts.issue_date,
        "invoicingDate": format_metadata_moment(registration.invoicing),
        "acquisitionDate": format_metadata_moment(registration.acquired),
        "permanentStorageDate": format_metadata_moment(registration.stored),
        "seller": _named({"nip": facts.seller_nip}, facts.seller_name),
        "buyer": _named({"identifier": _identifier(facts.buyer_type, facts.buyer_value)}, facts.buyer_name),
        "netAmount": facts.net.quantize(_CENT),
        "grossAmount": facts.gross.quantize(_CENT),
        "vatAmount": facts.vat.quantize(_CENT),
        "currency": facts.currency,
        "invoicingMode": registration.mode,
        "invoiceType": facts.invoice_type,
        "formCode": {
            "systemCode": facts.form.system_code,
            "schemaVersion": facts.form.schema_version,
            "value": facts.form.value,
        },
        "isSelfInvoicing": facts.is_self_invoicing,
        "hasAttachment": facts.has_attachment,
        "invoiceHash": registration.hash,
        "thirdSubjects": [
            {**_named({"identifier": _identifier(each.type, each.value)}, each.name), "role": each.role}
            for each in facts.third_subjects
        ],
    }
    if registration.corrected_hash is not None:
        body["hashOfCorrectedInvoice"] = registration.corrected_hash
    if (authorized := facts.authorized_subject) is not None:
        body["authorizedSubject"] = {
            **_named({"nip": authorized.nip}, authorized.name),
            "role": authorized.role,
        }
    return _ENCODER.encode(body)


def roles_of(facts: InvoiceFacts) -> set[tuple[str, str]]:
    """
    Who appears on the invoice, and as which subject type.

    A company of another EU country is seller and buyer in its composite context: it issues for the seller.
    """
    roles = {(facts.seller_nip, "Subject1")}
    if facts.buyer_type == "Nip" and facts.buyer_value:
        roles.add((facts.buyer_value, "Subject2"))
    if facts.buyer_type == "VatUe":
        together = f"{facts.seller_nip}-{facts.buyer_value}"
        roles |= {(together, "Subject1"), (together, "Subject2")}
    for each in facts.third_subjects:
        if each.type in ("Nip", "InternalId") and each.value:
            roles.add((each.value, "Subject3"))
    if facts.authorized_subject is not None:
        roles.add((facts.authorized_subject.nip, "SubjectAuthorized"))
    return roles


def _named(party: dict[str, Any], name: str | None) -> dict[str, Any]:
    return party if name is None else {**party, "name": name}


def _identifier(kind: str, value: str | None) -> dict[str, str]:
    return {"type": kind} if value is None else {"type": kind, "value": value}
