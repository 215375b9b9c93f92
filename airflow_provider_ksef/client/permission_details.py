"""Who gets a permission, in words: KSeF keeps names and papers beside the identifier."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from airflow_provider_ksef.client.input_checks import check_length
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from airflow_provider_ksef.exceptions import KsefInputError

_FIRST_NAME, _LAST_NAME, _ENTITY_NAME = (2, 30), (2, 81), (5, 90)
_LONGEST_NAME, _LONGEST_ADDRESS, _LONGEST_DOCUMENT = 100, 512, 20
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


@dataclass(frozen=True)
class PersonById:
    """
    A person who logs in by NIP or PESEL.

    :param first_name: 2 to 30 characters.
    :param last_name: 2 to 81 characters.
    :raises KsefInputError: where a name is shorter or longer.
    """

    first_name: str
    last_name: str

    def __post_init__(self) -> None:
        _check_names(self.first_name, self.last_name)

    def to_json(self) -> dict[str, Any]:
        """Give the details as requests have them."""
        names = _names(self.first_name, self.last_name)
        return {"subjectDetailsType": "PersonByIdentifier", "personById": names}


@dataclass(frozen=True)
class PersonByFpWithId:
    """
    A person with a NIP or PESEL whose certificate does not tell it.

    :param first_name: 2 to 30 characters.
    :param last_name: 2 to 81 characters.
    :param identifier: the NIP or PESEL.
    :raises KsefInputError: where a name is shorter or longer, or the identifier is a fingerprint.
    """

    first_name: str
    last_name: str
    identifier: SubjectIdentifier

    def __post_init__(self) -> None:
        _check_names(self.first_name, self.last_name)
        if self.identifier.type == "Fingerprint":
            raise KsefInputError(
                "identifier.type", "Fingerprint", "is no number of a person", "Give the Nip or the Pesel."
            )

    def to_json(self) -> dict[str, Any]:
        """Give the details as requests have them."""
        person = {**_names(self.first_name, self.last_name), "identifier": self.identifier.to_json()}
        return {"subjectDetailsType": "PersonByFingerprintWithIdentifier", "personByFpWithId": person}


@dataclass(frozen=True)
class IdDocument:
    """
    A passport or the like.

    :param type: what it is, up to 20 characters.
    :param number: with its series, up to 20 characters.
    :param country: that issued it, two capital letters (ISO 3166-1).
    """

    type: str
    number: str
    country: str

    def to_json(self) -> dict[str, str]:
        """Give the document as requests have it."""
        return {"type": self.type, "number": self.number, "country": self.country}


@dataclass(frozen=True)
class PersonByFpNoId:
    """
    A person without NIP and PESEL.

    :param first_name: 2 to 30 characters.
    :param last_name: 2 to 81 characters.
    :param birth_date: of the person.
    :param id_document: of the person.
    :raises KsefInputError: where a text is shorter or longer, or the country is no code.
    """

    first_name: str
    last_name: str
    birth_date: date
    id_document: IdDocument

    def __post_init__(self) -> None:
        _check_names(self.first_name, self.last_name)
        check_length("id_document.type", self.id_document.type, 0, _LONGEST_DOCUMENT)
        check_length("id_document.number", self.id_document.number, 0, _LONGEST_DOCUMENT)
        if not _COUNTRY.fullmatch(self.id_document.country):
            raise KsefInputError(
                "id_document.country",
                self.id_document.country,
                "is not a country's code of ISO 3166-1",
                "Give two capital letters, such as DE.",
            )

    def to_json(self) -> dict[str, Any]:
        """Give the details as requests have them."""
        person = {
            **_names(self.first_name, self.last_name),
            "birthDate": self.birth_date.isoformat(),
            "idDocument": self.id_document.to_json(),
        }
        return {"subjectDetailsType": "PersonByFingerprintWithoutIdentifier", "personByFpNoId": person}


@dataclass(frozen=True)
class EntityByFp:
    """
    A company that signs with a seal.

    :param full_name: up to 100 characters.
    :param address: up to 512 characters.
    :raises KsefInputError: where a text is longer.
    """

    full_name: str
    address: str

    def __post_init__(self) -> None:
        _check_company(self.full_name, self.address)

    def to_json(self) -> dict[str, Any]:
        """Give the details as requests have them."""
        entity = {"fullName": self.full_name, "address": self.address}
        return {"subjectDetailsType": "EntityByFingerprint", "entityByFp": entity}


@dataclass(frozen=True)
class EntityDetails:
    """
    A Polish company.

    :param full_name: 5 to 90 characters.
    :raises KsefInputError: where it is shorter or longer.
    """

    full_name: str

    def __post_init__(self) -> None:
        check_length("full_name", self.full_name, *_ENTITY_NAME)

    def to_json(self) -> dict[str, Any]:
        """Give the details as requests have them."""
        return {"fullName": self.full_name}


@dataclass(frozen=True)
class EuEntityDetails:
    """
    A company of another EU country.

    :param full_name: up to 100 characters.
    :param address: up to 512 characters.
    :raises KsefInputError: where a text is longer.
    """

    full_name: str
    address: str

    def __post_init__(self) -> None:
        _check_company(self.full_name, self.address)

    def to_json(self) -> dict[str, Any]:
        """Give the details as requests have them."""
        return {"fullName": self.full_name, "address": self.address}


PersonDetails: TypeAlias = PersonById | PersonByFpWithId | PersonByFpNoId
EuSubjectDetails: TypeAlias = PersonByFpWithId | PersonByFpNoId | EntityByFp


def check_person(subject: SubjectIdentifier, details: PersonDetails) -> None:
    """
    Make sure that details are those of somebody with such an identifier.

    :raises KsefInputError: where they belong to another way of logging in.
    """
    is_number = subject.type != "Fingerprint"
    if is_number != isinstance(details, PersonById):
        raise KsefInputError(
            "subject_details",
            type(details).__name__,
            f"does not describe a person known by {subject.type}",
            "Give PersonById with a Nip or Pesel; PersonByFpWithId or PersonByFpNoId with a Fingerprint.",
        )


def _names(first: str, last: str) -> dict[str, Any]:
    return {"firstName": first, "lastName": last}


def _check_names(first: str, last: str) -> None:
    check_length("first_name", first, *_FIRST_NAME)
    check_length("last_name", last, *_LAST_NAME)


def _check_company(name: str, address: str) -> None:
    check_length("full_name", name, 0, _LONGEST_NAME)
    check_length("address", address, 0, _LONGEST_ADDRESS)
