"""How tasks wait: what Airflow's database shows only while it lasts."""

from __future__ import annotations

import threading
from collections import defaultdict

from tests.scheduler.whole_airflow import DagRun, WholeAirflow

PAUSE_SECONDS = 0.3
WAITING = (
    "SELECT run_id, task_id, coalesce(classpath, state) FROM task_instance "
    "LEFT JOIN trigger ON trigger.id = trigger_id WHERE state IN ('deferred', 'up_for_reschedule')"
)


class WaitsSeen:
    """Watches all tasks from its start to its end."""

    def __init__(self, airflow: WholeAirflow) -> None:
        self._airflow = airflow
        self._seen: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def end(self) -> None:
        """Watch no more."""
        self._is_over.set()
        self._thread.join()

    def of(self, run: DagRun) -> set[tuple[str, str]]:
        """Give how tasks of a run have waited: the task, and its trigger's class or ``up_for_reschedule``."""
        return set(self._seen[run.run_id])

    def _watch(self) -> None:
        while not self._is_over.wait(PAUSE_SECONDS):
            for run_id, task_id, how in self._airflow.rows(WAITING):
                self._seen[run_id].add((task_id, how.rpartition(".")[2]))
