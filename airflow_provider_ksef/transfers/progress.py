"""What a task has done so far; survives a deferral as plain JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Taken:
    """
    What one export brought.

    :param rows: rows written to the table of invoices.
    :param files: table files written.
    :param documents: rows written to the table of documents.
    :param lines: rows written to the table of lines.
    :param unreadable: documents of the package that could not be parsed; they are kept with the error.
    :param has_more: whether the unit of work needs another export.
    """

    rows: int = 0
    files: int = 0
    documents: int = 0
    lines: int = 0
    unreadable: int = 0
    has_more: bool = False


@dataclass
class Progress:
    """
    Counts of one task run.

    :param rows: as in :class:`Taken`, like the next four.
    :param exports: exports that were begun.
    :param abandoned: exports that were given up and begun anew, in a row.
    :param done: names of the units of work that have nothing more to fetch.
    :param units: what each unit keeps of itself, by its name; plain JSON.
    :param until: where each subject type's windows end, where that was found out by the first try.
    """

    rows: int = 0
    files: int = 0
    documents: int = 0
    lines: int = 0
    unreadable: int = 0
    exports: int = 0
    abandoned: int = 0
    done: list[str] = field(default_factory=list)
    units: dict[str, dict[str, Any]] = field(default_factory=dict)
    until: dict[str, str] = field(default_factory=dict)

    def add(self, taken: Taken) -> None:
        """Count an export that was taken."""
        self.abandoned = 0
        self.rows += taken.rows
        self.files += taken.files
        self.documents += taken.documents
        self.lines += taken.lines
        self.unreadable += taken.unreadable

    def to_json(self) -> dict[str, Any]:
        """Give what is kept in a deferred task's arguments."""
        return asdict(self)
