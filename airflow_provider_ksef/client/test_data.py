"""
Test data of the TEST environment and of emulators: taxpayers, permissions, consents, blocks, certificates.

Each function is given the environment and refuses production and DEMO before anything is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from airflow_provider_ksef.client.answers import nothing
from airflow_provider_ksef.client.calls import Call, Flow
from airflow_provider_ksef.client.identifiers import check_certificate_serial, check_nip, check_pesel
from airflow_provider_ksef.client.input_checks import (
    check_choice,
    check_choices,
    check_description,
    moment_text,
)
from airflow_provider_ksef.client.settings import ContextIdentifier, Environment
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from airflow_provider_ksef.client.test_environment import in_test_environment
from airflow_provider_ksef.client.tokens import TOKEN_PERMISSIONS
from airflow_provider_ksef.exceptions import KsefInputError

TEST_PERMISSIONS = TOKEN_PERMISSIONS
SUBJECT_KINDS = ("EnforcementAuthority", "VatGroup", "JST")
"""Kinds of organisations: enforcement authority, VAT group, local government (JST)."""


@dataclass(frozen=True)
class Subunit:
    """
    Who belongs to a VAT group or a local government.

    :param subject_nip: of the member.
    :param description: 5 to 256 characters.
    :raises KsefInputError: where one of them is wrong.
    """

    subject_nip: str
    description: str

    def __post_init__(self) -> None:
        check_nip(self.subject_nip, "subject_nip")
        check_description(self.description)


def create_subject(
    environment: Environment,
    subject_nip: str,
    subject_type: str,
    description: str,
    *,
    subunits: Sequence[Subunit] = (),
    created_date: datetime | None = None,
) -> Flow[None]:
    """
    Make an organisation (``POST /testdata/subject``).

    :param environment: of the client's settings; likewise below.
    :param subject_nip: its NIP.
    :param subject_type: ``EnforcementAuthority``, ``VatGroup`` or ``JST``.
    :param description: 5 to 256 characters.
    :param subunits: those that belong to a VAT group or a local government.
    :param created_date: with a time zone; one that was removed is made anew with a later date only.
    :raises KsefInputError: where a value is wrong, or the environment has no test data.
    :raises KsefApiError: 30001 where it exists.
    """
    check_choice("subject_type", subject_type, SUBJECT_KINDS)
    if subunits and subject_type == SUBJECT_KINDS[0]:
        raise KsefInputError(
            "subunits", subunits, f"do not go with {subject_type}", "Leave them out, or give another type."
        )
    body: dict[str, Any] = {
        "subjectNip": check_nip(subject_nip, "subject_nip"),
        "subjectType": subject_type,
        "description": check_description(description),
    }
    if subunits:
        body["subunits"] = [
            {"subjectNip": each.subject_nip, "description": each.description} for each in subunits
        ]
    if created_date is not None:
        body["createdDate"] = moment_text("created_date", created_date)
    return _post(environment, "subject", body)


def remove_subject(environment: Environment, subject_nip: str) -> Flow[None]:
    """
    Remove an organisation with what was granted to it and in its context (``POST /testdata/subject/remove``).

    :param environment: of the client's settings.
    :param subject_nip: its NIP.
    """
    return _post(environment, "subject/remove", {"subjectNip": check_nip(subject_nip, "subject_nip")})


def create_person(
    environment: Environment,
    nip: str,
    pesel: str,
    description: str,
    *,
    is_bailiff: bool = False,
    is_deceased: bool = False,
    created_date: datetime | None = None,
) -> Flow[None]:
    """
    Make a person with a NIP: whoever logs in by NIP or PESEL owns its context (``POST /testdata/person``).

    :param environment: of the client's settings.
    :param nip: of the person.
    :param pesel: of the person.
    :param description: 5 to 256 characters.
    :param is_bailiff: whether the person may also enforce (``EnforcementOperations``).
    :param is_deceased: whether logins end with 470.
    :param created_date: with a time zone; one that was removed is made anew with a later date only.
    :raises KsefInputError: where a value is wrong, or the environment has no test data.
    :raises KsefApiError: 30001 where the person exists.
    """
    body: dict[str, Any] = {
        "nip": check_nip(nip, "nip"),
        "pesel": check_pesel(pesel),
        "description": check_description(description),
        "isBailiff": is_bailiff,
        "isDeceased": is_deceased,
    }
    if created_date is not None:
        body["createdDate"] = moment_text("created_date", created_date)
    return _post(environment, "person", body)


def remove_person(environment: Environment, nip: str) -> Flow[None]:
    """
    Remove a person with all that was granted to it and in its context (``POST /testdata/person/remove``).

    :param environment: of the client's settings.
    :param nip: of the person.
    """
    return _post(environment, "person/remove", {"nip": check_nip(nip, "nip")})


def grant_permissions(
    environment: Environment,
    context_nip: str,
    authorized_identifier: SubjectIdentifier,
    permissions: Collection[str],
    description: str,
) -> Flow[None]:
    """
    Give permissions in a company's context (``POST /testdata/permissions``).

    :param environment: of the client's settings.
    :param context_nip: of the company.
    :param authorized_identifier: who gets them.
    :param permissions: one or more of :data:`TEST_PERMISSIONS`.
    :param description: of each of them, 5 to 256 characters.
    :raises KsefInputError: where a value is wrong, or the environment has no test data.
    """
    chosen = check_choices("permissions", permissions, TEST_PERMISSIONS)
    check_description(description)
    body = {
        **_context_and_subject(context_nip, authorized_identifier),
        "permissions": [{"permissionType": each, "description": description} for each in chosen],
    }
    return _post(environment, "permissions", body)


def revoke_permissions(
    environment: Environment, context_nip: str, authorized_identifier: SubjectIdentifier
) -> Flow[None]:
    """
    Take all permissions away that one has in a company's context (``POST /testdata/permissions/revoke``).

    :param environment: of the client's settings.
    :param context_nip: of the company.
    :param authorized_identifier: who loses them.
    """
    body = _context_and_subject(context_nip, authorized_identifier)
    return _post(environment, "permissions/revoke", body)


def grant_attachment(environment: Environment, nip: str) -> Flow[None]:
    """
    Let a company send invoices with attachments (``POST /testdata/attachment``).

    :param environment: of the client's settings.
    :param nip: of the company.
    """
    return _post(environment, "attachment", {"nip": check_nip(nip, "nip")})


def revoke_attachment(
    environment: Environment, nip: str, *, expected_end_date: date | None = None
) -> Flow[None]:
    """
    Let a company send no invoices with attachments any more (``POST /testdata/attachment/revoke``).

    :param environment: of the client's settings.
    :param nip: of the company.
    :param expected_end_date: the day from which on it may not; None is at once.
    """
    body = {"nip": check_nip(nip, "nip")}
    if expected_end_date is not None:
        body["expectedEndDate"] = expected_end_date.isoformat()
    return _post(environment, "attachment/revoke", body)


def block_context(environment: Environment, context: ContextIdentifier) -> Flow[None]:
    """
    Let the next logins to a context end with 480 (``POST /testdata/context/block``).

    :param environment: of the client's settings.
    :param context: that nobody may enter.
    """
    return _post(environment, "context/block", _context(context))


def unblock_context(environment: Environment, context: ContextIdentifier) -> Flow[None]:
    """
    Let logins to a context succeed again (``POST /testdata/context/unblock``).

    :param environment: of the client's settings.
    :param context: that may be entered again.
    """
    return _post(environment, "context/unblock", _context(context))


def update_certificate(
    environment: Environment, certificate_serial_number: str, valid_to: datetime
) -> Flow[None]:
    """
    Let a certificate of who is logged in expire earlier (``PUT /testdata/certificates/{serialNumber}``).

    :param environment: of the client's settings.
    :param certificate_serial_number: of the certificate.
    :param valid_to: with a time zone; never later than now set.
    :raises KsefApiError: 25008 where there is no such certificate.
    """
    path = f"/testdata/certificates/{check_certificate_serial(certificate_serial_number)}"
    body = {"validTo": moment_text("valid_to", valid_to)}
    return in_test_environment(environment, Call("PUT", path, nothing, body=body, is_safe=True))


def _post(environment: Environment, name: str, body: dict[str, Any]) -> Flow[None]:
    call = Call("POST", f"/testdata/{name}", nothing, body=body, needs_login=False)
    return in_test_environment(environment, call)


def _context_and_subject(context_nip: str, authorized_identifier: SubjectIdentifier) -> dict[str, Any]:
    return {
        "contextIdentifier": {"type": "Nip", "value": check_nip(context_nip, "context_nip")},
        "authorizedIdentifier": authorized_identifier.to_json(),
    }


def _context(context: ContextIdentifier) -> dict[str, Any]:
    return {"contextIdentifier": {"type": context.type, "value": context.value}}
