"""The columns of the snapshots: who may do what, by what one logs in, and how much of it there may be."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from airflow_provider_ksef.tables.columns import AMOUNT, MOMENT, described
from airflow_provider_ksef.tables.layout import (
    CERTIFICATES_TABLE,
    LIMITS_TABLE,
    LOGIN_SESSIONS_TABLE,
    PERMISSIONS_TABLE,
    TOKENS_TABLE,
)

SNAPSHOT_DATE = "snapshot_date"
TAKEN_AT = "taken_at"
SOURCE = "source"


def _snapshot() -> Iterator[pa.Field]:
    yield described(SNAPSHOT_DATE, pa.date32(), "Day in Poland on which KSeF was asked; one snapshot a day.")
    yield described(TAKEN_AT, MOMENT, "When KSeF was asked, by the clock of the worker.")


def _extra() -> pa.Field:
    return described(
        "extra", pa.string(), "JSON of all that KSeF told and this version has no column for; else null."
    )


def _identifier(name: str, whose: str) -> Iterator[pa.Field]:
    yield described(f"{name}_type", pa.string(), f"Type of {name}: Nip, Pesel, Fingerprint or another.")
    yield described(name, pa.string(), whose)


def _permissions() -> Iterator[pa.Field]:
    yield from _snapshot()
    yield described(
        SOURCE,
        pa.string(),
        "KSeF's list that told it: persons (people and companies that may work in the context), subunits "
        "(administrators below it), entities (what other companies let the context do), "
        "authorizations_granted and authorizations_received (between companies), eu_entities; entities_roles "
        "(what the context is to the tax office), subordinate_entities_roles (companies below it), "
        "attachments (the consent to invoices with attachments).",
    )
    yield described(
        "id", pa.string(), "KSeF's id of the permission, by which it is revoked; null where KSeF has none."
    )
    yield described(
        "permission_scope",
        pa.string(),
        "What it allows, such as InvoiceWrite or SelfInvoicing; of a role its name, such as VatGroupSubUnit.",
    )
    yield described(
        "permission_state",
        pa.string(),
        "Active, or Inactive where a client took back what was passed on, or there is no consent; null where "
        "KSeF does not say.",
    )
    yield from _identifier(
        "authorized_identifier",
        "Who has it; null in entities, entities_roles and attachments: the context itself.",
    )
    yield described("authorized_name", pa.string(), "Name of the person or company that has it.")
    yield from _identifier("author_identifier", "Who gave it; null where KSeF itself did, or does not say.")
    yield from _identifier(
        "place_identifier",
        "Where it holds: a part of the company, a company below it, another company (of a role: that above "
        "it), or the VAT number of one abroad; null where KSeF does not say: the context itself.",
    )
    yield described("place_name", pa.string(), "Name of the part, or of the company abroad.")
    yield from _identifier("target_identifier", "The client, where the permission was passed on.")
    yield described("can_delegate", pa.bool_(), "Whether it may be passed on.")
    yield described("description", pa.string(), "As who gave it wrote.")
    yield described("start_date", MOMENT, "From when it holds.")
    yield _extra()


def _tokens() -> Iterator[pa.Field]:
    yield from _snapshot()
    yield described("reference_number", pa.string(), "Reference number of the token, which is no secret.")
    yield described("status", pa.string(), "Pending, Active, Revoking, Revoked or Failed.")
    yield described("description", pa.string(), "As its author wrote it.")
    yield from _identifier("author_identifier", "Who made it.")
    yield from _identifier("context_identifier", "Where one may log in by it.")
    yield described("requested_permissions", pa.list_(pa.string()), "Permissions that it was made with.")
    yield described("date_created", MOMENT, "When it was made.")
    yield described("last_use_date", MOMENT, "When somebody last logged in by it; null where nobody has.")
    yield described("status_details", pa.list_(pa.string()), "KSeF's reasons where it failed.")
    yield _extra()


def _certificates() -> Iterator[pa.Field]:
    yield from _snapshot()
    yield described("certificate_serial_number", pa.string(), "Serial number, 16 hexadecimal digits.")
    yield described("name", pa.string(), "Name that its owner gave it.")
    yield described("type", pa.string(), "Authentication to log in by, Offline to sign invoices' links by.")
    yield described("common_name", pa.string(), "Common name of the owner, from the certificate.")
    yield described("status", pa.string(), "Active, Blocked, Revoked or Expired.")
    yield from _identifier("subject_identifier", "Whom KSeF recognizes by it.")
    yield described("valid_from", MOMENT, "From when it is valid.")
    yield described("valid_to", MOMENT, "Until when it is valid.")
    yield described("request_date", MOMENT, "When it was applied for.")
    yield described("last_use_date", MOMENT, "When it was last used; null where it never was.")
    yield _extra()


def _login_sessions() -> Iterator[pa.Field]:
    yield from _snapshot()
    yield described("reference_number", pa.string(), "Reference number of the login.")
    yield described("start_date", MOMENT, "When it began.")
    yield described("method_category", pa.string(), "XadesSignature, NationalNode, Token or Other.")
    yield described("method_code", pa.string(), "KSeF's code of the method, such as xades.qualified-seal.")
    yield described("method_name", pa.string(), "KSeF's name of the method, Polish.")
    yield described("status_code", pa.int32(), "KSeF's status code, 200 for a good login.")
    yield described("status_description", pa.string(), "KSeF's text for the code.")
    yield described("status_details", pa.list_(pa.string()), "KSeF's reasons.")
    yield described(
        "is_token_redeemed", pa.bool_(), "Whether its tokens were fetched; null where KSeF does not say."
    )
    yield described("last_token_refresh_date", MOMENT, "When it last got an access token anew.")
    yield described("refresh_token_valid_until", MOMENT, "Until when it can.")
    yield described("is_current", pa.bool_(), "Whether it is the login that took the snapshot.")
    yield _extra()


def _limits() -> Iterator[pa.Field]:
    yield from _snapshot()
    yield described(
        SOURCE,
        pa.string(),
        "Whose limit: context (of the company), subject (of who is logged in), rate (calls of the company).",
    )
    yield described(
        "name", pa.string(), "KSeF's name, such as onlineSession.maxInvoices or invoiceSend.perHour."
    )
    yield described(
        "value", AMOUNT, "The limit; null where there is none (KSeF says -1), or where it is no such number."
    )
    yield _extra()


AUDIT_SCHEMAS = {
    PERMISSIONS_TABLE: pa.schema(list(_permissions())),
    TOKENS_TABLE: pa.schema(list(_tokens())),
    CERTIFICATES_TABLE: pa.schema(list(_certificates())),
    LOGIN_SESSIONS_TABLE: pa.schema(list(_login_sessions())),
    LIMITS_TABLE: pa.schema(list(_limits())),
}
"""One row per thing and snapshot; key (context, snapshot_date) and the columns of :data:`AUDIT_KEYS`."""

AUDIT_KEYS = {
    PERMISSIONS_TABLE: (SOURCE, "id", "permission_scope", "authorized_identifier", "place_identifier"),
    TOKENS_TABLE: ("reference_number",),
    CERTIFICATES_TABLE: ("certificate_serial_number",),
    LOGIN_SESSIONS_TABLE: ("reference_number",),
    LIMITS_TABLE: (SOURCE, "name"),
}
"""What tells the rows of one snapshot apart."""
