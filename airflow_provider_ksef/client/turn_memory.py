"""What a process remembers of turns where the store forgets: a broken or deleted file, a new Redis."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_ksef.client.turn_log import TurnLog
from airflow_provider_ksef.client.turn_records import decoded
from airflow_provider_ksef.client.turn_store import Record


class TurnMemory:
    """The counters as one process saw them last."""

    def __init__(self) -> None:
        self._seen: dict[str, bytes] = {}

    def keep(self, records: Mapping[str, Record]) -> None:
        """
        Remember records, as they are now in the store.

        :param records: by key.
        """
        self._seen.update({key: record for key, record in records.items() if record is not None})

    def restore(self, logs: Mapping[str, TurnLog], now: int) -> bool:
        """
        Add what we remember to counters that were begun since, and date those that are new.

        :param logs: by key, as the store has them.
        :returns: whether anything was added; other processes may then have more to add.
        """
        is_restored = False
        for key, log in logs.items():
            seen = decoded(self._seen.get(key), TurnLog)
            seen.forget(now)
            if seen.begun != log.begun and seen.says_anything(now):
                log.add(seen)
                is_restored = True
            log.begun = log.begun or now
        return is_restored
