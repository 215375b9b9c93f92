"""In whatever order answers come, and wherever a writer is killed, no state is undone and no file doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from upath import UPath

from airflow_provider_ksef.tables.submission_facts import STATE_RANKS, FileAnswer, state_of_code
from airflow_provider_ksef.tables.submission_rows import answered_rows, from_parquet, sent_rows, to_parquet
from airflow_provider_ksef.tables.submissions import begin_submission, complete_submission
from tests.unit.tables.sent_files import (
    ANSWERED_AT,
    CONTEXT,
    LATER_SESSION,
    SESSION,
    accepted,
    files,
    rejected,
    session,
)

COUNT = 4
STEPS = (1, 3, 7, 12)
"""How far the writers come before they are killed."""

texts = st.none() | st.sampled_from(["x", "y"])
answers = st.builds(
    FileAnswer,
    state=st.sampled_from(sorted(STATE_RANKS)),
    file_name=st.integers(1, COUNT).map(lambda number: f"{number}.xml"),
    status_code=st.none() | st.integers(100, 550),
    ksef_number=texts,
    original_ksef_number=texts,
    upo_path=texts,
)


@given(st.lists(st.lists(answers, max_size=6), max_size=6))
def test_states_only_rise_and_what_is_known_stays(writers: list[list[FileAnswer]]) -> None:
    rows = sent_rows(session(), files(COUNT))
    for written in writers:
        before = rows
        rows = answered_rows(rows, written, ANSWERED_AT)
        assert [row["file_name"] for row in rows] == [f"{number}.xml" for number in range(1, COUNT + 1)]
        for old, new in zip(before, rows, strict=True):
            assert STATE_RANKS[new["state"]] >= STATE_RANKS[old["state"]]
            assert (new["answered_at"] is None) == (new["state"] == "sent")
            assert all(new[name] is not None for name, value in old.items() if value is not None)
        assert answered_rows(rows, [], ANSWERED_AT) == rows
    assert from_parquet(to_parquet(rows), "x") == rows


@given(
    st.permutations(
        [accepted(1), rejected(1), FileAnswer("sent", "1.xml"), FileAnswer("unprocessed", "1.xml")]
    )
)
def test_the_highest_state_wins_in_any_order(order: list[FileAnswer]) -> None:
    rows = sent_rows(session(), files(1))
    for answer in order:
        rows = answered_rows(rows, [answer], ANSWERED_AT)
    assert rows[0]["state"] == "accepted"
    assert rows[0]["status_code"] == 200


def test_every_code_of_ksef_has_a_state() -> None:
    codes = {
        200: "accepted",
        440: "duplicate_unverified",
        405: "unprocessed",
        550: "unprocessed",
        150: "sent",
    }
    assert {code: state_of_code(code) for code in codes} == codes
    assert {state_of_code(code) for code in (410, 415, 430, 435, 450, 500)} == {"rejected"}


def test_plain_readers_see_each_file_once(tmp_path: Path) -> None:
    root = UPath(tmp_path)
    begin_submission(root, session(), files(3))
    complete_submission(root, CONTEXT, SESSION, [accepted(1), rejected(2)], answered_at=ANSWERED_AT)
    begin_submission(root, session(LATER_SESSION), files(2))
    wanted = {"accepted": 1, "rejected": 1, "sent": 3}
    folder = str(tmp_path / "submissions")
    frame = pd.read_parquet(folder)
    assert frame["state"].value_counts().to_dict() == wanted
    assert set(frame["context"].astype(str)) == {CONTEXT}
    glob = f"{folder}/**/*.parquet"
    counted = duckdb.sql(
        f"SELECT state, count(*) FROM read_parquet('{glob}', hive_partitioning = true) "
        f"WHERE context = '{CONTEXT}' AND month >= '2026-09' GROUP BY state"
    ).fetchall()
    assert dict(counted) == wanted
    scanned = pl.scan_parquet(glob, hive_partitioning=True).group_by("state").len().collect()
    assert dict(scanned.iter_rows()) == wanted


WRITER = """
import sys
from upath import UPath
from airflow_provider_ksef.tables.submissions import begin_submission, complete_submission
from tests.unit.tables.sent_files import CONTEXT, SESSION, accepted, files, session
root = UPath(sys.argv[1])
print("ready", flush=True)
begin_submission(root, session(), files(300))
for last in range(1, 301, 10):
    complete_submission(root, CONTEXT, SESSION, [accepted(n) for n in range(last, last + 10)])
    print("answered", flush=True)
"""


def test_killed_writers_leave_a_readable_table_that_only_goes_on(tmp_path: Path) -> None:
    root = UPath(tmp_path / "tables")
    reached = 0
    for number, steps in enumerate(STEPS):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(root)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert writer.stdout is not None
        for _ in range(steps):
            assert writer.stdout.readline()
        time.sleep(0.003 * number)
        writer.send_signal(signal.SIGKILL)
        writer.wait(10)
        found = [path for path in root.glob("submissions/**/*") if path.is_file()]
        assert len(found) <= 1
        if found:
            frame = pd.read_parquet(str(found[0]))
            assert sorted(frame["file_name"]) == sorted(f"{n}.xml" for n in range(1, 301))
            accepted_now = int((frame["state"] == "accepted").sum())
            assert accepted_now >= reached
            reached = accepted_now
    assert reached > 0
    states = complete_submission(root, CONTEXT, SESSION, [accepted(n) for n in range(1, 301)])
    assert states == {"accepted": 300}
