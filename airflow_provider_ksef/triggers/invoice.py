"""Waiting for an invoice in the triggerer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow_provider_ksef.client import AsyncKsefClient
from airflow_provider_ksef.client.filters import filters_from_plain
from airflow_provider_ksef.client.invoices import query_metadata
from airflow_provider_ksef.triggers.polling import KsefPollingTrigger

FOUND = 200
MISSING = 404


@dataclass(frozen=True)
class Found:
    """
    Whether there is an invoice yet, told as KSeF tells a status.

    :param is_final: whether there is one.
    """

    is_final: bool

    @property
    def code(self) -> int:
        """200 or 404."""
        return FOUND if self.is_final else MISSING

    @property
    def description(self) -> str:
        """What the code means."""
        return "is there" if self.is_final else "is not there yet"


class KsefInvoiceTrigger(KsefPollingTrigger):
    """
    Fire when KSeF has an invoice that matches the filters.

    :param reference_number: names the invoice in the log.
    :param filters: which invoice, see :func:`~airflow_provider_ksef.client.filters.filters_from_plain`.
    """

    def __init__(self, reference_number: str, *, filters: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(reference_number, **kwargs)
        self.filters = filters

    async def ask(self, ksef: AsyncKsefClient) -> Found:
        """Read a page of metadata (``POST /invoices/query/metadata``)."""
        page = await ksef.run(query_metadata(filters_from_plain(self.filters), page_size=10))
        return Found(bool(page.invoices))

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Give what Airflow stores of this trigger."""
        name, arguments = super().serialize()
        return name, {**arguments, "filters": self.filters}
