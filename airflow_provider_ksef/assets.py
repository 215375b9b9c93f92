"""The assets of Airflow that stand for a company's tables of invoices, and their URI ``ksef://``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from airflow_provider_ksef._compat import Asset, AssetAlias
from airflow_provider_ksef.client.filters import SUBJECT_TYPES
from airflow_provider_ksef.client.settings import ENVIRONMENTS, ContextIdentifier, Settings, environment_at
from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.tables.layout import context_name

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset

SCHEME = "ksef"
INVOICES_ALIAS = AssetAlias("ksef_invoices")
"""What the operators that fill tables announce all of their assets under, where no outlets are given."""


def invoices_asset(
    context_identifier: str,
    subject_type: str = "Subject2",
    *,
    environment: str = "test",
    context_type: str = "Nip",
) -> Asset:
    """
    Give the asset of a company's invoices in one role: ``ksef://<host>/<context>/<subject type>``.

    Schedule a DAG on it, and it runs whenever sync has put new invoices into the table.

    :param context_identifier: the company, as its connection's login gives it.
    :param subject_type: the role: ``Subject1`` seller, ``Subject2`` buyer, ``Subject3`` third party,
        ``SubjectAuthorized``.
    :param environment: ``test``, ``demo``, ``production``, or the base URL that the connection's host gives.
    :param context_type: ``Nip``, ``InternalId``, ``NipVatUe`` or ``PeppolId``.
    :raises KsefInputError: where one of them is none of KSeF.
    """
    known = ENVIRONMENTS.get(environment)
    if known is None and "://" not in environment:
        raise KsefInputError(
            "environment",
            environment,
            "is not an environment of KSeF",
            f"Give one of: {', '.join(ENVIRONMENTS)}; or a base URL such as http://127.0.0.1:8089/v2.",
        )
    place = known or environment_at(environment.rstrip("/"), ENVIRONMENTS["test"])
    return _asset(place.base_url, ContextIdentifier(context_type, context_identifier), subject_type)


def asset_of(settings: Settings, subject_type: str) -> Asset:
    """
    Give the asset of what a connection leads to; see :func:`invoices_asset`.

    :param settings: the connection.
    :param subject_type: the role.
    """
    return _asset(settings.environment.base_url, settings.context, subject_type)


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """
    Write a ``ksef://`` URI in its one form; Airflow calls this for each of them.

    The host is in lower case and has no port, since an emulator may change it.

    :raises KsefInputError: where it names no host, context and subject type.
    """
    host, (context, *subject_type) = uri.hostname, uri.path.strip("/").split("/")
    if not host or not context or len(subject_type) != 1 or subject_type[0] not in SUBJECT_TYPES:
        raise KsefInputError(
            "uri",
            uri.geturl().rpartition("@")[2],
            "names no host, context and subject type",
            "Make it by airflow_provider_ksef.assets.invoices_asset.",
        )
    return SplitResult(SCHEME, host, f"/{context}/{subject_type[0]}", "", "")


def convert_asset_to_openlineage(asset: Asset, lineage_context: Any) -> Dataset:
    """
    Name an asset as OpenLineage does: namespace and name.

    :param asset: of the scheme ``ksef``.
    :param lineage_context: not needed.
    """
    from airflow.providers.common.compat.openlineage.facet import Dataset

    del lineage_context
    uri = urlsplit(asset.uri)
    return Dataset(namespace=f"{uri.scheme}://{uri.netloc}", name=uri.path.strip("/"))


def _asset(base_url: str, context: ContextIdentifier, subject_type: str) -> Asset:
    host = urlsplit(base_url).hostname
    return Asset(uri=f"{SCHEME}://{host}/{context_name(context.type, context.value)}/{subject_type}")
