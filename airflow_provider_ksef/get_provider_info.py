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
        "extra-links": [
            f"{PACKAGE}.links.ksef.{link}" for link in ("KsefInvoiceLink", "KsefAppLink", "KsefTablesLink")
        ],
        "config": {"ksef": _config()},
        "asset-uris": [
            {
                "schemes": ["ksef"],
                "handler": f"{PACKAGE}.assets.sanitize_uri",
                "factory": f"{PACKAGE}.assets.invoices_asset",
                "to_openlineage_converter": f"{PACKAGE}.assets.convert_asset_to_openlineage",
            }
        ],
        "hooks": [_room(integration, "hooks.ksef")],
        "operators": [
            _room(
                integration,
                "operators.batch",
                "operators.certificates",
                "operators.collective_identifier",
                "operators.compaction",
                "operators.freshness",
                "operators.online",
                "operators.permission_sync",
                "operators.permissions",
                "operators.retention",
                "operators.test_data",
                "operators.tokens",
                "operators.upo",
            )
        ],
        "sensors": [
            _room(
                integration,
                "sensors.session",
                "sensors.invoice",
                "sensors.month_complete",
                "sensors.availability",
                "sensors.expiry",
            )
        ],
        "triggers": [
            _room(
                integration,
                "triggers.session",
                "triggers.export",
                "triggers.invoice",
                "triggers.moment",
                "triggers.new_invoices",
                "triggers.operation",
                "triggers.token",
                "triggers.enrollment",
                "triggers.availability",
            )
        ],
        "transfers": [
            {
                "source-integration-name": integration,
                "target-integration-name": integration,
                "python-module": f"{PACKAGE}.transfers.{module}",
            }
            for module in ("audit_to_parquet", "invoices_to_parquet", "verify_invoices")
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
            # Airflow 3.3.2 refuses to test a saved connection without a port:
            # https://github.com/apache/airflow/pull/73298
            "hidden-fields": ["schema"],
            "relabeling": {
                "port": "Port (unused; Airflow 3.3.2 tests no connection without one)",
                "login": "NIP (context identifier)",
                "password": "KSeF token (empty with a certificate)",
                "host": "Base URL (only for an emulator)",
            },
            "placeholders": {
                "login": "5250001210",
                "host": "empty, or for example http://127.0.0.1:8089/v2",
                "port": "443",
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
            **_certificate_fields(),
            "timeout": {
                "label": "Timeout in seconds",
                "schema": {"type": ["number", "null"], "default": 30},
                "description": "How long one request may take.",
            },
        },
    }


def _config() -> dict[str, Any]:
    return {
        "description": "How calls to KSeF are paced.",
        "options": {
            "rate_limiter": {
                "description": "Where the tasks of a host keep count of their calls to KSeF, so that its "
                "rate limits are not exceeded: sqlite, a file on the host; redis, for hosts that share an "
                "address; or off.",
                "version_added": "0.1.0",
                "type": "string",
                "example": "redis",
                "default": "sqlite",
            },
            "rate_limiter_path": {
                "description": "The file for sqlite, on a local disk; empty for one in the temporary folder.",
                "version_added": "0.1.0",
                "type": "string",
                "example": "/var/lib/airflow/ksef-turns.sqlite",
                "default": "",
            },
            "redis_url": {
                "description": "The Redis for redis; needs airflow-provider-ksef[redis].",
                "version_added": "0.1.0",
                "type": "string",
                "sensitive": True,
                "example": "redis://:password@redis:6379/0",
                "default": "",
            },
        },
    }


def _certificate_fields() -> dict[str, Any]:
    return {
        "certificate": {
            "label": "Certificate",
            "schema": {"type": ["string", "null"], "format": "multiline"},
            "description": "Instead of a KSeF token: PEM, a PKCS#12 file in Base64, or a path on the worker.",
        },
        "private_key": {
            "label": "Private key",
            "schema": {"type": ["string", "null"], "format": "password"},
            "description": "PEM or a path on the worker; empty with PKCS#12. Lost line breaks do no harm.",
        },
        "private_key_password": {
            "label": "Password of the private key",
            "schema": {"type": ["string", "null"], "format": "password"},
            "description": "Of an encrypted private key, or of the PKCS#12 file.",
        },
        "subject_identifier_type": {
            "label": "Certificate stands for",
            "schema": {
                "type": ["string", "null"],
                "enum": ["certificateSubject", "certificateFingerprint"],
                "default": "certificateSubject",
            },
            "description": "The subject named in it, or, by fingerprint, the certificate itself.",
        },
        "auth_schema_version": {
            "label": "Version of AuthTokenRequest",
            "schema": {"type": ["string", "null"], "enum": ["2.1", "2.0"], "default": "2.1"},
            "description": "Of the document that is signed to log in.",
        },
    }
