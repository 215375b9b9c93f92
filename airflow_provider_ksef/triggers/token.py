"""Waiting in the triggerer until a KSeF token is active or revoked."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_ksef.client import AsyncKsefClient, tokens
from airflow_provider_ksef.triggers.polling import KsefPollingTrigger


@dataclass(frozen=True)
class TokenStatus:
    """
    A token's status in the form that triggers ask for.

    :param code: 100 while KSeF is at it, 200 afterwards.
    :param description: KSeF's word for it, such as ``Revoked``.
    """

    code: int
    description: str

    @property
    def is_final(self) -> bool:
        """Whether KSeF has finished with it."""
        return self.code != 100


class KsefTokenTrigger(KsefPollingTrigger):
    """Fire when a token is neither being activated nor being revoked."""

    async def ask(self, ksef: AsyncKsefClient) -> TokenStatus:
        """Read what KSeF knows of the token (``GET /tokens/{referenceNumber}``)."""
        token = await ksef.run(tokens.get_status(self.reference_number))
        return TokenStatus(200 if tokens.is_settled(token) else 100, token.status)
