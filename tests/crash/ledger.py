"""What the tables held each time a sync had died or ended, held against what KSeF holds."""

from __future__ import annotations

from collections import Counter
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


@dataclass
class Ledger:
    """
    Looks at the tables.

    :param reached: positions that the watermark may stand at: where the last committed window ended, or the
        one ended that a sync was committing when it died.
    :param seen: pairs of a watermark in microseconds and the KSeF numbers that were in the table then.
    """

    place: Place
    reached: set[str | None] = field(default_factory=lambda: {None})
    seen: list[tuple[int, frozenset[str]]] = field(default_factory=list)

    def check_sync(self, attempt: Attempt) -> None:
        """Hold the watermark against the windows that the sync told, and the rows against doubles."""
        for told, value in attempt.told:
            if told == "committing":
                self.reached = {*self.reached, value}
            elif told == "committed":
                self.reached = {value}
        position = self.position()
        assert position in self.reached, f"the watermark {position} is none of {self.reached}: {attempt.told}"
        self.reached = {position}
        result = attempt.last("succeeded")
        if result is not None:
            assert result["watermark"] == {SUBJECT_TYPE: position}
        numbers = self._numbers()
        if position is not None:
            self.seen.append((parse_ticks(position) // 10, frozenset(numbers)))

    def check_end(self, truth: list[str]) -> None:
        """Hold the tables against KSeF's truth, and every earlier watermark against its rows."""
        numbers = self._numbers()
        missing, invented = set(truth) - set(numbers), set(numbers) - set(truth)
        assert not missing, f"missing: {missing}"
        assert not invented, f"KSeF does not know: {invented}"
        stored = _stored(self.place.rows())
        for reached, held in self.seen:
            lacking = {number for number in truth if stored[number] < reached} - held
            assert not lacking, f"the watermark was ahead of {lacking}"

    def position(self) -> str | None:
        watermark = self.place.tables().watermark(KEY)
        return None if watermark is None else watermark.position

    def _numbers(self) -> list[str]:
        """Read the table twice, by this package and as anybody does, and find no invoice twice."""
        numbers: list[str] = self.place.rows()["ksef_number"].to_pylist()
        for read in (numbers, self.place.rows_for_others()["ksef_number"].to_pylist()):
            doubled = [number for number, count in Counter(read).items() if count > 1]
            assert not doubled, f"doubled: {doubled}"
        return numbers


def _stored(rows: pa.Table) -> dict[str, int]:
    numbers, dates = (rows[name].to_pylist() for name in ("ksef_number", "permanent_storage_date"))
    return {number: _microseconds(date) for number, date in zip(numbers, dates, strict=True)}


def _microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 10**6)
