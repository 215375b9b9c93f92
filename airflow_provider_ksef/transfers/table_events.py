"""What has come into a table is told to Airflow, as an event of the table's asset."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any, Protocol

from airflow_provider_ksef._compat import Asset, AssetAlias, Context, ObjectStoragePath, asset_event_extras
from airflow_provider_ksef.assets import asset_of
from airflow_provider_ksef.operators.parameters import path_of
from airflow_provider_ksef.tables.announced import note_announced, was_announced
from airflow_provider_ksef.tables.columns import STORED
from airflow_provider_ksef.tables.moments import is_after, to_microseconds
from airflow_provider_ksef.transfers.table_writer import TableWriter

log = logging.getLogger(__name__)

REMEMBERED_EVENTS = 50
"""Events that are looked through for the last one of sync: others may have told of the same asset since."""
_USER_INFO = re.compile(r"(://[^/@:]*):[^/@]*@")


class AnnouncingOperator(Protocol):
    """What an operator has that tells of its tables."""

    tables_path: Any
    table_format: str
    outlets: list[Any]


@dataclass(frozen=True)
class News:
    """
    What came into a table.

    :param source: ``sync`` or ``backfill``.
    :param rows: invoices that came.
    :param start: where the window begins that they were stored in; None for the table's beginning.
    :param end: where it ends.
    :param watermark: the table's, from sync alone.
    """

    source: str
    rows: int
    start: str | None
    end: str
    watermark: str | None = None


def announce(operator: AnnouncingOperator, context: Context, writer: TableWriter, news: News) -> None:
    """
    Let an event of the table's asset come with the task's success, or none where no rows came.

    Where the outlets name the asset itself, its event tells the news; else each alias among them gets one.
    An outlet without news is taken out of the task, so that no DAG runs for nothing.

    :param operator: the task.
    :param context: Airflow's.
    :param writer: of the table.
    :param news: what came.
    """
    asset = asset_of(writer.ksef.settings, writer.key.subject_type)
    named = [outlet for outlet in operator.outlets if isinstance(outlet, Asset) and outlet.uri == asset.uri]
    aliases = [outlet for outlet in operator.outlets if isinstance(outlet, AssetAlias)]
    events = context.get("outlet_events")
    if not news.rows or events is None:
        operator.outlets = [outlet for outlet in operator.outlets if outlet not in named]
        return
    extra = _extra(operator, writer, news)
    for outlet in named:
        events[outlet].extra = extra
    for alias in () if named else aliases:
        events[alias].add(asset, extra=extra)
    if named or aliases:
        log.info("%s: %d invoice(s) are announced.", asset.uri, news.rows)


def _extra(operator: AnnouncingOperator, writer: TableWriter, news: News) -> dict[str, Any]:
    return {
        "source": news.source,
        "environment": writer.ksef.settings.environment.name,
        "context": writer.key.context,
        "subject_type": writer.key.subject_type,
        "tables_path": place_of(operator.tables_path),
        "table_format": operator.table_format,
        "rows": news.rows,
        "window": {"from": news.start, "to": news.end},
        "watermark": news.watermark,
    }


def place_of(tables_path: object) -> str:
    """
    Name tables in events and lineage; no password that somebody wrote into the path is told.

    :param tables_path: as the operator has it.
    """
    return _USER_INFO.sub(r"\1@", str(tables_path))


def announced_position(asset: Asset, place: str) -> str | None:
    """
    Give the watermark that the last event of sync told; what came since has not been announced.

    :param asset: of the table.
    :param place: see :func:`place_of`.
    :returns: None where no event did.
    """
    for extra in asset_event_extras(asset, REMEMBERED_EVENTS):
        if extra.get("tables_path") == place and isinstance(extra.get("watermark"), str):
            return str(extra["watermark"])
    return None


def news_of_sync(
    writer: TableWriter, tables_path: str | ObjectStoragePath, began: str | None, watermark: str | None
) -> News:
    """
    Tell what has come since the last event of sync, whichever try or run put it into the table.

    :param writer: of the table.
    :param tables_path: as the operator has it.
    :param began: the watermark before the task; counts where Airflow has forgotten the last event.
    :param watermark: the table's; None where there is none yet.
    """
    if watermark is None:
        return News("sync", 0, None, "")
    asset = asset_of(writer.ksef.settings, writer.key.subject_type)
    root, start = path_of("tables_path", tables_path), announced_position(asset, place_of(tables_path))
    if start is not None:
        note_announced(root, writer.key, start)
    elif was_announced(root, writer.key):
        start = began
    return News("sync", rows_between(writer, start, watermark), start, watermark, watermark)


def rows_between(writer: TableWriter, start: str | None, end: str) -> int:
    """
    Count the invoices that a table holds of a span.

    :param writer: of the table.
    :param start: watermark before, not included; None for the table's beginning.
    :param end: watermark after, included.
    """
    if start is not None and not is_after(end, start):
        return 0
    first = 0 if start is None else to_microseconds(start) + 1
    return int(writer.tables.rows(writer.key, (first, to_microseconds(end)), [STORED]).num_rows)
