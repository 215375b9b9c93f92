"""Waiting for a session in the triggerer."""

from __future__ import annotations

from airflow_provider_ksef.client import AsyncKsefClient, sessions
from airflow_provider_ksef.client.sessions import SessionStatus
from airflow_provider_ksef.triggers.polling import KsefPollingTrigger


class KsefSessionTrigger(KsefPollingTrigger):
    """Fire when KSeF has processed a session."""

    async def ask(self, ksef: AsyncKsefClient) -> SessionStatus:
        """Read the session's status (``GET /sessions/{referenceNumber}``)."""
        return await ksef.run(sessions.get_status(self.reference_number))
