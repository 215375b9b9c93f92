"""How a sending task tells what became of its invoices, before it fails because of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from airflow_provider_ksef._compat import AirflowFailException, Context
from airflow_provider_ksef.hooks.metrics import count
from airflow_provider_ksef.operators.batch_result import failure_message, rejection_line

log = logging.getLogger(__name__)

RESULT_KEY = "result"
"""XCom key of the result when the task fails because of rejected invoices."""


def tell(
    context: Context, result: dict[str, Any], *, on_rejected: str, mark_told: Callable[[], None]
) -> dict[str, Any]:
    """
    Log what was rejected, note that the outcome is told, and fail where the operator says so.

    :param context: Airflow's.
    :param result: the operator's.
    :param on_rejected: ``fail`` or ``warn``.
    :param mark_told: notes it for the next try.
    :returns: the result.
    :raises AirflowFailException: after the result was pushed, which Airflow drops of a task that fails.
    """
    count("invoices_accepted", result["accepted"])
    count("invoices_rejected", result["rejected"])
    for rejection in result["rejections"]:
        log.warning("Rejected: %s", rejection_line(rejection))
    is_failure = bool(result["rejected"]) and on_rejected == "fail"
    if is_failure:
        context["ti"].xcom_push(key=RESULT_KEY, value=result)
    mark_told()
    if is_failure:
        raise AirflowFailException(failure_message(result, RESULT_KEY))
    return result
