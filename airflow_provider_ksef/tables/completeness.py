"""
When a month is complete: all that KSeF numbered up to its end in Poland is in the table.

An invoice counts as received when it is numbered; it is stored for good a little later, and the watermark
counts storage. It never exceeds KSeF's high-water mark, below which nothing new can appear. So a month is
complete when the watermark has passed its last midnight by the time that storing may take. A month that a
verification found different from KSeF is not complete until a later one has found it equal, nor is one of
which retention has deleted all rows up to a day.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from os import PathLike

from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.tables.layout import TableKey, check_readable
from airflow_provider_ksef.tables.moments import (
    POLAND,
    STORAGE_LAG,
    format_ticks,
    parse_ticks,
    polish_date,
    to_ticks,
)
from airflow_provider_ksef.tables.parts import table_parts
from airflow_provider_ksef.tables.retention import RetentionRule, read_retention
from airflow_provider_ksef.tables.storage import open_store
from airflow_provider_ksef.tables.table_format import format_of, open_tables
from airflow_provider_ksef.tables.verified import (
    Span,
    is_verified,
    read_different,
    read_verified,
    spans_within,
)
from airflow_provider_ksef.tables.watermark import Watermark

_MONTH = re.compile(r"(20\d{2})-(0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True)
class TablePosition:
    """
    How far the tables of one context and subject type go.

    :param key: the context and subject type.
    :param watermark: None where nothing was synchronised yet.
    :param verified: spans that were verified, see :func:`verified.read_verified`.
    :param different: spans that were found different, see :func:`verified.read_different`.
    :param rules: what retention has deleted, see :func:`retention.read_retention`.
    """

    key: TableKey
    watermark: Watermark | None
    verified: tuple[Span, ...] = ()
    different: tuple[Span, ...] = ()
    rules: tuple[RetentionRule, ...] = ()

    def lag(self, now: datetime) -> timedelta | None:
        """Give the time from the watermark to now; None without a watermark."""
        if self.watermark is None:
            return None
        return timedelta(microseconds=(to_ticks(now) - parse_ticks(self.watermark.position)) // 10)

    def missing(
        self, month: str, *, storage_lag: timedelta = STORAGE_LAG, require_verified: bool = False
    ) -> str | None:
        """
        Say what a month lacks to be complete; None where it is.

        :param month: such as ``2026-03``, in Poland.
        :param storage_lag: see :data:`moments.STORAGE_LAG`.
        :param require_verified: whether a verification must have covered it, too.
        """
        start, end = month_bounds(month)
        end += to_ticks(datetime(1970, 1, 1, tzinfo=UTC) + storage_lag)
        lacks = (
            self._lacks_rows(month, end)
            or self._differs(month, start, end)
            or self._lacks_proof(month, start, end, require_verified=require_verified)
        )
        return f"{self.key.context} {self.key.subject_type} {lacks}" if lacks else None

    def deleted_before(self, month: str) -> str | None:
        """
        Give the storage date before which retention has deleted all rows, where a month begins before it.

        Rules of one counterparty do not count: what they leave of a month is not known from dates.

        :param month: such as ``2026-03``, in Poland.
        """
        start, _ = month_bounds(month)
        bounds = [rule.stored_before for rule in self.rules if rule.nip is None]
        last = max(bounds, key=parse_ticks, default=None)
        return last if last is not None and start < parse_ticks(last) else None

    def _lacks_rows(self, month: str, end: int) -> str | None:
        deleted_before = self.deleted_before(month)
        if deleted_before is not None:
            return f"lost to retention what was stored before {deleted_before}; {month} is not whole."
        if self.watermark is None:
            return "has no watermark: nothing was synchronised yet."
        if parse_ticks(self.watermark.position) < end:
            return f"goes to {self.watermark.position}; {month} needs {format_ticks(end)}."
        return None

    def _differs(self, month: str, start: int, end: int) -> str | None:
        spans = ", ".join(" to ".join(span) for span in spans_within(self.different, start, end))
        if not spans:
            return None
        return f"differs from KSeF, as a verification found of {spans}; {month} is not proven."

    def _lacks_proof(self, month: str, start: int, end: int, *, require_verified: bool) -> str | None:
        if is_verified(self.verified, start, end):
            return None
        if require_verified:
            return f"lacks a verification of {month}, up to {format_ticks(end)}."
        began = self.watermark.began_at if self.watermark else None
        if began is None or parse_ticks(began) > start:
            return f"begins at {began or 'an unknown point'}; {month} was not verified."
        return None

    def known_months(self) -> list[str]:
        """List the months from the first that the table knows of to the watermark, in Poland."""
        return _months([self])


def is_month_complete(
    tables_path: str | PathLike[str] | UPath,
    month: str,
    *,
    subject_types: Sequence[str] = ("Subject2",),
    contexts: Sequence[str] | None = None,
    storage_lag: timedelta = STORAGE_LAG,
    require_verified: bool = False,
) -> bool:
    """
    Tell whether everything that KSeF numbered up to the end of a Polish month is in the tables.

    A month before the sync's first run counts where a verification has covered it. A month that the last
    verification found different from KSeF does not count, nor does one that retention has emptied or cut.
    Rows of one counterparty that retention has deleted are not missed.

    :param tables_path: the folder that the sync writes to.
    :param month: such as ``2026-03``: that of ``ksef_date``.
    :param subject_types: roles that must be complete.
    :param contexts: such as ``nip-5250001210``; all that the tables hold where there is none.
    :param storage_lag: how long after its number an invoice may be stored for good.
    :param require_verified: whether a verification must have covered the month, too.
    :raises KsefInputError: where the month is none, a list is empty or one text, or the folder holds
        something else.
    """
    month_bounds(month)
    positions = table_positions(tables_path, subject_types=subject_types, contexts=contexts)
    return not absent_parts(positions, subject_types, contexts) and not any(
        position.missing(month, storage_lag=storage_lag, require_verified=require_verified)
        for position in positions
    )


def complete_months(
    tables_path: str | PathLike[str] | UPath,
    *,
    subject_types: Sequence[str] = ("Subject2",),
    contexts: Sequence[str] | None = None,
    storage_lag: timedelta = STORAGE_LAG,
    require_verified: bool = False,
) -> list[str]:
    """
    List the months that are complete, see :func:`is_month_complete`.

    :returns: such as ``["2026-02", "2026-03"]``; no month before the sync's first run or a verified one.
    """
    positions = table_positions(tables_path, subject_types=subject_types, contexts=contexts)
    if absent_parts(positions, subject_types, contexts):
        return []
    return [
        month
        for month in _months(positions)
        if not any(
            position.missing(month, storage_lag=storage_lag, require_verified=require_verified)
            for position in positions
        )
    ]


def table_positions(
    tables_path: str | PathLike[str] | UPath,
    *,
    subject_types: Sequence[str] | None = None,
    contexts: Sequence[str] | None = None,
) -> list[TablePosition]:
    """
    Read how far the tables go.

    :param tables_path: the folder that the sync writes to.
    :param subject_types: only these.
    :param contexts: only these.
    :raises KsefInputError: where a list is empty or one text, or the folder holds something else.
    :raises KsefTableError: where a watermark cannot be read.
    """
    root = tables_path if isinstance(tables_path, UPath) else UPath(tables_path)
    check_readable(root)
    tables = open_tables(root, format_of(root))
    return [
        TablePosition(key, tables.watermark(key), *_notes(root, key))
        for key in table_parts(open_store(root), contexts=contexts, subject_types=subject_types)
    ]


def absent_parts(
    positions: Sequence[TablePosition], subject_types: Sequence[str], contexts: Sequence[str] | None
) -> list[str]:
    """
    Name what is wanted and not there at all: a subject type of each context, or of any where none is named.

    :param positions: what is there.
    :param subject_types: the subject types wanted.
    :param contexts: the contexts wanted; any where there is none.
    """
    there = {(position.key.context, position.key.subject_type) for position in positions}
    if contexts is None:
        return sorted(set(subject_types) - {subject_type for _, subject_type in there})
    return sorted(" ".join(part) for part in product(contexts, subject_types) if part not in there)


def month_bounds(month: str) -> tuple[int, int]:
    """
    Give a month's first midnight in Poland and that after its last day, in ticks of 100 ns since 1970.

    :raises KsefInputError: where it is no month.
    """
    match = _MONTH.fullmatch(month)
    if match is None:
        raise KsefInputError("month", month, "is no month", "Give one such as 2026-03.")
    year, number = map(int, match.groups())
    first = date(year, number, 1)
    after = date(year + number // 12, number % 12 + 1, 1)
    start, end = (datetime.combine(day, time(), POLAND) for day in (first, after))
    return to_ticks(start), to_ticks(end)


def _notes(
    root: UPath, key: TableKey
) -> tuple[tuple[Span, ...], tuple[Span, ...], tuple[RetentionRule, ...]]:
    return read_verified(root, key), read_different(root, key), read_retention(root, key)


def _months(positions: Sequence[TablePosition]) -> list[str]:
    """List the months from the first that any of the tables knows of to the last watermark."""
    marks = [position.watermark for position in positions if position.watermark]
    starts = [mark.began_at for mark in marks if mark.began_at]
    starts += [span[0] for position in positions for span in position.verified]
    if not starts or not marks:
        return []
    day = polish_date(min(starts, key=parse_ticks)).replace(day=1)
    last = polish_date(max((mark.position for mark in marks), key=parse_ticks))
    months = []
    while day <= last:
        months.append(f"{day:%Y-%m}")
        day = (day + timedelta(days=32)).replace(day=1)
    return months
