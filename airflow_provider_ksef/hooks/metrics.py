"""What tasks use and bring, as metrics of Airflow."""

from __future__ import annotations

import logging
from datetime import timedelta

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


def tell_usage(usage: Usage) -> None:
    """
    Tell what a client has used, in the log and as metrics, when it is closed.

    :param usage: the client's counts.
    """
    if not usage.calls:
        return
    calls = ", ".join(f"{number} {group}" for group, number in usage.calls.most_common())
    log.info(
        "KSeF was called %d times (%s); %.1f MB sent, %.1f MB received, %.0f s waited for turns.",
        sum(usage.calls.values()),
        calls,
        usage.bytes_sent / 1e6,
        usage.bytes_received / 1e6,
        usage.seconds_waited,
    )
    for group, number in usage.calls.items():
        count("calls", number, group=group)
    count("calls_rejected", usage.rejected)
    count("bytes_sent", usage.bytes_sent)
    count("bytes_received", usage.bytes_received)
    _time("rate_limit_wait", usage.seconds_waited)


def _time(name: str, seconds: float) -> None:
    if not seconds:
        return
    try:
        Stats.timing(f"{PREFIX}.{name}", timedelta(seconds=seconds), tags=current_task_tags())
    except Exception as error:  # noqa: BLE001  a metric is not worth a task
        log.warning("The metric %s.%s cannot be told: %s", PREFIX, name, error)
