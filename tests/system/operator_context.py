"""Running an operator by hand, as one try of a task instance."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class NotedState(dict[str, Any]):
    """A task state store: what one try noted, the next one finds."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value

    def delete(self, key: str) -> None:
        self.pop(key, None)


class TaskInstance(SimpleNamespace):
    """What operators ask of a task instance."""

    def __init__(self, run_id: str) -> None:
        super().__init__(dag_id="dag", run_id=run_id, task_id="task", map_index=-1, pushed={})

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def context(state: NotedState | None = None, run_id: str = "run-1") -> dict[str, Any]:
    """A context with a state store, or without one as on an older Airflow."""
    made: dict[str, Any] = {"ti": TaskInstance(run_id)}
    return made if state is None else {**made, "task_state_store": state}
