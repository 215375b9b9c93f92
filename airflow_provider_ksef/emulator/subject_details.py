"""Who gets a permission, in words: names and papers beside the identifier."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, TypeVar

from pydantic import Field, model_validator

from airflow_provider_ksef.emulator.choices import Choice
from airflow_provider_ksef.emulator.grant_identifiers import NumberIdentifier
from airflow_provider_ksef.emulator.wire import WireModel, present

S = TypeVar("S", bound="PersonSubject | EuSubject")
FirstName = Annotated[str, Field(min_length=2, max_length=30)]
LastName = Annotated[str, Field(min_length=2, max_length=81)]


class PersonDetailsType(Choice):
    """How a person proves who it is."""

    BY_IDENTIFIER = "PersonByIdentifier"
    BY_FINGERPRINT_WITH_IDENTIFIER = "PersonByFingerprintWithIdentifier"
    BY_FINGERPRINT_WITHOUT_IDENTIFIER = "PersonByFingerprintWithoutIdentifier"


class EuDetailsType(Choice):
    """How somebody who acts for a company of another EU country proves who it is."""

    BY_FINGERPRINT_WITH_IDENTIFIER = "PersonByFingerprintWithIdentifier"
    BY_FINGERPRINT_WITHOUT_IDENTIFIER = "PersonByFingerprintWithoutIdentifier"
    ENTITY = "EntityByFingerprint"


class PersonById(WireModel):
    """A person's names."""

    first_name: FirstName
    last_name: LastName

    def to_json(self) -> dict[str, Any]:
        return {"firstName": self.first_name, "lastName": self.last_name}


class PersonByFpWithId(PersonById):
    """A person whose certificate has no number, with the number."""

    identifier: NumberIdentifier

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "personIdentifier": self.identifier.identity.to_json()}


class IdDocument(WireModel):
    """A passport or the like."""

    type: str = Field(max_length=20)
    number: str = Field(max_length=20)
    country: str = Field(pattern="^[A-Z]{2}$")


class PersonByFpNoId(PersonById):
    """A person without number, with a document."""

    birth_date: date
    id_document: IdDocument

    def to_json(self) -> dict[str, Any]:
        document = self.id_document.model_dump(by_alias=True)
        return {**super().to_json(), "birthDate": str(self.birth_date), "idDocument": document}


class EntityByFp(WireModel):
    """A company of another country."""

    full_name: str = Field(max_length=100)
    address: str = Field(max_length=512)

    def to_json(self) -> dict[str, Any]:
        return {"fullName": self.full_name, "address": self.address}


class EntityDetails(WireModel):
    """A company's name."""

    full_name: str = Field(min_length=5, max_length=90)


class PersonSubject(WireModel):
    """A person: the member that the type asks for must be there."""

    subject_details_type: PersonDetailsType
    person_by_id: PersonById | None = None
    person_by_fp_with_id: PersonByFpWithId | None = None
    person_by_fp_no_id: PersonByFpNoId | None = None

    @model_validator(mode="after")
    def _has_details(self) -> PersonSubject:
        return _checked(self, self._chosen)

    @property
    def _chosen(self) -> PersonById | None:
        return {
            PersonDetailsType.BY_IDENTIFIER: self.person_by_id,
            PersonDetailsType.BY_FINGERPRINT_WITH_IDENTIFIER: self.person_by_fp_with_id,
            PersonDetailsType.BY_FINGERPRINT_WITHOUT_IDENTIFIER: self.person_by_fp_no_id,
        }[self.subject_details_type]

    def to_json(self) -> dict[str, Any]:
        """The members as queries tell them."""
        return {"subjectPersonDetails": _told(self.subject_details_type, self._chosen)}


class EuSubject(WireModel):
    """A person or a company, known by a certificate: the member that the type asks for must be there."""

    subject_details_type: EuDetailsType
    person_by_fp_with_id: PersonByFpWithId | None = None
    person_by_fp_no_id: PersonByFpNoId | None = None
    entity_by_fp: EntityByFp | None = None

    @model_validator(mode="after")
    def _has_details(self) -> EuSubject:
        return _checked(self, self._chosen)

    @property
    def _chosen(self) -> PersonById | EntityByFp | None:
        return {
            EuDetailsType.BY_FINGERPRINT_WITH_IDENTIFIER: self.person_by_fp_with_id,
            EuDetailsType.BY_FINGERPRINT_WITHOUT_IDENTIFIER: self.person_by_fp_no_id,
            EuDetailsType.ENTITY: self.entity_by_fp,
        }[self.subject_details_type]

    def to_json(self) -> dict[str, Any]:
        """The members as queries tell them."""
        name = "subjectEntityDetails" if self.subject_details_type == "EntityByFingerprint" else None
        return {name or "subjectPersonDetails": _told(self.subject_details_type, self._chosen)}


def _checked(subject: S, chosen: PersonById | EntityByFp | None) -> S:
    if chosen is None:
        raise ValueError(f"lacks the details of a {subject.subject_details_type.value}")
    return subject


def _told(kind: Choice, chosen: PersonById | EntityByFp | None) -> dict[str, Any]:
    return present(subjectDetailsType=kind.value, **(chosen.to_json() if chosen else {}))
