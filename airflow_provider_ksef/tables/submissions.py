"""
The table ``submissions``: one file per session, written when it is sent and completed when KSeF has answered.

A session's file is replaced as a whole and only where nobody has changed it since it was read, so a reader
sees each submitted file once, and a late writer never undoes a later state. Its month is that of the
session's reference number: all tries mean the same file.
"""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError, KsefLeaseError, KsefTableError
from airflow_provider_ksef.tables.environment import claim_submissions
from airflow_provider_ksef.tables.layout import SUBMISSIONS_TABLE
from airflow_provider_ksef.tables.reading import read
from airflow_provider_ksef.tables.storage import open_store
from airflow_provider_ksef.tables.submission_columns import SUBMISSIONS
from airflow_provider_ksef.tables.submission_facts import SENT, FileAnswer, SentFile, Submission
from airflow_provider_ksef.tables.submission_rows import (
    Row,
    answered_rows,
    from_parquet,
    merged_rows,
    sent_rows,
    to_parquet,
)

_REFERENCE = re.compile(r"(\d{4})(0[1-9]|1[0-2])\d{2}-[0-9A-Z]{2}-[0-9A-Z-]+", re.ASCII)
_TRIES = 20
_LONGEST_PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class SentSession:
    """
    A session that the table knows.

    :param session_reference_number: the session in KSeF.
    :param digest: of what was sent in it.
    :param sent_at: when it was sent.
    :param states: how many of its files are in which state.
    """

    session_reference_number: str
    digest: str
    sent_at: datetime
    states: Mapping[str, int]


def session_path(context: str, session_reference_number: str) -> str:
    """
    Give the path of a session's file, below ``tables_path``.

    :param context: see :func:`layout.context_name`.
    :param session_reference_number: begins with the date on which KSeF opened the session.
    :raises KsefInputError: where it is none.
    """
    match = _REFERENCE.fullmatch(session_reference_number)
    if match is None:
        raise KsefInputError(
            "session_reference_number",
            session_reference_number,
            "is not a reference number of KSeF",
            "Give it as KSeF wrote it, such as 20260901-SB-1A2B3C7000-0F1E2D3C4E-78.",
        )
    month = "-".join(match.groups())
    return f"{SUBMISSIONS_TABLE}/context={context}/month={month}/{session_reference_number}.parquet"


def begin_submission(tables_path: UPath, submission: Submission, files: Sequence[SentFile]) -> None:
    """
    Note the files of a session as sent: before what makes it take effect, that is before a batch session is
    closed, or before an invoice goes into an online session.

    It may be repeated, by the next try too, and with further files: what is known of a file stays.

    :param tables_path: the folder of tables.
    :param submission: the session.
    :param files: what is sent in it.
    :raises KsefInputError: where two files have one name.
    :raises KsefTableError: where the tables are of another environment: TEST never enters a production table.
    """
    path = session_path(submission.context, submission.session_reference_number)
    rows = sent_rows(submission, files)
    claim_submissions(open_store(tables_path), submission.environment)
    _change(tables_path, path, lambda there: merged_rows(there, rows))


def complete_submission(
    tables_path: UPath,
    context: str,
    session_reference_number: str,
    answers: Iterable[FileAnswer],
    *,
    answered_at: datetime | None = None,
) -> dict[str, int]:
    """
    Note what became of files of a session; it may be repeated, with fewer or with more answers.

    :param tables_path: the folder of tables.
    :param context: see :func:`layout.context_name`.
    :param session_reference_number: a session that was begun.
    :param answers: of some or all of its files.
    :param answered_at: when KSeF answered, with an offset; now where it is not given.
    :returns: how many files of the session are in which state now.
    :raises KsefTableError: where the session was not begun, or an answer belongs to none of its files.
    """
    path = session_path(context, session_reference_number)
    answers, moment = tuple(answers), answered_at or datetime.now(UTC)

    def answered(rows: list[Row]) -> list[Row]:
        if not rows:
            raise KsefTableError(
                f"Session {session_reference_number} is not in the table submissions.",
                "Give the tables_path that it was sent with, and the context that sent it.",
            )
        return answered_rows(rows, answers, moment)

    return dict(Counter(row["state"] for row in _change(tables_path, path, answered)))


def read_submission(tables_path: UPath, context: str, session_reference_number: str) -> pa.Table | None:
    """
    Read the rows of one session; None where the table does not know it.

    :param tables_path: the folder of tables.
    :param context: see :func:`layout.context_name`.
    :param session_reference_number: the session.
    """
    path = session_path(context, session_reference_number)
    content = open_store(tables_path).read(path)
    return None if content is None else pa.Table.from_pylist(from_parquet(content, path), schema=SUBMISSIONS)


def find_submissions(
    tables_path: UPath, context: str, digest: str, *, since_month: str = ""
) -> list[SentSession]:
    """
    Find the sessions in which the same was sent, the newest first.

    :param tables_path: the folder of tables.
    :param context: see :func:`layout.context_name`.
    :param digest: of what was sent together.
    :param since_month: only sessions of this month or later, such as ``2026-03``; fewer files are read.
    """
    return _find(tables_path, context, [("digest", "=", digest), ("month", ">=", since_month)])


def find_unanswered(
    tables_path: UPath, context: str, task: Mapping[str, object], *, since_month: str = ""
) -> list[SentSession]:
    """
    Find the sessions of a task that have files without an answer, the newest first; only those are counted.

    :param tables_path: the folder of tables.
    :param context: see :func:`layout.context_name`.
    :param task: columns of the table and their values that tell the task from others.
    :param since_month: only sessions of this month or later, such as ``2026-03``; fewer files are read.
    """
    of_task = [(name, "=", value) for name, value in task.items()]
    return _find(tables_path, context, [*of_task, ("state", "=", SENT), ("month", ">=", since_month)])


def _find(tables_path: UPath, context: str, filters: list[tuple[str, str, object]]) -> list[SentSession]:
    if not open_store(tables_path).names(f"{SUBMISSIONS_TABLE}/context={context}"):
        return []
    rows = read(
        SUBMISSIONS_TABLE,
        tables_path,
        columns=["session_reference_number", "digest", "sent_at", "state"],
        filters=[("context", "=", context), *filters],
    ).to_pylist()
    of_session: dict[str, list[Row]] = {}
    for row in rows:
        of_session.setdefault(row["session_reference_number"], []).append(row)
    found = [
        SentSession(
            reference,
            own[0]["digest"],
            max(row["sent_at"] for row in own),
            dict(Counter(row["state"] for row in own)),
        )
        for reference, own in of_session.items()
    ]
    return sorted(found, key=lambda each: (each.sent_at, each.session_reference_number), reverse=True)


def _change(root: UPath, path: str, change: Callable[[list[Row]], list[Row]]) -> list[Row]:
    """Change a session's rows; where another writer was faster, change what it wrote."""
    store = open_store(root)
    for _ in range(_TRIES):
        seen = store.read(path)
        rows = from_parquet(seen, path) if seen is not None else []
        changed = change(rows)
        if changed == rows or store.swap(path, to_parquet(changed), seen):
            return changed
        time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))  # noqa: S311  so that two writers part
    raise KsefLeaseError(f"Others keep changing {path}.", "The task may simply be retried.")
