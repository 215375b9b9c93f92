"""A broken file of turns is begun anew and no turn is lost; a file that cannot be used stops nobody."""

from __future__ import annotations

import logging
import resource
import sqlite3
import stat
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import pytest

from airflow_provider_ksef.client.limiter import RateLimiter
from airflow_provider_ksef.client.limits import RateLimit, RateLimits
from airflow_provider_ksef.client.sqlite_turn_store import SqliteTurnStore
from airflow_provider_ksef.client.turns import Turn, Wait
from tests.limits.caller import settings_of

EXPORTS = ("invoiceExport", "invoiceExport")
GARBAGE = b"not a database" * 1000


def break_main(file: Path) -> None:
    file.write_bytes(GARBAGE)


def break_all(file: Path) -> None:
    file.write_bytes(GARBAGE)
    file.with_name("turns.sqlite-wal").write_bytes(GARBAGE)


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:100])
    file.with_name("turns.sqlite-wal").write_bytes(b"")


def put_another_there(file: Path) -> None:
    for each in file.parent.iterdir():
        each.unlink()
    file.write_bytes(GARBAGE)


@pytest.mark.parametrize("break_it", [break_main, break_all, cut_off, put_another_there])
def test_all_go_on_with_what_they_know(
    break_it: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, settings = tmp_path / "turns.sqlite", settings_of(f"http://{uuid.uuid4().hex}.test/v2")
    first, second, third = (RateLimiter(SqliteTurnStore(file), settings) for _ in range(3))
    first.learn(RateLimits(invoice_export=RateLimit(None, None, 12)))
    for limiter in (first, second, first, first, second, third):
        assert isinstance(limiter.take(*EXPORTS), Turn)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert isinstance(first.take(*EXPORTS), Turn)
    break_it(file)
    with caplog.at_level(logging.WARNING):
        for limiter in (third, first, second):
            limiter.take(*EXPORTS)
        before = first.left("invoiceExport")
        assert before is not None
        assert before["hour"] <= 12 - 7, "nobody's turns are lost"
        taken = [limiter.take(*EXPORTS) for limiter in (first, second, third) * 4]
    assert [type(each) for each in taken[: before["hour"]]] == [Turn] * before["hour"]
    assert {type(each) for each in taken[before["hour"] :]} == {Wait}
    told = [each for each in caplog.records if each.name.endswith("sqlite_turn_store")]
    assert len(told) <= 1
    assert not any("cannot be kept" in each.getMessage() for each in caplog.records)


def test_a_broken_file_lies_beside_the_new_one_and_its_users_stay_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "turns.sqlite"
    file.write_bytes(GARBAGE)
    file.chmod(0o660)
    limiter = RateLimiter(SqliteTurnStore(file), settings_of("http://ksef.test/v2"))
    with caplog.at_level(logging.WARNING):
        assert [type(limiter.take(*EXPORTS)) for _ in range(9)] == [Turn] * 8 + [Wait]
    (told,) = caplog.records
    assert "A new one is begun" in told.getMessage()
    assert tmp_path.joinpath("turns.sqlite.broken").read_bytes() == GARBAGE
    assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o660}


@contextmanager
def locked(file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def full(file: Path) -> Iterator[None]:
    SqliteTurnStore(file).update(["x"], lambda _records, _now: (None, {"x": b"1"}))
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, most[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)


def occupied(file: Path) -> nullcontext[None]:
    file.mkdir()
    return nullcontext()


def read_only(file: Path) -> nullcontext[None]:
    file.parent.rmdir()
    file.parent.symlink_to("/proc")
    return nullcontext()


def broken_for_good(file: Path) -> nullcontext[None]:
    file.write_bytes(GARBAGE)
    file.with_name("turns.sqlite.broken").mkdir()
    return nullcontext()


@pytest.mark.parametrize("trouble", [locked, full, occupied, read_only, broken_for_good])
def test_a_file_that_cannot_be_used_is_told_and_stops_nobody(
    trouble: Callable[[Path], nullcontext[None]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("airflow_provider_ksef.client.sqlite_turn_store.PATIENCE", 0.1)
    file = tmp_path / "folder" / "turns.sqlite"
    file.parent.mkdir()
    with trouble(file), caplog.at_level(logging.WARNING, "airflow_provider_ksef.client.limiter"):
        limiter = RateLimiter(SqliteTurnStore(file), settings_of("http://ksef.test/v2"))
        assert [limiter.take(*EXPORTS) for _ in range(30)] == [None] * 30
        assert limiter.left("invoiceExport") is None
    (told,) = (each for each in caplog.records if each.name.endswith("limiter"))
    assert str(file) in told.getMessage()
