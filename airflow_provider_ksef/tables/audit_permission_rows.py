"""The rows of ``permissions``: what is given, which roles there are, and the consent to attachments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from airflow_provider_ksef.tables.audit_columns import SOURCE
from airflow_provider_ksef.tables.audit_members import Members, Row


def permission_rows(source: str, item: Mapping[str, Any]) -> Iterator[Row]:
    """
    Make the row of what one of KSeF's lists tells.

    :param source: the list.
    :param item: of it, as KSeF told it.
    """
    told = Members(item)
    row = {SOURCE: source, **_ROWS.get(source, _permission)(told)}
    yield row | {"extra": told.extra()}


def _permission(told: Members) -> Row:
    row = {
        "id": told.take("id"),
        "permission_scope": told.take_first("permissionScope", "authorizationScope"),
        "permission_state": told.take("permissionState"),
        **told.take_identifier("authorized_identifier", "authorizedIdentifier", "authorizedEntityIdentifier"),
        "authorized_name": _name(told),
        **told.take_identifier("author_identifier", "authorIdentifier"),
        **told.take_identifier(
            "place_identifier", "contextIdentifier", "subunitIdentifier", "authorizingEntityIdentifier"
        ),
        "place_name": told.take_first("subunitName", "euEntityName"),
        **told.take_identifier("target_identifier", "targetIdentifier"),
        "can_delegate": told.take("canDelegate"),
        "description": told.take("description"),
        "start_date": told.take_moment("startDate"),
    }
    row |= _plain_identifier("authorized_identifier", "Fingerprint", told, "authorizedFingerprintIdentifier")
    return row | _plain_identifier("place_identifier", "VatUe", told, "vatUeIdentifier")


def _role(told: Members) -> Row:
    return {
        "permission_scope": told.take("role"),
        **told.take_identifier("authorized_identifier", "subordinateEntityIdentifier"),
        **told.take_identifier("place_identifier", "parentEntityIdentifier"),
        "description": told.take("description"),
        "start_date": told.take_moment("startDate"),
    }


def _consent(told: Members) -> Row:
    is_given = told.take("isAttachmentAllowed")
    return {
        "permission_scope": "isAttachmentAllowed",
        "permission_state": "Active" if is_given else "Inactive",
    }


def _plain_identifier(column: str, kind: str, told: Members, name: str) -> Row:
    value = told.take(name)
    return {} if value is None else {f"{column}_type": kind, column: value}


def _name(told: Members) -> str | None:
    person = [told.take("subjectPersonDetails", name) for name in ("firstName", "lastName")]
    return " ".join(filter(None, person)) or told.take("subjectEntityDetails", "fullName")


_ROWS: Mapping[str, Callable[[Members], Row]] = {
    "entities_roles": _role,
    "subordinate_entities_roles": _role,
    "attachments": _consent,
}
"""By list, where it is not one of permissions."""
