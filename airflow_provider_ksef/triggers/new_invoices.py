"""Firing when KSeF has new invoices, for assets that are watched."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from airflow_provider_ksef._compat import (
    AirflowException,
    AirflowRuntimeError,
    BaseEventTrigger,
    TriggerEvent,
    asset_state,
)
from airflow_provider_ksef.client import AsyncKsefClient
from airflow_provider_ksef.client.filters import SUBJECT_TYPES, InvoiceFilters
from airflow_provider_ksef.client.input_checks import is_list
from airflow_provider_ksef.client.invoices import MetadataPage, query_metadata
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefBudgetError,
    KsefError,
    KsefInputError,
    KsefTableError,
)
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.hooks.shared_clients import shared_client
from airflow_provider_ksef.tables.layout import context_name
from airflow_provider_ksef.tables.moments import parse_ticks, to_ticks
from airflow_provider_ksef.triggers.polling import wanted_wait
from airflow_provider_ksef.triggers.watched_positions import WatchedPositions, page_position, window_after

log = logging.getLogger(__name__)

POLL_SECONDS = 900.0
"""Four metadata queries an hour for each subject type, of the 20 that KSeF allows a company."""
PERSISTING_SECONDS = 10.0
"""The triggerer stores an event within a second or two; until it surely has, the position does not move."""
MOST_TOLD = 100
BEYOND_HWM = 21183


class KsefNewInvoicesTrigger(BaseEventTrigger):
    """
    Fire whenever KSeF has stored new invoices for good; for an ``AssetWatcher``.

    The event is ``{"environment", "context", "subject_types": {subject_type: {"from", "to", "invoices",
    "has_more", "ksef_numbers"}}}`` of the subject types that have any: they were stored after ``from``, up to
    ``to``, KSeF's high-water mark. ``invoices`` counts at most 100, ``has_more`` says that there are others.

    Windows join without gap or overlap, over restarts of the triggerer too: the position is kept in the
    asset's state store, and moves when Airflow has stored the event. No invoice is lost; a triggerer that is
    killed within seconds of an event may fire it once more, with the same ``from``.

    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param subject_types: roles to look for; each costs one metadata query each time.
    :param since: where the first start begins: ISO 8601 with an offset; None for the first start's moment.
    :param poll_interval: seconds between two looks, restarts included. 900 makes 4 calls an hour for each
        subject type; KSeF allows a company 20 metadata queries an hour.
    :raises KsefInputError: where one of them is wrong.
    """

    def __init__(
        self,
        ksef_conn_id: str = KsefHook.default_conn_name,
        *,
        context_identifier: str | None = None,
        subject_types: Sequence[str] = ("Subject2",),
        since: str | None = None,
        poll_interval: float = POLL_SECONDS,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        _check(subject_types, since, poll_interval)
        self.ksef_conn_id = ksef_conn_id
        self.context_identifier = context_identifier
        self.subject_types = list(subject_types)
        self.since = since
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Give what Airflow stores of this trigger."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "ksef_conn_id": self.ksef_conn_id,
                "context_identifier": self.context_identifier,
                "subject_types": self.subject_types,
                "since": self.since,
                "poll_interval": self.poll_interval,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look again and again, and fire for each window that holds invoices."""
        state = asset_state(self)
        while True:
            try:
                async with shared_client(KsefHook(self.ksef_conn_id, self.context_identifier)) as ksef:
                    positions = await WatchedPositions.read(state, ksef.settings, self.since)
                    await asyncio.sleep(positions.seconds_left)
                    await positions.begin_look(self.poll_interval)
                    news = await self._look(ksef, positions)
            except (KsefError, AirflowException, AirflowRuntimeError) as error:
                log.error("%s Looking again in %.0f s.", error, self.poll_interval)
                await asyncio.sleep(self.poll_interval)
                continue
            if news:
                yield TriggerEvent(news)
                await asyncio.sleep(PERSISTING_SECONDS)
            await positions.end_look()

    async def _look(self, ksef: AsyncKsefClient, positions: WatchedPositions) -> dict[str, Any] | None:
        """Ask for each subject type; one that cannot be asked keeps its position and does not stop others."""
        found = {}
        for subject_type in self.subject_types:
            try:
                told = await _ask(ksef, positions, subject_type)
            except (KsefApiError, KsefBudgetError) as error:
                if not _is_beyond_hwm(error):
                    log.warning("%s: %s", subject_type, error)
                    positions.hold(wanted_wait(error))
                continue
            if told["invoices"]:
                found[subject_type] = told
        if not found:
            log.info("%s: nothing new, next look in %.0f s.", ksef.settings.context.value, self.poll_interval)
            return None
        context = ksef.settings.context
        return {
            "environment": ksef.settings.environment.name,
            "context": context_name(context.type, context.value),
            "subject_types": found,
        }


def _is_beyond_hwm(error: KsefError) -> bool:
    return isinstance(error, KsefApiError) and error.fault.code == BEYOND_HWM


async def _ask(ksef: AsyncKsefClient, positions: WatchedPositions, subject_type: str) -> dict[str, Any]:
    start = positions.of(subject_type)
    window = window_after(start)
    filters = InvoiceFilters(
        subject_type=subject_type,
        date_type="PermanentStorage",
        date_from=window.start,
        date_to=window.end,
        restrict_to_hwm=True,
    )
    query = query_metadata(filters, page_size=MOST_TOLD)
    page: MetadataPage = await ksef.run(replace(query, is_safe=False))  # what fails is left to the next look
    end = page_position(start, window, page.permanent_storage_hwm_date)
    positions.move(subject_type, end)
    return {
        "from": start,
        "to": end,
        "invoices": len(page.invoices),
        "has_more": page.has_more,
        "ksef_numbers": [invoice.get("ksefNumber") for invoice in page.invoices],
    }


def _check(subject_types: Sequence[str], since: str | None, poll_interval: float) -> None:
    if not is_list(subject_types) or not subject_types or not set(subject_types) <= set(SUBJECT_TYPES):
        raise KsefInputError(
            "subject_types",
            subject_types,
            "is not a list of subject types",
            f"Give one or more of: {', '.join(SUBJECT_TYPES)}.",
        )
    if not 0 < poll_interval < math.inf:
        raise KsefInputError(
            "poll_interval", poll_interval, "is not a number of seconds", "Give seconds over 0, such as 900."
        )
    try:
        is_past = since is None or parse_ticks(since) <= to_ticks(datetime.now(UTC))
    except KsefTableError:
        is_past = False
    if not is_past:
        raise KsefInputError(
            "since",
            since,
            "is no moment in the past, with an offset",
            "Write it as 2026-02-01T00:00:00+01:00, or leave it out to begin now.",
        )
