"""Faults to order: what goes wrong, where, and how often."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Any

import msgspec

from airflow_provider_ksef.emulator.wire import present


@dataclass
class Fault:
    """
    One ordered fault.

    :param path: searched for in the path of the URL, e.g. ``^/v2/invoices/exports$``.
    :param times: how many more requests it hits.
    :param status: what is answered instead of doing the work; 200 where only a body is given.
    :param body: text or bytes to answer with.
    :param delay: seconds to wait first.
    :param drop: ``before`` cuts the connection at once, ``after`` does the work first.
    """

    method: str | None
    path: re.Pattern[str]
    times: int
    status: int | None
    headers: dict[str, str]
    body: bytes | None
    delay: float
    drop: str | None

    @property
    def is_answer(self) -> bool:
        """Whether it answers in place of the endpoint."""
        return self.status is not None or self.body is not None


class Faults:
    """The ordered faults; the first one that fits and has times left is applied."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Order a fault."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Let nothing fail any more."""
        with self._lock:
            self._faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Give the fault that hits this request, one time less being left of it."""
        with self._lock:
            for fault in self._faults:
                if fault.times > 0 and fault.method in (None, method) and _fits(fault.path, path):
                    fault.times -= 1
                    return fault
        return None

    def to_json(self) -> list[dict[str, Any]]:
        """The faults that are left."""
        with self._lock:
            return [
                present(
                    method=fault.method,
                    path=fault.path.pattern,
                    times=fault.times,
                    status=fault.status,
                    delay=fault.delay or None,
                    drop=fault.drop,
                )
                for fault in self._faults
                if fault.times > 0
            ]


def _fits(wanted: re.Pattern[str], path: str) -> bool:
    """Whether an expression fits a path with the API's ``/v2`` or without it, as statistics write it."""
    return bool(wanted.search(path) or wanted.search(path.removeprefix("/v2")))


def encode_body(body: Any, headers: dict[str, str]) -> bytes | None:
    """Write a body: text as it is (HTML unless the headers say otherwise), anything else as JSON."""
    if body is None:
        return None
    has_type = any(name.lower() == "content-type" for name in headers)
    if not has_type:
        headers["content-type"] = "text/html; charset=utf-8" if isinstance(body, str) else "application/json"
    return body.encode() if isinstance(body, str) else msgspec.json.encode(body)
