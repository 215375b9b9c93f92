"""What is kept of a secret that is still to come, so that neither a kill nor a deferral loses one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from airflow_provider_ksef.client import Settings
from airflow_provider_ksef.exceptions import KsefApiError, KsefError

_UNKNOWN = (400, 404, 410)
_OTHERS = "insufficient-resource-access"
_PLAIN = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True)
class PendingSecret:
    """
    A secret that KSeF is making, beside the one that is in force.

    :param wanted: what it is for, as plain texts; another task's is told by it.
    :param kept_at: when it was first kept, in seconds since the epoch.
    :param before: reference or serial numbers of what there was before KSeF was asked.
    :param token: the KSeF token that is not active yet; empty before KSeF has answered, and for certificates.
    :param private_key: PEM (PKCS#8, not encrypted) of the certificate to come; empty for tokens.
    :param reference_number: of the token or the application; empty before KSeF has answered.
    :param replaces: serial number of the certificate to be revoked once the new one is in force.
    :param saved: number of what a sink that cannot be asked has taken.
    :param applications_left: how many applications KSeF allowed before this one.
    """

    wanted: dict[str, str]
    kept_at: float
    before: tuple[str, ...] = ()
    token: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    reference_number: str = ""
    replaces: str = ""
    saved: str = ""
    applications_left: int | None = None


class PendingSink(Protocol):
    """What a sink has beside its other methods where it keeps pending secrets; ``read`` ignores them."""

    def read_pending(self) -> PendingSecret | None:
        """Give the pending secret; None where there is none."""

    def keep_pending(self, pending: PendingSecret) -> None:
        """Put a pending secret in place of an earlier one, whole or not at all, and never lose it again."""

    def drop_pending(self) -> None:
        """Forget the pending secret, so that nothing is left of it."""


def pending_fields(pending: PendingSecret) -> dict[str, Any]:
    """
    Write a pending secret as plain JSON values.

    :param pending: the secret; its text is among them.
    """
    return _PLAIN.decode(msgspec.json.encode(pending))


def pending_in(fields: Any, place: str) -> PendingSecret:
    """
    Read a pending secret.

    :param fields: as :func:`pending_fields` writes them.
    :param place: where they stand, for the error.
    :raises KsefError: where it is none; no value is told.
    """
    try:
        return msgspec.convert(fields, PendingSecret)
    except msgspec.ValidationError:
        raise KsefError(
            f"{place} holds something else than a pending secret of this package.",
            "Remove it, and revoke in KSeF what it was for.",
        ) from None


def place_of(settings: Settings) -> dict[str, str]:
    """
    Tell where a secret is good for, as a part of what is wanted.

    :param settings: of the login that asks for it.
    """
    context = settings.context
    return {"environment": settings.environment.base_url, "context": f"{context.type}:{context.value}"}


def is_strange(pending: PendingSecret, wanted: dict[str, str], *place: str) -> bool:
    """
    Whether what is pending is of another kind, or of another place where nothing can be done about it here.

    :param pending: the secret.
    :param wanted: what the task wants.
    :param place: names of the facts that make the place.
    """
    kept = pending.wanted
    return kept.keys() != wanted.keys() or any(kept[name] != wanted[name] for name in place)


def is_unknown(error: KsefApiError) -> bool:
    """
    Whether KSeF knows no such reference number, or none of this login's.

    :param error: KSeF's answer to the question how it stands.
    """
    return error.fault.http_status in _UNKNOWN or error.fault.reason_code == _OTHERS
