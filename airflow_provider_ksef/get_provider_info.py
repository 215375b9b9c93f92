"""What Airflow reads of this package: the connection type with its form, and where each class lives."""

from __future__ import annotations

from typing import Any

from airflow_provider_ksef import __version__

PACKAGE = "airflow_provider_ksef"


def get_provider_info() -> dict[str, Any]:
    """Describe the provider as Airflow's ``provider_info.schema.json`` asks."""
    integration = "KSeF"
    return {
        "package-name": "airflow-provider-ksef",
        "name": "KSeF",
        "description": "KSeF (Krajowy System e-Faktur), the Polish national e-invoicing system.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": integration,
                "external-doc-url": "https://ksef.podatki.gov.pl/",
                "tags": ["service"],
            }
        ],
        "connection-types": [_connection_type()],
        "hooks": [_room(integration, "hooks.ksef")],
        "operators": [_room(integration, "operators.batch")],
        "sensors": [_room(integration, "sensors.session")],
        "triggers": [_room(integration, "triggers.session", "triggers.export")],
        "transfers": [
            {
                "source-integration-name": integration,
                "target-integration-name": integration,
                "python-module": f"{PACKAGE}.transfers.invoices_to_parquet",
            }
        ],
    }


def _room(integration: str, *modules: str) -> dict[str, Any]:
    return {
        "integration-name": integration,
        "python-modules": [f"{PACKAGE}.{module}" for module in modules],
    }


def _connection_type() -> dict[str, Any]:
    return {
        "connection-type": "ksef",
        "hook-class-name": f"{PACKAGE}.hooks.ksef.KsefHook",
        "hook-name": "KSeF",
        "ui-field-behaviour": {
            "hidden-fields": ["port", "schema"],
            "relabeling": {
                "login": "NIP (context identifier)",
                "password": "KSeF token",
                "host": "Base URL (only for an emulator)",
            },
            "placeholders": {
                "login": "5250001210",
                "host": "empty, or for example http://127.0.0.1:8089/v2",
            },
        },
        "conn-fields": {
            "environment": {
                "label": "Environment",
                "schema": {
                    "type": ["string", "null"],
                    "enum": ["test", "demo", "production"],
                    "default": "test",
                },
                "description": "Which KSeF to talk to. A base URL in the host field goes before it.",
            },
            "context_type": {
                "label": "Context type",
                "schema": {
                    "type": ["string", "null"],
                    "enum": ["Nip", "InternalId", "NipVatUe", "PeppolId"],
                    "default": "Nip",
                },
                "description": "What the context identifier is.",
            },
            "timeout": {
                "label": "Timeout in seconds",
                "schema": {"type": ["number", "null"], "default": 30},
                "description": "How long one request may take.",
            },
        },
    }
