"""The asset of a company's invoices: one URI, however it is written."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import Asset

from airflow_provider_ksef.assets import asset_of, convert_asset_to_openlineage, invoices_asset
from airflow_provider_ksef.client import ContextIdentifier, Settings, TokenCredential
from airflow_provider_ksef.client.settings import ENVIRONMENTS, environment_at
from airflow_provider_ksef.exceptions import KsefInputError

NIP = "5250001210"


@pytest.mark.parametrize(
    ("given", "uri"),
    [
        ({}, f"ksef://api-test.ksef.mf.gov.pl/nip-{NIP}/Subject2"),
        ({"environment": "production"}, f"ksef://api.ksef.mf.gov.pl/nip-{NIP}/Subject2"),
        ({"environment": "http://LocalHost:8089/v2/"}, f"ksef://localhost/nip-{NIP}/Subject2"),
        ({"subject_type": "Subject1"}, f"ksef://api-test.ksef.mf.gov.pl/nip-{NIP}/Subject1"),
    ],
)
def test_it_names_host_context_and_role(given: dict[str, Any], uri: str) -> None:
    asset = invoices_asset(NIP, **given)
    assert (asset.uri, asset.name) == (uri, uri)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"context_identifier": "5250001211"}, "login"),
        ({"environment": "prod"}, "environment"),
        ({"environment": "http://127.0.0.1:8089"}, "host"),
        ({"subject_type": "Subject4"}, "uri"),
        ({"context_type": "Regon"}, "context_type"),
    ],
)
def test_what_is_none_of_ksef_is_refused(given: dict[str, Any], field: str) -> None:
    with pytest.raises(KsefInputError) as caught:
        invoices_asset(**{"context_identifier": NIP, **given})
    assert caught.value.field == field


@pytest.mark.parametrize(
    "uri",
    [
        f"KSEF://API-test.ksef.mf.gov.pl:443/nip-{NIP}/Subject2/",
        f"ksef://api-test.ksef.mf.gov.pl/nip-{NIP}/Subject2?x=1#y",
        f"ksef://somebody@api-test.ksef.mf.gov.pl/nip-{NIP}/Subject2",
    ],
)
def test_a_uri_has_one_form(uri: str) -> None:
    assert Asset(uri=uri).uri == invoices_asset(NIP).uri


@pytest.mark.parametrize(
    "uri", ["ksef://host", f"ksef://host/nip-{NIP}", "ksef:///a/Subject2", "ksef://h/a/b"]
)
def test_a_uri_that_names_no_table_is_refused(uri: str) -> None:
    with pytest.raises(KsefInputError, match="invoices_asset"):
        Asset(uri=uri)


def test_a_connection_leads_to_the_same_asset() -> None:
    emulator = environment_at("http://127.0.0.1:54321/v2", ENVIRONMENTS["test"])
    settings = Settings(emulator, ContextIdentifier("Nip", NIP), TokenCredential("x" * 40))
    assert asset_of(settings, "Subject2") == invoices_asset(NIP, environment="http://127.0.0.1:8089/v2")


def test_lineage_names_it_by_host_and_path() -> None:
    dataset = convert_asset_to_openlineage(invoices_asset(NIP), None)
    assert (dataset.namespace, dataset.name) == ("ksef://api-test.ksef.mf.gov.pl", f"nip-{NIP}/Subject2")
