"""Rows of ``submissions``: made when files are sent, and merged with answers so that none is ever undone."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_ksef.exceptions import KsefInputError, KsefTableError
from airflow_provider_ksef.tables.moments import to_datetime
from airflow_provider_ksef.tables.submission_columns import SUBMISSIONS
from airflow_provider_ksef.tables.submission_facts import (
    SENT,
    STATE_RANKS,
    FileAnswer,
    SentFile,
    Submission,
)

Row = dict[str, Any]

_MOMENTS = ("invoicing_date", "acquisition_date", "permanent_storage_date")
_ALL_DIFFERENT = ("file", "file_name", "invoice_hash", "invoice_number", "ksef_number", "verification_url")


def sent_rows(submission: Submission, files: Sequence[SentFile]) -> list[Row]:
    """
    Make the rows of a session that is about to be sent.

    :raises KsefInputError: where two files have one name within the session.
    """
    facts = asdict(submission)
    del facts["context"]
    empty = dict.fromkeys(SUBMISSIONS.names)
    rows = [empty | facts | asdict(file) | {"state": SENT} for file in files]
    names = {row["file_name"] for row in rows}
    if len(names) < len(rows):
        raise KsefInputError(
            "files", f"{len(rows)} files, {len(names)} names", "names are given twice", "Give each its own."
        )
    return rows


def merged_rows(rows: Sequence[Row], others: Sequence[Row]) -> list[Row]:
    """
    Add rows of a session that is sent to those that are there; what is there stays.

    :param rows: what is there.
    :param others: what is sent.
    :raises KsefTableError: where another file of the same name was sent in the session.
    """
    merged = {row["file_name"]: row for row in rows}
    for row in others:
        there = merged.setdefault(row["file_name"], row)
        if there["invoice_hash"] != row["invoice_hash"]:
            raise KsefTableError(
                f"Session {row['session_reference_number']} holds another file named {row['file_name']}.",
                "The table is as it was. A session's files are not exchanged once they are noted.",
            )
    return list(merged.values())


def answered_rows(rows: Sequence[Row], answers: Iterable[FileAnswer], answered_at: datetime) -> list[Row]:
    """
    Put answers into a session's rows.

    :param rows: the session's.
    :param answers: of some or all files.
    :param answered_at: now, with an offset.
    :returns: the same rows where the answers bring nothing new.
    :raises KsefInputError: where a state is unknown.
    :raises KsefTableError: where an answer belongs to no file of the session.
    """
    places = _Places(rows)
    merged = list(rows)
    for answer in answers:
        place = places.take(answer)
        merged[place] = _answered(merged[place], answer, answered_at)
    return merged


class _Places:
    """Finds the row that an answer belongs to; each row is given once."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._names = {row["file_name"]: place for place, row in enumerate(rows)}
        self._references = {
            row["invoice_reference_number"]: place
            for place, row in enumerate(rows)
            if row["invoice_reference_number"]
        }
        self._hashes: defaultdict[str, list[int]] = defaultdict(list)
        for place, row in enumerate(rows):
            if not row["invoice_reference_number"]:
                self._hashes[row["invoice_hash"]].append(place)

    def take(self, answer: FileAnswer) -> int:
        if answer.file_name in self._names:
            return self._names[answer.file_name]
        if answer.invoice_reference_number in self._references:
            return self._references[answer.invoice_reference_number]
        same = self._hashes.get(answer.invoice_hash or "")
        if not same:
            raise KsefTableError(
                f"KSeF's answer for {answer.file_name or answer.invoice_reference_number} belongs to no file "
                "of its session.",
                "The table is as it was. Compare the session in KSeF with its rows in submissions.",
            )
        return same.pop(0)


def _answered(row: Row, answer: FileAnswer, answered_at: datetime) -> Row:
    if answer.state not in STATE_RANKS:
        raise KsefInputError("state", answer.state, "is no state", f"Give one of: {', '.join(STATE_RANKS)}.")
    facts = {name: value for name, value in asdict(answer).items() if value is not None}
    for name in _MOMENTS:
        if name in facts:
            facts[name] = to_datetime(facts[name])
    if "status_details" in facts:
        facts["status_details"] = list(facts["status_details"])
    facts["file_name"], facts["invoice_hash"] = row["file_name"], row["invoice_hash"]
    merged = _later(row, dict.fromkeys(row) | facts)
    if merged == row:
        return row
    return merged | {"answered_at": None if merged["state"] == SENT else answered_at}


def _later(row: Row, other: Row) -> Row:
    """Let the same or a higher state win, and keep what it does not know; a lower one is late."""
    if STATE_RANKS[other["state"]] < STATE_RANKS[row["state"]]:
        return row
    return {name: value if other[name] is None else other[name] for name, value in row.items()}


def to_parquet(rows: Sequence[Row]) -> bytes:
    """Write a session's rows as a Parquet file in memory; a session never has more than 10,000."""
    table = pa.Table.from_pylist(list(rows), schema=SUBMISSIONS)
    repeating = [f.name for f in SUBMISSIONS if pa.types.is_string(f.type) and f.name not in _ALL_DIFFERENT]
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", use_dictionary=repeating)
    return sink.getvalue()


def from_parquet(content: bytes, path: str) -> list[Row]:
    """
    Read a session's file.

    :param content: its bytes.
    :param path: for the error.
    :raises KsefTableError: where it is damaged, or has columns that only a later version knows.
    """
    try:
        table = pq.read_table(io.BytesIO(content), partitioning=None)
    except pa.ArrowException as error:
        raise KsefTableError(
            f"The table file {path} cannot be read: {error}.",
            "Move it away or restore it; this package never leaves a file half-written.",
        ) from error
    strange = sorted(set(table.column_names) - set(SUBMISSIONS.names))
    if strange:
        raise KsefTableError(
            f"{path} has columns of a later version of this package: {', '.join(strange)}.",
            "Upgrade airflow-provider-ksef on this worker.",
        )
    empty = dict.fromkeys(SUBMISSIONS.names)
    return [empty | row for row in table.to_pylist()]
