"""How long challenges are kept that nobody uses."""

from __future__ import annotations

from pathlib import Path

from airflow_provider_ksef.emulator.moments import TICKS_PER_SECOND
from airflow_provider_ksef.emulator.store.database import Database
from airflow_provider_ksef.emulator.store.logins import LoginStore

DAY = 86_400 * TICKS_PER_SECOND


def test_a_challenge_that_nobody_used_is_forgotten_after_a_day(tmp_path: Path) -> None:
    store = LoginStore(Database(tmp_path / "state.sqlite", durable=False))
    for challenge, issued in (("first", 0), ("second", 1), ("third", DAY + 1)):
        store.keep_challenge(challenge, issued)
    assert [store.take_challenge(each) for each in ("first", "second", "third")] == [None, 1, DAY + 1]
