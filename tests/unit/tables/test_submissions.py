"""The table of what was sent, on a local folder and on S3."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError, KsefTableError
from airflow_provider_ksef.tables import reading, submissions
from airflow_provider_ksef.tables.reading import read
from airflow_provider_ksef.tables.storage import open_store
from airflow_provider_ksef.tables.submission_columns import SUBMISSIONS
from airflow_provider_ksef.tables.submission_facts import FileAnswer
from airflow_provider_ksef.tables.submissions import (
    begin_submission,
    complete_submission,
    find_submissions,
    read_submission,
    session_path,
)
from tests.s3_server import other_client
from tests.unit.tables.sent_files import (
    ANSWERED_AT,
    CONTEXT,
    DIGEST,
    LATER_SESSION,
    SENT_AT,
    SESSION,
    accepted,
    files,
    rejected,
    session,
)
from tests.unit.tables.tiny import put, tiny_rows


@pytest.fixture(params=["local", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> UPath:
    if request.param == "local":
        return UPath(tmp_path / "tables")
    bucket: UPath = request.getfixturevalue("bucket")
    return bucket


def complete(root: UPath, *answers: FileAnswer) -> dict[str, int]:
    return complete_submission(root, CONTEXT, SESSION, answers, answered_at=ANSWERED_AT)


def rows(root: UPath) -> list[dict[str, Any]]:
    found = read("submissions", root).to_pylist()
    return sorted(found, key=lambda row: (row["session_reference_number"], row["file_name"]))


def test_rows_are_there_when_sent_and_whole_when_answered(root: UPath) -> None:
    begin_submission(root, session(), files())
    before = rows(root)
    assert [row["state"] for row in before] == ["sent"] * 3
    assert before[0]["sent_at"] == SENT_AT
    assert before[0]["context"] == CONTEXT
    assert before[0]["answered_at"] is None
    states = complete(root, accepted(1), rejected(2), accepted(3, upo_path="/upo/3.xml", extra='{"new":1}'))
    assert states == {"accepted": 2, "rejected": 1}
    first, second, third = rows(root)
    assert first["ksef_number"] == "5250001210-20260901-000000000001-AF"
    assert first["acquisition_date"] == datetime(2026, 9, 1, 10, 0, 2, 123456, tzinfo=UTC)
    assert first["answered_at"] == ANSWERED_AT
    assert first["file"] == "/data/out/1.xml"
    assert second["status_details"] == ["Nieprawidłowy XML"]
    assert second["ksef_number"] is None
    assert (third["upo_path"], third["extra"]) == ("/upo/3.xml", '{"new":1}')


def test_only_finished_files_lie_in_the_table(root: UPath) -> None:
    begin_submission(root, session(), files())
    complete(root, accepted(1))
    found = [path.removeprefix(root.path).lstrip("/") for path in root.fs.find(f"{root.path}/submissions")]
    assert found == [f"submissions/context={CONTEXT}/month=2026-09/{SESSION}.parquet"]


def test_a_late_writer_undoes_nothing(root: UPath) -> None:
    begin_submission(root, session(), files())
    complete(root, accepted(1), rejected(2), rejected(3))
    after = rows(root)
    begin_submission(root, session(try_number=2), files())
    complete(root, rejected(1, state="sent", status_code=150), rejected(2, state="unprocessed"))
    assert rows(root) == after


def test_answers_come_one_after_the_other(root: UPath) -> None:
    begin_submission(root, session(), files())
    assert complete(root, accepted(1)) == {"accepted": 1, "sent": 2}
    complete(root, rejected(2, state="duplicate_unverified", status_code=440))
    stored = accepted(1, permanent_storage_date="2026-09-01T10:00:09.9999999+00:00", status_code=None)
    assert complete(root, stored, rejected(2, state="already_accepted", original_ksef_number="n")) == {
        "accepted": 1,
        "already_accepted": 1,
        "sent": 1,
    }
    first, second, _ = rows(root)
    assert first["permanent_storage_date"] == datetime(2026, 9, 1, 10, 0, 9, 999999, tzinfo=UTC)
    assert first["status_code"] == 200
    assert second["original_ksef_number"] == "n"


def test_answers_without_a_name_find_their_files_by_reference_and_hash(root: UPath) -> None:
    same = [*files(2), *(file.__class__(**{**vars(file), "file_name": "again.xml"}) for file in files(1))]
    begin_submission(root, session(), same)
    complete(root, accepted(1, file_name=None))
    complete(
        root,
        accepted(1, file_name=None, invoicing_mode="Offline"),
        rejected(1, file_name=None, invoice_hash="hash-1", invoice_reference_number="20260901-EE-9"),
    )
    first, second, again = rows(root)
    assert (first["state"], first["invoicing_mode"]) == ("accepted", "Offline")
    assert (second["state"], again["state"]) == ("sent", "rejected")


def test_an_answer_for_another_file_is_refused(root: UPath) -> None:
    begin_submission(root, session(), files())
    before = rows(root)
    with pytest.raises(KsefTableError, match=r"9\.xml belongs to no file"):
        complete(root, accepted(1), accepted(9))
    assert rows(root) == before


def test_a_session_that_was_not_begun_is_not_completed(root: UPath) -> None:
    with pytest.raises(KsefTableError, match="is not in the table"):
        complete(root, accepted(1))
    assert read_submission(root, CONTEXT, SESSION) is None


def test_what_cannot_be_kept_is_refused(root: UPath) -> None:
    with pytest.raises(KsefInputError, match="reference number"):
        begin_submission(root, session("../../etc"), files())
    with pytest.raises(KsefInputError, match="given twice"):
        begin_submission(root, session(), [*files(1), *files(1)])
    begin_submission(root, session(), files())
    with pytest.raises(KsefInputError, match="is no state"):
        complete(root, accepted(1, state="lost"))
    other = files(1)[0].__class__(file="/x", file_name="1.xml", size=1, invoice_hash="other")
    with pytest.raises(KsefTableError, match="another file"):
        begin_submission(root, session(), [other])


def test_an_online_session_grows(root: UPath) -> None:
    begin_submission(root, session(), files(1))
    complete(root, accepted(1))
    begin_submission(root, session(try_number=2), files(2))
    assert [(row["state"], row["try_number"]) for row in rows(root)] == [("accepted", 1), ("sent", 2)]


def test_sessions_of_a_digest_are_found_newest_first(root: UPath) -> None:
    assert find_submissions(root, CONTEXT, DIGEST) == []
    begin_submission(root, session(), files())
    complete(root, rejected(1, state="unprocessed"))
    begin_submission(root, session(LATER_SESSION, sent_at=datetime(2026, 10, 2, tzinfo=UTC)), files(2))
    begin_submission(root, session("20261003-SB-1", digest="another"), files(2))
    begin_submission(root, session("20261003-SB-1", context="nip-1111111111"), files(2))
    found = find_submissions(root, CONTEXT, DIGEST)
    assert [each.session_reference_number for each in found] == [LATER_SESSION, SESSION]
    assert found[1].states == {"sent": 2, "unprocessed": 1}
    assert found[1].sent_at == SENT_AT
    since = find_submissions(root, CONTEXT, DIGEST, since_month="2026-10")
    assert [each.session_reference_number for each in since] == [LATER_SESSION]


def test_the_environment_of_the_tables_is_kept(root: UPath) -> None:
    begin_submission(root, session(), files())
    with pytest.raises(KsefTableError, match=r"'test'.*'production'"):
        begin_submission(root, session(LATER_SESSION, environment="production"), files())
    with pytest.raises(KsefTableError, match=r"'test'.*'production'"):
        put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"), environment="production")
    put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"))


def test_a_production_table_of_invoices_takes_no_test_rows(root: UPath) -> None:
    put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"), environment="production")
    with pytest.raises(KsefTableError, match=r"'production'.*'test'"):
        begin_submission(root, session(), files())


def test_many_writers_at_once_lose_no_answer(root: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submissions, "_LONGEST_PAUSE_SECONDS", 0.1)
    count = 6
    begin_submission(root, session(), files(count))
    s3 = root.protocol == "s3"
    failures: list[Exception] = []

    def answer(number: int) -> None:
        try:
            complete(other_client(root) if s3 else root, accepted(number))
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=answer, args=(number,)) for number in range(1, count + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert [row["state"] for row in rows(root)] == ["accepted"] * count


def test_ten_thousand_files(root: UPath) -> None:
    begin_submission(root, session(), files(10_000))
    assert complete(root, *(accepted(n) for n in range(1, 10_001))) == {"accepted": 10_000}
    content = open_store(root).read(session_path(CONTEXT, SESSION))
    assert content is not None
    assert len(content) < 1_500_000


def test_columns_are_those_of_the_schema(root: UPath) -> None:
    begin_submission(root, session(), files())
    table = read("submissions", root)
    assert table.column_names == [*SUBMISSIONS.names, "context"]
    only = read("submissions", root, columns=["file", "month"], filters=[("state", "=", "sent")])
    assert set(only["month"].to_pylist()) == {"2026-09"}
    one = read_submission(root, CONTEXT, SESSION)
    assert one is not None
    assert one.schema.equals(SUBMISSIONS)


def test_a_reader_starts_again_where_a_file_was_replaced_meanwhile(
    root: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_submission(root, session(), files())
    real, replaced = reading._dataset, []

    def listed(*arguments: Any) -> Any:
        dataset = real(*arguments)
        if len(replaced) < 2:
            replaced.append(accepted(len(replaced) + 1))
            complete(other_client(root) if root.protocol == "s3" else root, replaced[-1])
        return dataset

    monkeypatch.setattr(reading, "_dataset", listed)
    states = read("submissions", root)["state"].to_pylist()
    assert len(states) == 3
    assert "accepted" in states
