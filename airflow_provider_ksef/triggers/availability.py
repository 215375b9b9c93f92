"""Waiting in the triggerer until KSeF is available."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_ksef.client import AsyncKsefClient, latarnia
from airflow_provider_ksef.triggers.polling import KsefPollingTrigger

AVAILABLE = 200
UNAVAILABLE = 503


@dataclass(frozen=True)
class Availability:
    """
    What Latarnia says, told as KSeF tells a status.

    :param is_final: whether KSeF is available.
    :param description: Latarnia's word.
    """

    is_final: bool
    description: str

    @property
    def code(self) -> int:
        """200 or 503."""
        return AVAILABLE if self.is_final else UNAVAILABLE


class KsefAvailabilityTrigger(KsefPollingTrigger):
    """Fire when Latarnia says that KSeF is available."""

    async def ask(self, ksef: AsyncKsefClient) -> Availability:
        """Read Latarnia's status; nobody logs in for it."""
        told = await ksef.run(latarnia.get_status(ksef.settings.environment))
        return Availability(told.is_available, told.status)
