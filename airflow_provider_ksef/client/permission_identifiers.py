"""Who gives permissions and where they hold: identifiers beside those of who has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_ksef.client import identifiers
from airflow_provider_ksef.client.input_checks import check_choice
from airflow_provider_ksef.client.subjects import SUBJECT_TYPES, SubjectIdentifier
from airflow_provider_ksef.exceptions import KsefInputError

ALL_PARTNERS, SYSTEM = "AllPartners", "System"
PLACE_TYPES = ("Nip", "InternalId", "NipVatUe")
ENTITY_TYPES = ("Nip", "PeppolId")
TARGET_TYPES = ("Nip", "InternalId", ALL_PARTNERS)
NO_COMPANY = "is not how a company is identified"
AUTHOR_TYPES = (*SUBJECT_TYPES, SYSTEM)


@dataclass(frozen=True)
class PlaceIdentifier:
    """
    A company, a part of one, or a Polish company together with one of another EU country.

    :param type: ``Nip``, ``InternalId`` or ``NipVatUe``.
    :param value: the identifier.
    :raises KsefInputError: where the type is unknown, or form or checksum of the value is wrong.
    """

    type: str
    value: str

    def __post_init__(self) -> None:
        _check(self.type, self.value, PLACE_TYPES)

    def to_json(self) -> dict[str, str]:
        """Give the identifier as requests have it."""
        return {"type": self.type, "value": self.value}


@dataclass(frozen=True)
class EntityIdentifier:
    """
    A company or a Peppol provider.

    :param type: ``Nip`` or ``PeppolId``.
    :param value: the identifier.
    :raises KsefInputError: where the type is unknown, or form or checksum of the value is wrong.
    """

    type: str
    value: str

    def __post_init__(self) -> None:
        _check(self.type, self.value, ENTITY_TYPES)

    def to_json(self) -> dict[str, str]:
        """Give the identifier as requests have it."""
        return {"type": self.type, "value": self.value}


@dataclass(frozen=True)
class TargetIdentifier:
    """
    Whose invoices somebody handles for an intermediary.

    :param type: ``Nip`` or ``InternalId`` for one client, ``AllPartners`` for all.
    :param value: the identifier; None for ``AllPartners``.
    :raises KsefInputError: where the type is unknown, or the value does not fit it.
    """

    type: str
    value: str | None = None

    def __post_init__(self) -> None:
        _check_optional(self.type, self.value, TARGET_TYPES, ALL_PARTNERS)

    def to_json(self) -> dict[str, str]:
        """Give the identifier as requests have it."""
        return _written(self.type, self.value)


@dataclass(frozen=True)
class AuthorIdentifier:
    """
    Who gave a permission.

    :param type: ``Nip``, ``Pesel``, ``Fingerprint`` or ``System``, which is KSeF itself.
    :param value: the identifier; None for ``System``.
    :raises KsefInputError: where the type is unknown, or the value does not fit it.
    """

    type: str
    value: str | None = None

    def __post_init__(self) -> None:
        _check_optional(self.type, self.value, AUTHOR_TYPES, SYSTEM)

    def to_json(self) -> dict[str, str]:
        """Give the identifier as requests have it."""
        return _written(self.type, self.value)


def check_type(
    field: str,
    identifier: SubjectIdentifier | PlaceIdentifier | EntityIdentifier,
    types: tuple[str, ...],
    rule: str,
) -> None:
    """
    Make sure that an identifier is of a type that a request takes.

    :param field: of the request.
    :param rule: why only these, in a sentence.
    :raises KsefInputError: where it is of another type.
    """
    if identifier.type not in types:
        raise KsefInputError(f"{field}.type", identifier.type, rule, f"Give one of: {', '.join(types)}.")


def _check_composite(value: str, field: str) -> str:
    if not identifiers.is_nip_vat_ue(value):
        raise KsefInputError(
            field,
            value,
            "is not a NIP with a VAT number of another EU country, or the NIP's checksum is wrong",
            "Give both with a hyphen in between, such as 5250001210-DE123456789.",
        )
    return value


_CHECKS: dict[str, Callable[[str, str], str]] = {
    "Nip": identifiers.check_nip,
    "Pesel": identifiers.check_pesel,
    "Fingerprint": identifiers.check_fingerprint,
    "InternalId": identifiers.check_internal_id,
    "NipVatUe": _check_composite,
    "PeppolId": identifiers.check_peppol_id,
}


def _check(kind: str, value: str, types: tuple[str, ...]) -> None:
    check_choice("type", kind, types)
    _CHECKS[kind](value, "value")


def _check_optional(kind: str, value: str | None, types: tuple[str, ...], alone: str) -> None:
    check_choice("type", kind, types)
    if kind == alone:
        if value is not None:
            raise KsefInputError("value", value, f"is given for {alone}, which has none", "Leave it out.")
    elif value is None:
        raise KsefInputError("value", value, f"is missing for type {kind}", "Give the identifier.")
    else:
        _CHECKS[kind](value, "value")


def _written(kind: str, value: str | None) -> dict[str, str]:
    return {"type": kind} if value is None else {"type": kind, "value": value}
