"""Identifiers in requests about permissions: their types, and whether a value is as its type wants it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from airflow_provider_ksef.emulator.choices import Choice
from airflow_provider_ksef.emulator.identities import FINGERPRINT, Identity
from airflow_provider_ksef.emulator.store.grants import ALL_PARTNERS, SYSTEM
from airflow_provider_ksef.emulator.wire import WireModel

Fingerprint = Annotated[str, Field(pattern=f"(?i)^{FINGERPRINT}$")]
_ALONE = (ALL_PARTNERS.type, SYSTEM.type)


class PersonType(Choice):
    """What identifies a person or a company."""

    NIP = "Nip"
    PESEL = "Pesel"
    FINGERPRINT = "Fingerprint"


class NumberType(Choice):
    """Which of a person's numbers it is."""

    PESEL = "Pesel"
    NIP = "Nip"


class NipType(Choice):
    """What identifies a company."""

    NIP = "Nip"


class EntityType(Choice):
    """What identifies a company that may issue invoices for others."""

    NIP = "Nip"
    PEPPOL_ID = "PeppolId"


class PlaceType(Choice):
    """What identifies a company or a part of one."""

    NIP = "Nip"
    INTERNAL_ID = "InternalId"


class TargetType(Choice):
    """Whose invoices somebody works with for an intermediary."""

    NIP = "Nip"
    ALL_PARTNERS = "AllPartners"
    INTERNAL_ID = "InternalId"


class AuthorType(Choice):
    """What identifies who gave a permission."""

    NIP = "Nip"
    PESEL = "Pesel"
    FINGERPRINT = "Fingerprint"
    SYSTEM = "System"


class CompositeType(Choice):
    """What identifies a Polish company together with one of another EU country."""

    NIP_VAT_UE = "NipVatUe"


class FingerprintType(Choice):
    """What identifies the holder of a certificate without number."""

    FINGERPRINT = "Fingerprint"


class _Identifier(WireModel):
    type: Choice
    value: str | None = None

    @model_validator(mode="after")
    def _fits_its_type(self) -> _Identifier:
        if self.type in _ALONE:
            if self.value:
                raise ValueError(f"{self.type.value} has no value")
        elif self.value is None or not self.identity.is_well_formed:
            raise ValueError(f"{self.value} is not a valid {self.type.value}")
        return self

    @property
    def identity(self) -> Identity:
        value = self.value or ""
        return Identity(self.type.value, value.upper() if self.type == "Fingerprint" else value)


class PersonIdentifier(_Identifier):
    """A person or a company."""

    type: PersonType


class NumberIdentifier(_Identifier):
    """A person with a number."""

    type: NumberType


class NipIdentifier(_Identifier):
    """A company."""

    type: NipType


class EntityIdentifier(_Identifier):
    """A company or a Peppol provider."""

    type: EntityType


class PlaceIdentifier(_Identifier):
    """A company or a part of one."""

    type: PlaceType


class SubunitIdentifier(PlaceIdentifier):
    """A company below another, or a part of one, with the right check digit."""

    @model_validator(mode="after")
    def _has_right_checksum(self) -> SubunitIdentifier:
        if self.identity.type == "InternalId" and not self.identity.has_right_checksum:
            raise ValueError(f"{self.value} has a wrong check digit")
        return self


class TargetIdentifier(_Identifier):
    """One client of an intermediary, or all."""

    type: TargetType


class AuthorIdentifier(_Identifier):
    """Who gave a permission."""

    type: AuthorType


class CompositeIdentifier(_Identifier):
    """A composite context."""

    type: CompositeType


class FingerprintIdentifier(_Identifier):
    """The holder of a certificate."""

    type: FingerprintType
