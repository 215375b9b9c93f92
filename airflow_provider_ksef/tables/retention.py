"""
Which rows are to be gone for good: rules, noted beside the tables before the first row is deleted.

A rule stands for rows that were stored before a moment, of all or of one counterparty. It stays in force: a
commit does not bring such rows back, verification does not miss them. What a counterparty sends later is no
business of the rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError, KsefTableError
from airflow_provider_ksef.tables.layout import OWN_FOLDER, TableKey
from airflow_provider_ksef.tables.moments import POLAND, format_ticks, parse_ticks, to_microseconds, to_ticks
from airflow_provider_ksef.tables.schema import MOMENT, NUMBER, STORED
from airflow_provider_ksef.tables.storage import Store, open_store

_NIP = re.compile(r"\d{10}", re.ASCII)
PARTIES = ("seller_nip", "buyer_identifier", "buyer_identifier_type")


@dataclass(frozen=True)
class RetentionRule:
    """
    Rows that are to be gone.

    :param stored_before: those with an earlier permanent storage date; KSeF's own date string.
    :param nip: only those that this company sold or bought; None for all.
    :param noted_at: when the rule was noted, ISO 8601 by the clock of the worker; empty before.
    """

    stored_before: str
    nip: str | None = None
    noted_at: str = ""

    def covers(self, other: RetentionRule) -> bool:
        """Tell whether this rule stands for all rows that another one stands for."""
        is_as_late = parse_ticks(other.stored_before) <= parse_ticks(self.stored_before)
        return is_as_late and self.nip in {None, other.nip}


def new_rule(
    before: date | str | None, nip: str | None, *, position: str | None, now: datetime
) -> RetentionRule:
    """
    Make a rule of what a user gives.

    :param before: rows stored before this day's midnight in Poland; ``2020-01-01`` or a date. Without it,
        the rule ends at the watermark: what a sync has yet to bring is not in question.
    :param nip: tax number of a seller or buyer.
    :param position: the table's watermark; None where it has none.
    :param now: with an offset.
    :raises KsefInputError: where neither is given, or one is wrong.
    """
    if before is None and nip is None:
        raise KsefInputError("before", before, "nothing says which rows", "Give a date, a NIP, or both.")
    if nip is not None and not _NIP.fullmatch(nip):
        raise KsefInputError("nip", nip, "is no NIP", "Give ten digits, such as 5250001210.")
    if before is None:
        return RetentionRule(position or format_ticks(to_ticks(now)), nip)
    midnight = _midnight(before)
    if midnight > now:
        raise KsefInputError("before", str(before), "is in the future", "Give today or an earlier day.")
    return RetentionRule(format_ticks(to_ticks(midnight)), nip)


def check_counterparty(nip: str | None, contexts: Iterable[str]) -> None:
    """
    Refuse the number of a company whose own tables are meant: it is on each of their invoices.

    :param nip: what a user gives; None is fine.
    :param contexts: of the tables that rows are to be deleted from.
    :raises KsefInputError: where all rows of a context would be gone.
    """
    own = [context for context in contexts if nip is not None and context.split("-")[1:2] == [nip]]
    if own:
        raise KsefInputError(
            "nip",
            nip,
            f"is on all invoices of {', '.join(sorted(set(own)))}",
            "Give contexts without these; where old rows of theirs are meant, give before alone.",
        )


def read_retention(root: UPath, key: TableKey) -> tuple[RetentionRule, ...]:
    """
    Give the rules of one context and subject type, oldest first.

    :raises KsefTableError: where one cannot be read.
    """
    return retention_rules(open_store(root), key)


def retention_rules(store: Store, key: TableKey) -> tuple[RetentionRule, ...]:
    """See :func:`read_retention`."""
    return tuple(_noted(store, key).values())


def note_rule(store: Store, key: TableKey, rule: RetentionRule) -> None:
    """
    Note a rule, and forget those that it covers; the lease must be held.

    A rule whose day moves on with each run would leave as many files as runs, and each commit reads them all.

    :raises KsefTableError: where it could not be noted; then nothing may be deleted.
    """
    known = _noted(store, key)
    if any(other.covers(rule) for other in known.values()):
        return
    noted = replace(rule, noted_at=datetime.now(UTC).isoformat())
    last = max((_ordinal(path.rsplit("/", 1)[-1])[0] for path in known), default=0)
    path = f"{retention_folder(key)}/{last + 1}.json"
    if not store.create(path, msgspec.json.encode(noted)):
        raise KsefTableError(
            f"The retention rule {path} could not be noted: another writer was faster.", "Run it again."
        )
    for older, other in known.items():
        if rule.covers(other):
            store.remove(older)


def kept(rules: Iterable[RetentionRule], rows: pa.Table) -> pa.Array:
    """
    Tell which rows no rule stands for.

    :param rules: see :func:`read_retention`.
    :param rows: rows of ``invoices``; of the columns only the storage date and the parties count.
    :returns: for each row True where it stays.
    """
    gone = pa.array([False] * rows.num_rows, pa.bool_())
    for rule in rules:
        gone = pc.or_(gone, meant(rule, rows))
    return pc.invert(gone)


def kept_and_gone(store: Store, key: TableKey, rows: pa.Table) -> tuple[pa.Table, pa.Array]:
    """
    Divide an export's invoices by a key's rules.

    :param rows: rows of ``invoices``.
    :returns: the rows that no rule stands for, and the KSeF numbers of the others.
    """
    stays = kept(retention_rules(store, key), rows)
    return rows.filter(stays), rows.filter(pc.invert(stays)).column(NUMBER).combine_chunks()


def meant(rule: RetentionRule, rows: pa.Table) -> pa.Array:
    """
    Tell which rows a rule stands for.

    :param rows: rows of ``invoices``.
    """
    before = pa.scalar(to_microseconds(rule.stored_before), pa.int64()).cast(MOMENT)
    found = pc.less(_column(rows, STORED), before)
    if rule.nip is None:
        return found
    seller, buyer, kind = (_column(rows, name) for name in PARTIES)
    bought = pc.and_(pc.equal(buyer, rule.nip), pc.equal(kind, "Nip"))
    party = pc.or_kleene(pc.equal(seller, rule.nip), bought)
    return pc.and_(found, pc.fill_null(party, fill_value=False))


def retention_folder(key: TableKey) -> str:
    """Give the folder of a key's rules."""
    return f"{OWN_FOLDER}/retention/{key.context}/{key.subject_type}"


def _column(rows: pa.Table, name: str) -> pa.Array:
    if name not in rows.column_names:
        return pa.nulls(rows.num_rows, pa.string())
    return rows[name].combine_chunks()


def _noted(store: Store, key: TableKey) -> dict[str, RetentionRule]:
    """Give the rules by their paths, oldest first; looked up anew where one was replaced meanwhile."""
    folder = retention_folder(key)
    while True:
        names = sorted((name for name in store.names(folder) if name.endswith(".json")), key=_ordinal)
        contents = {f"{folder}/{name}": store.read(f"{folder}/{name}") for name in names}
        found = {path: content for path, content in contents.items() if content is not None}
        if len(found) == len(contents):
            return {path: _rule(path, content) for path, content in found.items()}


def _ordinal(name: str) -> tuple[int, str]:
    stem = name.removesuffix(".json")
    return (int(stem) if stem.isdecimal() else 0, name)


def _rule(path: str, content: bytes) -> RetentionRule:
    try:
        return msgspec.json.decode(content, type=RetentionRule)
    except msgspec.DecodeError as error:
        raise KsefTableError(
            f"The retention rule {path} cannot be read: {error}.",
            "Restore it from a copy; without it a backfill could bring deleted rows back.",
        ) from error


def _midnight(before: date | str) -> datetime:
    try:
        day = date.fromisoformat(before.strip()) if isinstance(before, str) else before
    except ValueError as error:
        raise KsefInputError("before", before, "is no date", "Give one such as 2020-01-01.") from error
    if isinstance(day, datetime):
        raise KsefInputError("before", str(day), "is a moment, not a date", "Give a day, 2020-01-01.")
    return datetime.combine(day, time(), POLAND).astimezone(UTC)
