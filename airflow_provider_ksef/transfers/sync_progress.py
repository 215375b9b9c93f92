"""What a sync has done so far; survives a deferral as plain JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from airflow_provider_ksef.transfers.pending_export import PendingExport


@dataclass
class SyncProgress:
    """
    Counts of one task run.

    :param rows: rows written.
    :param files: table files written.
    :param exports: exports that were begun.
    :param abandoned: exports that were given up and begun anew.
    :param done: subject types that have nothing more to fetch.
    """

    rows: int = 0
    files: int = 0
    exports: int = 0
    abandoned: int = 0
    done: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Give what is kept in a deferred task's arguments."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> SyncProgress:
        """Read what :meth:`to_json` gave."""
        return cls(**kept)


@dataclass(frozen=True)
class Waiting:
    """
    An export that is waited for.

    :param pending: the export.
    :param deadline: when it is given up, in seconds since the epoch.
    :param trigger_error: why the triggerer could not ask for it, where it could not.
    """

    pending: PendingExport
    deadline: float
    trigger_error: str | None = None
