"""Which limiter a client gets: what Airflow's configuration says under ``[ksef]``."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path

from airflow_provider_ksef._compat import conf
from airflow_provider_ksef.client import Settings
from airflow_provider_ksef.client.limiter import RateLimiter
from airflow_provider_ksef.client.redis_turn_store import RedisTurnStore
from airflow_provider_ksef.client.sqlite_turn_store import SqliteTurnStore
from airflow_provider_ksef.client.turn_file import default_path
from airflow_provider_ksef.client.turn_store import StoreError, TurnStore
from airflow_provider_ksef.exceptions import KsefInputError

log = logging.getLogger(__name__)
SECTION = "ksef"
KINDS = ("sqlite", "redis", "off")


def limiter_for(settings: Settings) -> RateLimiter | None:
    """
    Give the limiter of a context; None where there is to be none, or its store cannot be opened.

    :param settings: of the client.
    :raises KsefInputError: where ``[ksef] rate_limiter`` is unknown.
    """
    kind = str(conf.get(SECTION, "rate_limiter", fallback=KINDS[0])).strip()
    if kind not in KINDS:
        raise KsefInputError(
            "[ksef] rate_limiter", kind, "is not a rate limiter", f"Set it to one of: {', '.join(KINDS)}."
        )
    try:
        store = _store(kind, conf.get(SECTION, "rate_limiter_path", fallback="") or "")
    except StoreError as error:
        log.warning("KSeF's rate limits are not foreseen. %s", error)
        return None
    return None if store is None else RateLimiter(store, settings)


def _store(kind: str, path: str) -> TurnStore | None:
    if kind == "sqlite":
        return _sqlite(Path(path).expanduser() if path else default_path())
    return _redis(conf.get(SECTION, "redis_url", fallback="") or "") if kind == "redis" else None


@cache
def _sqlite(path: Path) -> SqliteTurnStore:
    return SqliteTurnStore(path)


@cache
def _redis(url: str) -> RedisTurnStore:
    return RedisTurnStore(url)
