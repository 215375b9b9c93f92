"""What a task does that is killed: its login session ends at once, and the task with it."""

from __future__ import annotations

import logging

from airflow_provider_ksef.hooks.ksef import open_clients

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 2.0
"""Airflow ends a task for good 5 seconds after it has told it to end."""


def end_killed_task() -> None:
    """
    End the login sessions of this process, and the task that uses them; the body of every ``on_kill``.

    Airflow calls it in the middle of whatever the task does, and lets the task go on. A batch session that
    was not closed has no effect, one that was closed and an export go on in KSeF, and an interactive session
    stays open for half a day: nothing of it counts against a limit, and the next try goes on with all of it.

    :raises SystemExit: so that the task ends; Airflow takes it for a failure that may be retried.
    """
    clients = [client for client in open_clients.copy() if not client.is_closed]
    open_clients.clear()
    for client in clients:
        client.log_out(timeout=PATIENCE_SECONDS / len(clients))
    if clients:
        log.warning("The task was told to end and is logged out of KSeF; its next try goes on from here.")
        raise SystemExit("The task was told to end.")
