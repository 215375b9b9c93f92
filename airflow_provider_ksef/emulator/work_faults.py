"""Faults of the work behind the answers: packages that are damaged, work that ends badly or never."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from airflow_provider_ksef.emulator.wire import present


class WorkFaultKind(StrEnum):
    """What goes wrong."""

    EXPORT_STATUS = "export-status"
    TRUNCATED_METADATA = "truncated-metadata"
    WRONG_PART_HASH = "wrong-part-hash"
    SESSION_STATUS = "session-status"
    SESSION_UNAVAILABLE = "session-unavailable"
    INVOICE_STATUS = "invoice-status"
    LOGIN_STATUS = "login-status"
    PERMISSION_STATUS = "permission-status"
    ENROLLMENT_STATUS = "enrollment-status"


CODES: dict[WorkFaultKind, tuple[int, ...]] = {
    WorkFaultKind.EXPORT_STATUS: (100, 415, 420, 500, 550),
    WorkFaultKind.SESSION_STATUS: (405, 415, 420, 430, 435, 440, 500),
    WorkFaultKind.INVOICE_STATUS: (405, 435, 500, 550),
    WorkFaultKind.LOGIN_STATUS: (415, 450, 460, 470, 480, 500, 550),
    WorkFaultKind.PERMISSION_STATUS: (100, 400, 410, 420, 430, 440, 450, 500, 550),
    WorkFaultKind.ENROLLMENT_STATUS: (400, 500, 550),
}


@dataclass
class WorkFault:
    """
    One ordered fault.

    :param times: how many more exports, batch sessions, sendings, invoices, logins, grants or
        enrollments it hits.
    :param code: the status that they end with, for the kinds in :data:`CODES`.
    :param detail: the sub-cause that a login tells.
    """

    kind: WorkFaultKind
    times: int
    code: int | None = None
    detail: str | None = None


class WorkFaults:
    """The ordered faults; of each kind the first one that has times left is applied."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[WorkFault] = []

    def add(self, fault: WorkFault) -> None:
        """Order a fault."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Let nothing fail any more."""
        with self._lock:
            self._faults.clear()

    def take(self, kind: WorkFaultKind) -> bool:
        """Say whether a fault hits this piece of work, one time less being left of it."""
        return self.take_fault(kind) is not None

    def take_code(self, kind: WorkFaultKind) -> int | None:
        """Give the status with which this piece of work shall end, one time less being left of it."""
        fault = self.take_fault(kind)
        return fault.code if fault else None

    def take_fault(self, kind: WorkFaultKind) -> WorkFault | None:
        """Give the fault that hits this piece of work, one time less being left of it."""
        with self._lock:
            for fault in self._faults:
                if fault.kind is kind and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    def to_json(self) -> list[dict[str, Any]]:
        """The faults that are left."""
        with self._lock:
            return [
                present(kind=fault.kind, times=fault.times, code=fault.code, detail=fault.detail)
                for fault in self._faults
                if fault.times > 0
            ]
