"""Windows one after the other, each a unit of its own: it succeeds or fails, and the others go on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_ksef._compat import Context
from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefBudgetError,
    KsefError,
    KsefFullInstantError,
    KsefInputError,
    KsefLeaseError,
    KsefLoginError,
    KsefRateLimitError,
    KsefTransportError,
    KsefTriggererError,
    KsefUnavailableError,
    KsefWindowError,
)
from airflow_provider_ksef.operators.long_waits import moment_to_go_on
from airflow_provider_ksef.transfers.export_walk import ExportUnit, Patience, Waiting, walk
from airflow_provider_ksef.transfers.plan import KsefPlan, plan_here
from airflow_provider_ksef.transfers.progress import Progress
from airflow_provider_ksef.transfers.window_record import WindowRecord

if TYPE_CHECKING:
    from airflow_provider_ksef.transfers.export_operator import KsefExportOperator

log = logging.getLogger(__name__)

RESULT_KEY = "result"
TOO_MANY_EXPORTS = 21182
MAINTENANCE = 21184
_ALL_HTTP_STATUSES = (401, 403)
_SHOWN = 5
_HIDDEN = ("position", "is_filled", "is_permanent")
_ALL_WINDOWS = (
    KsefBudgetError,
    KsefInputError,
    KsefLeaseError,
    KsefLoginError,
    KsefRateLimitError,
    KsefTransportError,
    KsefTriggererError,
    KsefUnavailableError,
)


class WindowUnit(ExportUnit, Protocol):
    """One window of a subject type."""

    @property
    def record(self) -> WindowRecord:
        """The window, and what is remembered of it."""

    @property
    def planned_exports(self) -> int:
        """The exports that the rest of the window takes, as far as that is known."""

    @property
    def final_state(self) -> str:
        """What became of the window after it was walked to its end without a problem."""

    def problem(self) -> str | None:
        """Say what is wrong with the window after it was walked to its end."""


def run_windows(
    operator: KsefExportOperator,
    context: Context,
    ksef: KsefClient,
    units: Sequence[WindowUnit],
    progress: Progress,
    *,
    waiting: Waiting | None,
) -> dict[str, Any]:
    """
    Walk all windows that are not done, and tell what became of each.

    :param units: one or more, which count the same things; the result has the sums.
    :raises KsefError: where a window failed or is left, after the result was pushed.
    """
    if waiting is None:
        plan_windows(ksef, units, progress)
    try:
        _walk_windows(units, operator.patience, progress, waiting)
        result = _result(units, progress)
        _check_all_succeeded(units, progress)
    except KsefError as error:
        if moment_to_go_on(error) is None:
            push_result(context, _result(units, progress))
        raise
    return result


def plan_windows(ksef: KsefClient, units: Sequence[WindowUnit], progress: Progress) -> KsefPlan:
    """Say how much work lies ahead, before the first call."""
    left = [unit for unit in units if unit.name not in progress.done]
    planned = {unit.name: unit.planned_exports for unit in left}
    for unit in left:
        unit.record.kept.setdefault("planned_exports", planned[unit.name])
    plan = plan_here(ksef, sum(planned.values()))
    log.info("%d window(s), %d of them left to do: %s.", len(units), len(left), plan)
    return plan


def push_result(context: Context, result: dict[str, Any]) -> None:
    """Tell the result under a key of its own: Airflow drops what a task returns that fails."""
    context["ti"].xcom_push(key=RESULT_KEY, value=result)


def _walk_windows(
    units: Sequence[WindowUnit], patience: Patience, progress: Progress, waiting: Waiting | None
) -> None:
    """
    Walk each window that is not done yet, and keep what became of it.

    :raises KsefError: where no other window could fare better: the login, the limits, the network, the lease.
    """
    for number, unit in enumerate(units, 1):
        if unit.name in progress.done or "error" in progress.units.get(unit.name, {}):
            continue
        own = waiting if waiting is not None and waiting.unit == unit.name else None
        is_permanent = False
        try:
            if not walk(unit, patience, progress, own):
                return
            problem = unit.problem()
        except KsefError as error:
            if _concerns_all(error):
                raise
            problem, is_permanent = str(error), isinstance(error, KsefFullInstantError)
        if problem is None:
            progress.done.append(unit.name)
            log.info("Window %d of %d, %s: %s.", number, len(units), unit.name, unit.final_state)
        else:
            unit.record.kept.update(error=problem, is_permanent=is_permanent)
            log.error("Window %d of %d, %s: failed. %s", number, len(units), unit.name, problem)
        unit.record.remember()


def _concerns_all(error: KsefError) -> bool:
    if isinstance(error, KsefApiError):
        fault = error.fault
        if fault.http_status in _ALL_HTTP_STATUSES or fault.code in (TOO_MANY_EXPORTS, MAINTENANCE):
            return True
    return isinstance(error, _ALL_WINDOWS)


def _result(units: Sequence[WindowUnit], progress: Progress) -> dict[str, Any]:
    kept = [progress.units.get(unit.name, {}) for unit in units]
    counts = (*units[0].record.counts, "planned_exports")
    return {
        **{name: sum(each.get(name, 0) for each in kept) for name in counts},
        "exports": progress.exports,
        "windows": _window_results(units, progress),
    }


def _window_results(units: Sequence[WindowUnit], progress: Progress) -> list[dict[str, Any]]:
    """Tell what became of each window: succeeded or differs, failed, or left."""
    return [
        {
            "subject_type": unit.record.subject_type,
            "from": unit.record.window.start,
            "to": unit.record.window.end,
            "state": _state(unit, progress),
            **{key: kept for key, kept in progress.units.get(unit.name, {}).items() if key not in _HIDDEN},
        }
        for unit in units
    ]


def _state(unit: WindowUnit, progress: Progress) -> str:
    if unit.name in progress.done:
        return unit.final_state
    return "failed" if "error" in progress.units.get(unit.name, {}) else "left"


def _check_all_succeeded(units: Sequence[WindowUnit], progress: Progress) -> None:
    """
    Fail where a window did not come to its end.

    :raises KsefWindowError: lists them; the next try does what is left.
    :raises KsefFullInstantError: where a next try could do nothing.
    """
    windows = _window_results(units, progress)
    failed = [window for window in windows if window["state"] == "failed"]
    left = sum(window["state"] == "left" for window in windows)
    if not failed and not left:
        return
    listed = [
        f"{window['subject_type']} {window['from']} to {window['to']}: {window['error']}"
        for window in failed[:_SHOWN]
    ]
    if len(failed) > _SHOWN:
        listed.append(f"and {len(failed) - _SHOWN} more, which the log tells.")
    told = " ".join((f"{len(failed)} of {len(windows)} window(s) failed, {left} left to do.", *listed))
    is_permanent = [kept.get("is_permanent", False) for kept in progress.units.values() if "error" in kept]
    if not left and all(is_permanent):
        raise KsefFullInstantError(told, "The other windows are done; no other try gets further.")
    raise KsefWindowError(told, "The other windows are done; the next try does the rest.")
