"""Running an operator by hand, as one try of a task instance."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any


class NotedState(dict[str, Any]):
    """A task state store: what one try noted, the next one finds."""

    def set(self, key: str, value: Any) -> None:
        if json.loads(json.dumps(value)) != value:
            raise TypeError(f"Airflow's store takes nothing but plain JSON: {value}")
        self[key] = value

    def delete(self, key: str) -> None:
        self.pop(key, None)


class TaskInstance(SimpleNamespace):
    """What operators ask of a task instance."""

    def __init__(self, run_id: str, max_tries: int = 3) -> None:
        super().__init__(
            dag_id="dag", run_id=run_id, task_id="task", map_index=-1, max_tries=max_tries, pushed={}
        )

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def context(state: NotedState | None = None, run_id: str = "run-1", *, max_tries: int = 3) -> dict[str, Any]:
    """
    A context with a state store, or without one as on an older Airflow.

    :param max_tries: stays the same in a retry; clearing the task raises it.
    """
    made: dict[str, Any] = {"ti": TaskInstance(run_id, max_tries)}
    return made if state is None else {**made, "task_state_store": state}
