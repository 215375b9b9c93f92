"""Waiting in the triggerer until KSeF has given or taken away a permission."""

from __future__ import annotations

from airflow_provider_ksef.client import AsyncKsefClient, permissions
from airflow_provider_ksef.client.permissions import OperationStatus
from airflow_provider_ksef.triggers.polling import KsefPollingTrigger


class KsefOperationTrigger(KsefPollingTrigger):
    """Fire when KSeF has carried out a grant or a revocation, or refused it."""

    async def ask(self, ksef: AsyncKsefClient) -> OperationStatus:
        """Read the operation's status (``GET /permissions/operations/{referenceNumber}``)."""
        return await ksef.run(permissions.get_operation_status(self.reference_number))
