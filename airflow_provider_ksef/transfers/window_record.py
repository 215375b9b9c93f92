"""What is remembered of one window of a task, in the deferral and for the next try."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_ksef.tables.windows import Window


@dataclass(frozen=True)
class WindowRecord:
    """
    One window's own part of what its task remembers.

    :param subject_type: whose window it is.
    :param window: both bounds inclusive.
    :param counts: names of what is counted, the same in all windows of a task.
    :param units: what the task remembers of each window, by its name; plain JSON.
    :param remember: notes what the task has done by now; called when that has changed.
    """

    subject_type: str
    window: Window
    counts: Sequence[str]
    units: dict[str, dict[str, Any]]
    remember: Callable[[], None]

    @property
    def name(self) -> str:
        """The subject type and the bounds."""
        return f"{self.subject_type} {self.window.start}/{self.window.end}"

    @property
    def kept(self) -> dict[str, Any]:
        """What is remembered of this window."""
        counts = dict.fromkeys(self.counts, 0)
        return self.units.setdefault(self.name, {"position": self.window.start, **counts})

    @property
    def rest(self) -> Window:
        """The part of the window that is not done yet."""
        return Window(str(self.kept["position"]), self.window.end)

    def advance(self, position: str, **counts: int) -> None:
        """Remember how far the window is done, and what came in addition."""
        self.kept["position"] = position
        self.count(**counts)

    def count(self, **counts: int) -> None:
        """Remember what came in addition, the window being as far as before."""
        for name, count in counts.items():
            self.kept[name] += count
        self.remember()
