"""What takes a minute and more: begun before the first test, it goes on beside others, then is looked at."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path

from tests.scheduler import managed
from tests.scheduler.begun import Begun, begin
from tests.scheduler.limited import LimitedSync, begin_limited
from tests.scheduler.striking import EXPORT, Striker
from tests.scheduler.waits_seen import WaitsSeen
from tests.scheduler.watched import WatchedEmulators
from tests.scheduler.whole_airflow import WholeAirflow

ASKED = 70
"""Seconds that KSeF asks to wait: more than a worker sits out."""
LOGIN = ("POST", "^/v2/auth/challenge$")
OPEN = ("POST", "^/v2/sessions/batch$")
PUT = ("PUT", "^/storage/")
CLOSE = ("POST", "^/v2/sessions/batch/[^/]+/close$")
STATUS = ("GET", "^/v2/sessions/[^/]+$")
PACKAGE = ("GET", "^/storage/")
KILLED = (
    ("struck_submit_in_place", (LOGIN, OPEN, PUT, CLOSE, STATUS)),
    ("struck_submit_in_place", (OPEN, PUT, PUT, CLOSE, CLOSE)),
    ("struck_sync_in_place", (EXPORT, EXPORT, PACKAGE, LOGIN, EXPORT)),
    ("struck_sync_in_place", (EXPORT, PACKAGE, EXPORT, PACKAGE, EXPORT)),
)
GRANT = ("POST", "^/v2/permissions/(persons|entities)/grants$")
REVOKE = ("DELETE", "^/v2/permissions/common/grants/")
OPERATION = ("GET", "^/v2/permissions/operations/")
GENERATE = ("POST", "^/v2/tokens$")
TOKEN = ("GET", "^/v2/tokens/")
ENROLL = ("POST", "^/v2/certificates/enrollments$")
ENROLLMENT = ("GET", "^/v2/certificates/enrollments/20")
RETRIEVE = ("POST", "^/v2/certificates/retrieve$")
SIGNED = ("POST", "^/v2/auth/xades-signature$")
REVOKE_CERTIFICATE = ("POST", "^/v2/certificates/[0-9A-F]+/revoke$")
KILLED_MANAGING = (
    ("permissions", "in_place", (REVOKE, OPERATION, GRANT, GRANT, OPERATION)),
    ("token", "deferred", (GENERATE, TOKEN, GENERATE)),
    ("certificate", "in_place", (ENROLL, ENROLLMENT, RETRIEVE, REVOKE_CERTIFICATE)),
    ("certificate", "deferred", (ENROLL, ENROLLMENT, SIGNED)),
)


@dataclass(frozen=True)
class BegunEarly:
    """
    Runs.

    :param left: whose tasks were asked to wait :data:`ASKED` seconds.
    :param started: when these were started, in seconds since the epoch.
    :param limited: whose tasks share a company's limits.
    :param struck: whose tasks are killed again and again, with invoices.
    :param managing: the same with permissions and credentials.
    :param managed: where all that manages a company is done, by tasks that wait in the triggerer.
    :param waits: how their tasks have waited.
    """

    left: list[Begun]
    started: float
    limited: LimitedSync
    struck: list[Striker]
    managing: list[Striker]
    managed: Begun
    waits: WaitsSeen


def begin_early(airflow: WholeAirflow, start: WatchedEmulators, folder: Path, waits: WaitsSeen) -> BegunEarly:
    """
    Begin them all.

    :param start: starts their emulators.
    :param folder: for their files.
    """
    slow = ("--hwm-lag", "0.2", "--delay", "0.7", "--export-cap", "100")
    started = time.time()
    return BegunEarly(
        left=[_left(airflow, start, how, folder / how) for how in ("in_place", "deferred")],
        started=started,
        limited=begin_limited(airflow, start("--hwm-lag", "0.2", "--export-cap", "100"), folder),
        struck=[
            _struck(airflow, begin(airflow, dag_id, start(*slow), folder / f"files-{number}"), plan)
            for number, (dag_id, plan) in enumerate(KILLED)
        ],
        managing=[
            _struck(airflow, managed.begin(airflow, task_id, how, start(*slow)), plan)
            for task_id, how, plan in KILLED_MANAGING
        ],
        managed=managed.begin_all(airflow, start("--hwm-lag", "0.2", "--delay", "2.5"), folder / "audit"),
        waits=waits,
    )


def _left(airflow: WholeAirflow, start: WatchedEmulators, how: str, folder: Path) -> Begun:
    emulator = start("--hwm-lag", "0.2", "--rate-limits", "production")
    too_many = {"status": 429, "headers": {"Retry-After": str(ASKED)}}
    emulator.process.control("faults", method="POST", path="/v2/invoices/exports", times=1, **too_many)
    return begin(airflow, f"struck_sync_{how}", emulator, folder)


def _struck(airflow: WholeAirflow, begun: Begun, plan: tuple[tuple[str, str], ...]) -> Striker:
    striker = Striker(airflow, begun, plan, random.Random(f"{begun.run.dag_id} {plan}"))
    striker.start()
    return striker
