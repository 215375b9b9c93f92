"""Making KSeF tokens."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable

from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.moments import polish_day
from airflow_provider_ksef.emulator.numbers import make_reference_number
from airflow_provider_ksef.emulator.store.tokens import ACTIVE, Token, TokenStore

PERMISSIONS = (
    "InvoiceRead",
    "InvoiceWrite",
    "Introspection",
    "CredentialsRead",
    "CredentialsManage",
    "SubunitManage",
)
_KINDS = {"Nip": "nip", "InternalId": "internalId"}
_OFFICIAL = re.compile(r"(\d{8}-EC-[0-9A-F]{10}-[0-9A-F]{10}-[0-9A-F]{2})\|", re.ASCII)


def make_token_text(reference: str, context: Identity) -> str:
    """Write a new secret token as KSeF does."""
    return f"{reference}|{_KINDS[context.type]}-{context.value}|{secrets.token_hex(32)}"


def keep_given_tokens(tokens: TokenStore, pairs: Iterable[tuple[str, str]], moment: int) -> None:
    """Let the pairs of NIP and token that the command line gives be tokens like others, made by the owner."""
    for nip, text in pairs:
        context = Identity("Nip", nip)
        if any(token.context == context for token in tokens.find(text)):
            continue  # from an earlier run; it may have been revoked since
        tokens.add(
            Token(
                reference=_reference(tokens, text, moment),
                context=context,
                author=context,
                description="Token z wiersza poleceń emulatora",
                permissions=PERMISSIONS,
                created=moment,
                status=ACTIVE,
                settled=moment,
            ),
            text,
        )


def _reference(tokens: TokenStore, text: str, moment: int) -> str:
    found = _OFFICIAL.match(text)
    if found and tokens.get(found[1]) is None:
        return found[1]
    return make_reference_number("EC", polish_day(moment))
