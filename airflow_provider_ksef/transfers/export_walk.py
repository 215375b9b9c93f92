"""A unit of work is walked export by export: begun or resumed, waited for or deferred, taken."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from airflow_provider_ksef.client.exports import ExportPackage, ExportStatus
from airflow_provider_ksef.exceptions import (
    KsefExportError,
    KsefIntegrityError,
    KsefTimeoutError,
    KsefWatermarkError,
)
from airflow_provider_ksef.transfers.exporter import Exporter
from airflow_provider_ksef.transfers.pending_export import ExportRequest, PendingExport
from airflow_provider_ksef.transfers.progress import Progress, Taken
from airflow_provider_ksef.triggers.events import Resume, foreign_event, read_event
from airflow_provider_ksef.triggers.export import KsefExportTrigger
from airflow_provider_ksef.triggers.pace import pause_since
from airflow_provider_ksef.triggers.polling import refuse_blind_trigger

log = logging.getLogger(__name__)

MAX_ABANDONED = 2
"""Exports in a row that one task run gives up and begins anew before it leaves the rest to its next try."""


class ExportUnit(Protocol):
    """What a task walks export by export: a subject type, or one window of it."""

    @property
    def name(self) -> str:
        """Name it within its task, the same in each try."""

    @property
    def exporter(self) -> Exporter:
        """Whoever starts its exports."""

    def request(self) -> ExportRequest:
        """Say what is to be exported next."""

    def take(self, pending: PendingExport, package: ExportPackage) -> Taken:
        """Do with a finished export what the task is for."""

    def nothing_new(self, request: ExportRequest) -> None:
        """Take note that the request lies beyond what KSeF has stored."""


@dataclass(frozen=True)
class Waiting:
    """
    An export that is waited for.

    :param unit: name of the unit that it is for.
    :param pending: the export.
    :param deadline: when it is given up, in seconds since the epoch.
    :param trigger_error: why the triggerer could not ask for it, where it could not.
    """

    unit: str
    pending: PendingExport
    deadline: float
    trigger_error: str | None = None


@dataclass(frozen=True)
class Patience:
    """
    How a task waits for exports, and how many it may begin.

    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param max_exports: None for as many as needed.
    :param poll_interval: seconds between two questions.
    :param timeout: seconds to wait for one export.
    :param defer: ends this task run until the trigger fires; None to wait in the worker.
    """

    ksef_conn_id: str
    context_identifier: str | None
    max_exports: int | None
    poll_interval: float
    timeout: float
    defer: Callable[..., Any] | None


def walk(unit: ExportUnit, patience: Patience, progress: Progress, waiting: Waiting | None) -> bool:
    """
    Walk a unit to its end.

    :param waiting: the export that a deferral waited for, where it is this unit's.
    :returns: whether it came to its end; False where no more exports are allowed.
    """
    while True:
        if waiting is None:
            request = unit.request()
            pending = unit.exporter.noted(request)
            if pending is None:
                if patience.max_exports is not None and progress.exports >= patience.max_exports:
                    log.info("%d exports done, as many as allowed: stopping.", progress.exports)
                    return False
                pending = unit.exporter.start(request)
                if pending is None:
                    unit.nothing_new(request)
                    return True
                progress.exports += 1
            waiting = Waiting(unit.name, pending, time.time() + patience.timeout)
        try:
            taken = _taken(unit, waiting.pending, _final_status(unit, patience, progress, waiting))
        except (KsefExportError, KsefIntegrityError, KsefWatermarkError) as error:
            unit.exporter.forget()
            progress.abandoned += 1
            if progress.abandoned > MAX_ABANDONED:
                progress.abandoned = 0
                raise
            log.warning("%s Exporting the window anew.", error)
        else:
            unit.exporter.forget()
            progress.add(taken)
            if not taken.has_more:
                return True
        waiting = None


def _taken(unit: ExportUnit, pending: PendingExport, status: ExportStatus) -> Taken:
    package = unit.exporter.package(status)
    if package is None:
        unit.nothing_new(pending.request)
        return Taken()
    return unit.take(pending, package)


def _final_status(unit: ExportUnit, patience: Patience, progress: Progress, waiting: Waiting) -> ExportStatus:
    """Wait in the worker until KSeF has finished with an export, or hand the waiting to the triggerer."""
    pending, deadline = waiting.pending, waiting.deadline
    since = deadline - patience.timeout
    while not (status := unit.exporter.status(pending)).is_final:
        log.info("Export %s: %d %s.", pending.reference_number, status.code, status.description)
        left = deadline - time.time()
        if left <= 0:
            unit.exporter.forget()
            raise KsefTimeoutError(
                f"Export {pending.reference_number} was not ready within {patience.timeout:.0f} s.",
                "It is given up, the table is as it was; the next try begins a new export.",
            )
        if patience.defer is not None:
            refuse_blind_trigger(waiting.trigger_error)
            patience.defer(
                trigger=KsefExportTrigger(
                    pending.reference_number,
                    ksef_conn_id=patience.ksef_conn_id,
                    context_identifier=patience.context_identifier,
                    poll_interval=patience.poll_interval,
                    since=since,
                    deadline=deadline,
                    resume={
                        "progress": progress.to_json(),
                        "unit": unit.name,
                        "pending": pending.to_json(),
                        "deadline": deadline,
                    },
                ),
                method_name="execute_complete",
            )
        time.sleep(min(pause_since(since, patience.poll_interval), left))
    return status


class ExportResume(Resume, frozen=True):
    """
    What a deferral keeps.

    :param unit: name of the unit that the export is for.
    :param pending: the export; None where the waiting is for none but for a moment.
    :param progress: of the task.
    """

    unit: str
    pending: PendingExport | None
    progress: Progress


def progress_to_resume(progress: Progress) -> dict[str, Any]:
    """Give what a deferral keeps that waits for no export but for a moment."""
    return {"unit": "", "pending": None, "progress": progress.to_json()}


def resumed(event: Any, patience: Patience) -> tuple[Progress, Waiting | None]:
    """
    Read what a deferral kept.

    :param event: of :class:`~airflow_provider_ksef.triggers.export.KsefExportTrigger`. KSeF is asked once
        more, so that the event need not be believed.
    :param patience: of the task.
    :raises KsefTriggererError: where it is another event.
    """
    read = read_event(event, ExportResume, timeout=patience.timeout)
    kept = read.resume
    if kept.pending is None:
        return kept.progress, None
    log.info("Export %s: woken up with code %s.", read.reference_number, read.code)
    if kept.pending.reference_number != read.reference_number:
        raise foreign_event(f"it keeps export {kept.pending.reference_number!r}")
    return kept.progress, Waiting(kept.unit, kept.pending, kept.deadline, trigger_error=read.error)
