"""The KSeF API 2.0 client: no Airflow, no data frames; every endpoint described once, run sync or async."""

from __future__ import annotations

from airflow_provider_ksef.client.async_client import AsyncKsefClient
from airflow_provider_ksef.client.client import KsefClient
from airflow_provider_ksef.client.credentials import CertificateCredential, TokenCredential
from airflow_provider_ksef.client.settings import ENVIRONMENTS, ContextIdentifier, Settings

__all__ = [
    "ENVIRONMENTS",
    "AsyncKsefClient",
    "CertificateCredential",
    "ContextIdentifier",
    "KsefClient",
    "Settings",
    "TokenCredential",
]
