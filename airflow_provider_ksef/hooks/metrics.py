"""What tasks use and bring, as metrics of Airflow."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from airflow_provider_ksef._compat import Stats, current_task_tags
from airflow_provider_ksef.client.usage import Usage

log = logging.getLogger(__name__)

PREFIX = "ksef"


def count(name: str, number: int, **tags: str) -> None:
    """
    Add to a counter ``ksef.<name>``, tagged with the DAG and the task; nothing where there is nothing to add.

    :param name: such as ``invoices_received``.
    :param number: how many.
    :param tags: beside ``dag_id`` and ``task_id``.
    """
    if not number:
        return
    try:
        Stats.incr(f"{PREFIX}.{name}", number, tags={**current_task_tags(), **tags})
    except Exception as error:  # noqa: BLE001  a metric is not worth a task
        log.warning("The metric %s.%s cannot be told: %s", PREFIX, name, error)


def usage_teller() -> Callable[[Usage], None]:
    """Give what tells a client's use of KSeF when it is closed; its time begins now."""
    return partial(tell_usage, time.monotonic())


def tell_usage(started: float, usage: Usage) -> None:
    """
    Tell what a client has used, in the log and as metrics.

    :param started: when it began, in seconds of :func:`time.monotonic`.
    :param usage: the client's counts.
    """
    if not usage.calls:
        return
    calls = ", ".join(f"{number} {group}" for group, number in usage.calls.most_common())
    waited = f", {usage.seconds_waited:.0f} s of it waiting for a turn" if usage.seconds_waited else ""
    log.info(
        "KSeF was called %d times within %.0f s%s: %s; %s sent, %s received.",
        sum(usage.calls.values()),
        time.monotonic() - started,
        waited,
        calls,
        in_bytes(usage.bytes_sent),
        in_bytes(usage.bytes_received),
    )
    for group, number in usage.calls.items():
        count("calls", number, group=group)
    count("calls_rejected", usage.rejected)
    count("bytes_sent", usage.bytes_sent)
    count("bytes_received", usage.bytes_received)
    _time("rate_limit_wait", usage.seconds_waited)


def in_bytes(size: int) -> str:
    """
    Write a size as people read it.

    :param size: in bytes.
    """
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"


def _time(name: str, seconds: float) -> None:
    if not seconds:
        return
    try:
        Stats.timing(f"{PREFIX}.{name}", timedelta(seconds=seconds), tags=current_task_tags())
    except Exception as error:  # noqa: BLE001  a metric is not worth a task
        log.warning("The metric %s.%s cannot be told: %s", PREFIX, name, error)
