"""Where the rows of the audit tables come from in KSeF."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from airflow_provider_ksef.client import (
    attachments,
    ksef_certificates,
    limits,
    login_sessions,
    permission_queries,
    tokens,
)
from airflow_provider_ksef.client.calls import Call, Flow
from airflow_provider_ksef.client.permission_filters import (
    EntityAuthorizationPermissionsQueryRequest,
    PersonPermissionsQueryRequest,
)
from airflow_provider_ksef.client.told_answers import told_answers

Items = list[dict[str, Any]]
AUDITED = ("permissions", "tokens", "certificates", "login_sessions", "limits")


def read_all_audited(tables: Iterable[str], context_type: str) -> Flow[dict[str, dict[str, Items]]]:
    """
    Read from KSeF all that the snapshots of several tables tell.

    :param tables: of :data:`AUDITED`.
    :param context_type: see :func:`read_audited`.
    :returns: by table.
    """
    told: dict[str, dict[str, Items]] = {}
    for table in tables:
        told[table] = yield from read_audited(table, context_type)
    return told


def read_audited(table: str, context_type: str) -> Flow[dict[str, Items]]:
    """
    Read from KSeF all that a table's snapshot tells.

    :param table: one of :data:`AUDITED`.
    :param context_type: of the connection's context, which decides what permissions there can be.
    :returns: KSeF's JSON objects by the list that they are of.
    """
    sources = _permissions(context_type) if table == "permissions" else _SOURCES[table]
    told: dict[str, Items] = {}
    for source, (member, flow) in sources.items():
        answers = yield from told_answers(flow())
        told[source] = list(_items(answers, member))
    return told


def _items(answers: Items, member: str | None) -> Iterator[dict[str, Any]]:
    for answer in answers:
        yield from [answer] if member is None else answer[member]


_Sources = Mapping[str, tuple[str | None, Callable[[], Flow[Any] | Call[Any]]]]
"""By list: the member of an answer that holds its items (None is the answer itself), and how it is read."""


def _permissions(context_type: str) -> _Sources:
    """Give the lists that KSeF has for a context of this type."""
    return {name: _PERMISSIONS[name] for name in _LISTS[context_type]}


_PERMISSIONS: _Sources = {
    "persons": (
        "permissions",
        lambda: permission_queries.query_persons_grants(PersonPermissionsQueryRequest()),
    ),
    "subunits": ("permissions", permission_queries.query_subunits_grants),
    "entities": ("permissions", permission_queries.query_entities_grants),
    "authorizations_granted": (
        "authorizationGrants",
        lambda: permission_queries.query_authorizations_grants(
            EntityAuthorizationPermissionsQueryRequest("Granted")
        ),
    ),
    "authorizations_received": (
        "authorizationGrants",
        lambda: permission_queries.query_authorizations_grants(
            EntityAuthorizationPermissionsQueryRequest("Received")
        ),
    ),
    "eu_entities": ("permissions", permission_queries.query_eu_entities_grants),
    "entities_roles": ("roles", permission_queries.query_entities_roles),
    "subordinate_entities_roles": ("roles", permission_queries.query_subordinate_entities_roles),
    "attachments": (None, attachments.get_status),
}

_LISTS = {
    "Nip": tuple(_PERMISSIONS),
    "InternalId": ("persons",),
    "NipVatUe": ("eu_entities",),
    "PeppolId": ("authorizations_received",),
}

_SOURCES: dict[str, _Sources] = {
    "tokens": {"tokens": ("tokens", tokens.query)},
    "certificates": {"certificates": ("certificates", ksef_certificates.query)},
    "login_sessions": {"login_sessions": ("items", login_sessions.query)},
    "limits": {
        "context": (None, limits.context_limits),
        "subject": (None, limits.subject_limits),
        "rate": (None, limits.rate_limits),
    },
}
