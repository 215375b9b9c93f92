"""What each store keeps, what happens where it fails, and what it costs."""

from __future__ import annotations

import logging
import multiprocessing
import os
import stat
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest

from airflow_provider_ksef.client import limits
from airflow_provider_ksef.client.limiter import RateLimiter
from airflow_provider_ksef.client.limits import RateLimit, RateLimits
from airflow_provider_ksef.client.redis_turn_store import RedisTurnStore
from airflow_provider_ksef.client.sqlite_turn_store import SqliteTurnStore
from airflow_provider_ksef.client.turn_file import default_path
from airflow_provider_ksef.client.turn_store import Record, StoreError, TurnStore
from airflow_provider_ksef.client.turns import Turn, Wait
from tests.limits.caller import settings_of

EXPORTS = ("invoiceExport", "invoiceExport")


def limiter_at(store: TurnStore) -> RateLimiter:
    """A limiter of a KSeF that no other test has."""
    return RateLimiter(store, settings_of(f"http://{uuid.uuid4().hex}.test/v2"))


def add_one(store: TurnStore, key: str, times: int) -> None:
    def change(records: Mapping[str, Record], now: int) -> tuple[None, Mapping[str, bytes]]:
        return None, {key: str(int(records[key] or b"0") + 1).encode()}

    for _ in range(times):
        store.update([key], change)


def test_no_change_of_many_processes_is_lost(store: TurnStore) -> None:
    key, fork = uuid.uuid4().hex, multiprocessing.get_context("fork")
    add_one(store, key, 1)
    processes = [fork.Process(target=add_one, args=(store, key, 25)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert store.update([key], lambda records, _: (records[key], {})) == b"101"


def test_the_first_turns_are_productions(store: TurnStore) -> None:
    limiter = limiter_at(store)
    taken = [limiter.take(*EXPORTS) for _ in range(9)]
    assert [type(each) for each in taken] == [Turn] * 8 + [Wait]
    assert limiter.left("invoiceExport") == {"second": 0, "minute": 8, "hour": 12}


def test_what_ksef_says_of_its_limits_is_believed_and_asked_for_once(store: TurnStore) -> None:
    first = limiter_at(store)
    second = RateLimiter(store, settings_of(first._address))
    assert [first.must_read_limits(), second.must_read_limits()] == [True, False]
    assert isinstance(second.take(*EXPORTS), Wait)
    first.learn(RateLimits(invoice_export=RateLimit(2, None, None)))
    assert [type(second.take(*EXPORTS)) for _ in range(3)] == [Turn, Turn, Wait]
    assert second.left("invoiceExport") == {"second": 0}


@pytest.mark.parametrize(
    "told",
    [
        RateLimits(invoice_export=RateLimit(None, None, None)),
        RateLimits(invoice_export=RateLimit(1, 1, 1), are_enforced=False),
    ],
)
def test_what_has_no_limit_is_not_counted_but_stops_where_ksef_refuses_it(
    store: TurnStore, told: RateLimits
) -> None:
    limiter = limiter_at(store)
    limiter.learn(told)
    limiter.take(*EXPORTS)  # reads what is known
    assert {limiter.take(*EXPORTS).keys for _ in range(30)} == {()}
    limiter.block(*EXPORTS, 1800)
    waiting = limiter.take(*EXPORTS)
    assert isinstance(waiting, Wait)
    assert 1799 < waiting.seconds <= 1800


def test_a_rejected_call_stops_all_and_has_the_limits_read_anew(store: TurnStore) -> None:
    first = limiter_at(store)
    second = RateLimiter(store, settings_of(first._address))
    first.learn(RateLimits())
    assert not first.must_read_limits()
    first.block(*EXPORTS, 40)
    waiting = second.take(*EXPORTS)
    assert isinstance(waiting, Wait)
    assert 39 < waiting.seconds <= 40
    assert waiting.reason == "KSeF has asked to wait"
    assert first.must_read_limits()
    assert isinstance(second.take("invoiceMetadata", "invoiceMetadata"), Wait)  # until they are read
    first.learn(RateLimits())
    assert isinstance(second.take("invoiceMetadata", "invoiceMetadata"), Turn)


def test_an_older_ksef_counts_closing_as_opening(store: TurnStore) -> None:
    limiter = limiter_at(store)
    limiter.learn(RateLimits(batch_session=RateLimit(2, None, None)))
    limiter.take(*EXPORTS)  # reads what is known
    assert isinstance(limiter.take("batchSessionClose", "batchSessionClose"), Turn)
    assert isinstance(limiter.take("batchSession", "batchSession"), Turn)
    assert isinstance(limiter.take("batchSessionClose", "batchSessionClose"), Wait)


def test_an_older_ksef_that_does_not_speak_of_logins_has_the_known_limit_for_them(store: TurnStore) -> None:
    limiter = limiter_at(store)
    limiter.learn(RateLimits(other=RateLimit(1, 1, 1)))
    taken = [limiter.take("anonymous", "anonymous") for _ in range(61)]
    assert [type(each) for each in taken] == [Turn] * 60 + [Wait]


def test_a_global_limit_counts_all_groups_of_all_companies(store: TurnStore) -> None:
    limiter = limiter_at(store)
    limiter.learn(RateLimits(global_=RateLimit(2, None, None)))
    limiter.take("anonymous", "anonymous")  # reads what is known
    taken = [limiter.take(group, group) for group in ("anonymous", "invoiceExport", "invoiceSend")]
    assert [type(each) for each in taken] == [Turn, Turn, Wait]


def test_the_file_is_for_its_user_alone(tmp_path: Path) -> None:
    file = tmp_path / "own" / "turns.sqlite"
    limiter_at(SqliteTurnStore(file)).take(*EXPORTS)
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in file.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_folder_of_another_user_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    user = os.getuid()
    default_path().parent.mkdir()
    monkeypatch.setattr(os, "getuid", lambda: user + 1)
    default_path().parent.mkdir()
    with pytest.raises(StoreError, match="another user"):
        SqliteTurnStore(default_path()).update(["x"], lambda _records, _now: (None, {}))


def test_a_file_that_is_deleted_is_begun_anew(tmp_path: Path) -> None:
    file = tmp_path / "turns.sqlite"
    limiter = limiter_at(SqliteTurnStore(file))
    limiter.take(*EXPORTS)
    for each in tmp_path.iterdir():
        each.unlink()
    waiting = limiter.take(*EXPORTS)
    assert isinstance(waiting, Wait)
    assert (waiting.seconds, waiting.reason) == (1, "the count of calls was lost and is put together again")
    assert isinstance(limiter.take(*EXPORTS), Turn)
    assert limiter.left("invoiceExport") == {"second": 6, "minute": 14, "hour": 18}
    assert file.exists()


def test_a_redis_that_is_away_is_told_without_its_password(caplog: pytest.LogCaptureFixture) -> None:
    store = RedisTurnStore("redis://:a-secret-word@127.0.0.1:1/0")
    limiter = limiter_at(store)
    with caplog.at_level(logging.WARNING):
        assert limiter.take(*EXPORTS) is None
        assert limiter.take(*EXPORTS) is None
    assert len(caplog.records) == 1
    assert "a-secret-word" not in caplog.text


def test_a_url_that_is_none_is_refused_without_telling_it() -> None:
    with pytest.raises(StoreError, match="redis_url") as raised:
        RedisTurnStore("a-secret-word")
    assert "a-secret-word" not in repr(raised.value)


def test_a_turn_costs_little(store: TurnStore) -> None:
    limiter = limiter_at(store)
    limiter.learn(RateLimits(invoice_export=RateLimit(None, None, 1200)))
    limiter.take(*EXPORTS)
    started = time.perf_counter()
    for _ in range(200):
        turn = limiter.take(*EXPORTS)
        assert isinstance(turn, Turn)
        limiter.land(turn)
    seconds = (time.perf_counter() - started) / 200
    assert seconds < 0.02  # hundreds of microseconds on a machine that has nothing else to do


def test_the_limits_that_are_assumed_are_those_of_the_emulators_production() -> None:
    from airflow_provider_ksef.emulator.rate_limit_groups import PRODUCTION, UNLIMITED

    assumed = {
        group: tuple(
            UNLIMITED if each is None else each
            for each in (limit.per_second, limit.per_minute, limit.per_hour)
        )
        for group, limit in limits.PRODUCTION_RATE_LIMITS.by_group().items()
    }
    assert assumed == {group: limit for group, limit in PRODUCTION.items() if group != "global"}


def test_another_process_that_ends_does_not_take_the_journal_away(tmp_path: Path) -> None:
    path = tmp_path / "turns.sqlite"
    store = SqliteTurnStore(path)
    for _ in range(2):
        store.update(["a"], lambda _records, _now: (None, {"a": b"1"}))
    other = (
        "import pathlib, sys; from airflow_provider_ksef.client.sqlite_turn_store import SqliteTurnStore\n"
        "SqliteTurnStore(pathlib.Path(sys.argv[1])).update(['a'], lambda _records, _now: (None, {'a': b'2'}))"
    )
    subprocess.run([sys.executable, "-c", other, str(path)], check=True)
    assert path.with_name("turns.sqlite-wal").exists()
