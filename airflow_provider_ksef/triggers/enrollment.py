"""Waiting in the triggerer until KSeF has issued a certificate."""

from __future__ import annotations

from airflow_provider_ksef.client import AsyncKsefClient, certificate_enrollment
from airflow_provider_ksef.client.certificate_enrollment import EnrollmentStatus
from airflow_provider_ksef.triggers.polling import KsefPollingTrigger


class KsefEnrollmentTrigger(KsefPollingTrigger):
    """Fire when KSeF has issued the certificate that was applied for, or refused it."""

    async def ask(self, ksef: AsyncKsefClient) -> EnrollmentStatus:
        """Read the application's status (``GET /certificates/enrollments/{referenceNumber}``)."""
        return await ksef.run(certificate_enrollment.get_status(self.reference_number))
