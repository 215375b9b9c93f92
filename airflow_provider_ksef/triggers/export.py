"""Waiting for an export in the triggerer."""

from __future__ import annotations

from airflow_provider_ksef.client import AsyncKsefClient, exports
from airflow_provider_ksef.client.exports import ExportStatus
from airflow_provider_ksef.triggers.polling import KsefPollingTrigger


class KsefExportTrigger(KsefPollingTrigger):
    """Fire when KSeF has prepared an export of invoices."""

    async def ask(self, ksef: AsyncKsefClient) -> ExportStatus:
        """Read the export's status (``GET /invoices/exports/{referenceNumber}``)."""
        return await ksef.run(exports.get_status(self.reference_number))
