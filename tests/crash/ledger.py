"""What the tables held each time a sync had died or ended, held against what KSeF holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.moments import parse_ticks
from tests.crash.arrivals import SUBJECT_TYPE
from tests.crash.attempt import Attempt
from tests.crash.places import Place
from tests.emulator_process import NIP

KEY = TableKey(f"nip-{NIP}", SUBJECT_TYPE)
COMPANIONS = {
    "invoice_lines": ("line_ordinal", b"<FaWiersz>"),
    "invoice_vat_summary": ("rate_group", b"<P_13_"),
}
"""What tells the rows of an invoice apart, and what its document has for them."""


@dataclass
class Ledger:
    """
    Looks at the tables.

    :param read: reads some columns of a table.
    :param with_documents: whether the writers fill the companion tables.
    :param old: the KSeF numbers of invoices that a retention rule stands for; none where there is no rule.
    :param is_deleted: whether the rule was carried out.
    :param begun: where the windows end that a sync began to commit.
    :param committed: where those end whose commit returned.
    :param seen: pairs of a watermark in microseconds and the KSeF numbers that were in the table then.
    """

    place: Place
    read: Callable[[str, list[str]], pa.Table]
    with_documents: bool
    old: frozenset[str] = frozenset()
    is_deleted: bool = False
    begun: set[str] = field(default_factory=set)
    committed: set[str] = field(default_factory=set)
    seen: list[tuple[int, frozenset[str]]] = field(default_factory=list)

    def look(self, ended: Attempt, running: list[Attempt]) -> None:
        """Hold the watermark against the windows that the syncs told, and the rows against doubles."""
        self._note([ended, *running])
        result = ended.last("succeeded")
        self.is_deleted = self.is_deleted or (ended.task.kind == "delete" and result is not None)
        least = max((parse_ticks(end) for end in self.committed), default=None)
        position = self.position()
        self._note(running)  # of a commit that went on meanwhile
        numbers = self._numbers()
        self._check_companions(numbers)
        if position is None:
            assert least is None, f"no watermark, but {self.committed} were committed"
            return
        assert position in self.begun, f"the watermark {position} is the end of no window: {self.begun}"
        assert least is None or parse_ticks(position) >= least, f"the watermark {position} moved back"
        self.seen.append((parse_ticks(position) // 10, frozenset(numbers)))
        if ended.task.kind == "sync" and result is not None:
            assert result["watermark"][SUBJECT_TYPE] in self.begun

    def _note(self, attempts: list[Attempt]) -> None:
        for attempt in attempts:
            attempt.listen()
            if attempt.task.kind == "sync":
                self.begun.update(end for told, end in attempt.told if told == "committing")
                self.committed.update(end for told, end in attempt.told if told == "committed")

    def check_end(self, truth: list[str]) -> None:
        """Hold the tables against KSeF's truth, and every earlier watermark against its rows."""
        numbers, wanted = self._numbers(), set(truth) - self.old
        missing, invented = wanted - numbers, numbers - set(truth)
        assert not missing, f"missing: {missing}"
        assert not invented, f"KSeF does not know: {invented}"
        self._check_companions(numbers)
        rows = self.place.rows("invoices", ["ksef_number", "permanent_storage_date"])
        assert sorted(rows["ksef_number"].to_pylist()) == sorted(numbers), "two readers see two tables"
        stored = _stored(rows)
        for reached, held in self.seen:
            lacking = {number for number in wanted if stored[number] < reached} - held
            assert not lacking, f"the watermark was ahead of {lacking}"

    def position(self) -> str | None:
        watermark = self.place.tables().watermark(KEY)
        return None if watermark is None else watermark.position

    def _check_companions(self, invoices: frozenset[str]) -> None:
        """Find for each invoice that is seen, and is not to be deleted, its rows in the tables beside it."""
        if not self.with_documents:
            return
        invoices -= self.old
        documents = self.read("invoice_documents", ["ksef_number", "xml"]).to_pylist()
        for table, (key, element) in COMPANIONS.items():
            expected = invoices - {each["ksef_number"] for each in documents if element not in each["xml"]}
            lacking = expected - self._numbers(table, [key])
            assert not lacking, f"not in {table}: {lacking}"
        lacking = invoices - self._numbers("invoice_documents")
        assert not lacking, f"not in invoice_documents: {lacking}"

    def _numbers(self, table: str = "invoices", key: Sequence[str] = ()) -> frozenset[str]:
        """Read a table, and find no row twice."""
        rows = self.read(table, ["ksef_number", *key]).to_pylist()
        doubled = [row for row, count in Counter(tuple(row.values()) for row in rows).items() if count > 1]
        assert not doubled, f"doubled in {table}: {doubled}"
        numbers = frozenset(row["ksef_number"] for row in rows)
        back = numbers & self.old if self.is_deleted else None
        assert not back, f"deleted from {table}, and there again: {back}"
        return numbers


def _stored(rows: pa.Table) -> dict[str, int]:
    numbers, dates = (rows[name].to_pylist() for name in ("ksef_number", "permanent_storage_date"))
    return {number: _microseconds(date) for number, date in zip(numbers, dates, strict=True)}


def _microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 10**6)
