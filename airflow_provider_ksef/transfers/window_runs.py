"""Windows one after the other, each a unit of its own: it succeeds or fails, and the others go on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_ksef._compat import Context
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefError,
    KsefInputError,
    KsefLeaseError,
    KsefLoginError,
    KsefRateLimitError,
    KsefTransportError,
    KsefTriggererError,
    KsefUnavailableError,
    KsefWindowError,
)
from airflow_provider_ksef.transfers.export_walk import ExportUnit, Patience, Waiting, walk
from airflow_provider_ksef.transfers.plan import KsefPlan, plan_exports
from airflow_provider_ksef.transfers.progress import Progress
from airflow_provider_ksef.transfers.window_notes import WindowNotes, notes_of
from airflow_provider_ksef.transfers.window_record import WindowRecord

if TYPE_CHECKING:
    from airflow_provider_ksef.transfers.export_operator import KsefExportOperator

log = logging.getLogger(__name__)

RESULT_KEY = "result"
_SHOWN = 5
_HIDDEN = ("position", "is_filled")
_ALL_WINDOWS = (
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

    def problem(self) -> str | None:
        """Say what is wrong with the window after it was walked to its end."""


def run_windows(
    operator: KsefExportOperator,
    context: Context,
    units: Sequence[WindowUnit],
    progress: Progress,
    *,
    waiting: Waiting | None,
    counts: Sequence[str],
) -> dict[str, Any]:
    """
    Walk all windows that are not done, and tell what became of each.

    :param counts: names of what the units count; the result has their sums.
    :raises KsefError: where a window failed or is left, after the result was pushed.
    """
    notes = notes_of(operator, context)
    if waiting is None:
        plan_windows(units, progress)
    try:
        _walk_windows(units, operator.patience, progress, waiting, notes)
        result = _result(units, progress, counts)
        _check_all_succeeded(result["windows"])
    except KsefError:
        push_result(context, _result(units, progress, counts))
        raise
    notes.forget()
    return result


def plan_windows(units: Sequence[WindowUnit], progress: Progress) -> KsefPlan:
    """Say how much work lies ahead, before the first call."""
    left = sum(unit.name not in progress.done for unit in units)
    plan = plan_exports([left])
    log.info("%d window(s), %d of them left to do: %s.", len(units), left, plan)
    return plan


def push_result(context: Context, result: dict[str, Any]) -> None:
    """Tell the result under a key of its own: Airflow drops what a task returns that fails."""
    context["ti"].xcom_push(key=RESULT_KEY, value=result)


def _walk_windows(
    units: Sequence[WindowUnit],
    patience: Patience,
    progress: Progress,
    waiting: Waiting | None,
    notes: WindowNotes,
) -> None:
    """
    Walk each window that is not done yet, and keep what became of it.

    :raises KsefError: where no other window could fare better: the login, the limits, the network, the lease.
    """
    for number, unit in enumerate(units, 1):
        if unit.name in progress.done or "error" in progress.units.get(unit.name, {}):
            continue
        own = waiting if waiting is not None and waiting.unit == unit.name else None
        try:
            if not walk(unit, patience, progress, own):
                return
            problem = unit.problem()
        except KsefError as error:
            if _concerns_all(error):
                raise
            problem = str(error)
        if problem is None:
            progress.done.append(unit.name)
            log.info("Window %d of %d, %s: succeeded.", number, len(units), unit.name)
        else:
            progress.units.setdefault(unit.name, {})["error"] = problem
            log.error("Window %d of %d, %s: failed. %s", number, len(units), unit.name, problem)
        notes.write(progress)


def _concerns_all(error: KsefError) -> bool:
    return isinstance(error, _ALL_WINDOWS) or (
        isinstance(error, KsefApiError) and error.fault.http_status in (401, 403)
    )


def _result(units: Sequence[WindowUnit], progress: Progress, counts: Sequence[str]) -> dict[str, Any]:
    kept = [progress.units.get(unit.name, {}) for unit in units]
    return {
        **{name: sum(each.get(name, 0) for each in kept) for name in counts},
        "exports": progress.exports,
        "windows": _window_results(units, progress),
    }


def _window_results(units: Sequence[WindowUnit], progress: Progress) -> list[dict[str, Any]]:
    """Tell of each window whether it succeeded, failed or is left."""
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
        return "succeeded"
    return "failed" if "error" in progress.units.get(unit.name, {}) else "left"


def _check_all_succeeded(windows: Sequence[dict[str, Any]]) -> None:
    """
    Fail where a window did not succeed.

    :raises KsefWindowError: lists them; the next try does what is left.
    """
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
    raise KsefWindowError(
        " ".join((f"{len(failed)} of {len(windows)} window(s) failed, {left} left to do.", *listed)),
        "The other windows are done; the next try does the rest.",
    )
