"""Who has permissions, tokens and certificates: people, companies, and certificates without a number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_ksef.client import identifiers
from airflow_provider_ksef.client.input_checks import check_choice

_CHECKS: dict[str, Callable[[str, str], str]] = {
    "Nip": identifiers.check_nip,
    "Pesel": identifiers.check_pesel,
    "Fingerprint": identifiers.check_fingerprint,
}
SUBJECT_TYPES = tuple(_CHECKS)


@dataclass(frozen=True)
class Identifier:
    """
    An identifier as KSeF tells it, which may be of a type that this version does not know.

    :param type: such as ``Nip``.
    :param value: the identifier.
    """

    type: str
    value: str


@dataclass(frozen=True)
class SubjectIdentifier:
    """
    A person, a company, or whoever has a certificate without a number of either.

    :param type: ``Nip``, ``Pesel`` or ``Fingerprint``.
    :param value: the identifier.
    :raises KsefInputError: where the type is unknown, or form or checksum of the value is wrong.
    """

    type: str
    value: str

    def __post_init__(self) -> None:
        check_choice("type", self.type, SUBJECT_TYPES)
        _CHECKS[self.type](self.value, "value")

    def to_json(self) -> dict[str, str]:
        """Give the identifier as requests have it."""
        return {"type": self.type, "value": self.value}
