"""Ways to break a commit to a local folder, each of which the crash tests have to find."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from airflow_provider_ksef.tables import commit, lease, month_files
from airflow_provider_ksef.tables.layout import OWN_FOLDER
from airflow_provider_ksef.tables.storage.folder_exchange import FolderExchange, remove_folder
from airflow_provider_ksef.tables.storage.local import LocalStore

Sabotage = Callable[[pytest.MonkeyPatch], None]


def read_nothing_back(patch: pytest.MonkeyPatch) -> None:
    """A window that a dead writer has published half of is doubled."""

    def none_there(
        store: Any, key: Any, numbers: pa.Array, *rest: Any, **more: Any
    ) -> Generator[str, None, pa.Array]:
        yield "read back: listed a month"
        return numbers.slice(0, 0)

    patch.setattr(commit, "numbers_there", none_there)


def move_the_watermark_first(patch: pytest.MonkeyPatch) -> None:
    """A window whose writer dies between the watermark and the rows is lost."""
    stage = LocalStore.stage

    def stage_and_move(store: LocalStore, path: str, token: int, content: bytes | Path) -> None:
        if path.startswith(f"{OWN_FOLDER}/watermark/") and isinstance(content, bytes):
            store.replace(path, content)
        else:
            stage(store, path, token, content)

    patch.setattr(LocalStore, "stage", stage_and_move)
    patch.setattr(LocalStore, "exchange", lambda *_: None)


def write_in_place(patch: pytest.MonkeyPatch) -> None:
    """A reader meets a file that is half-written."""

    def publish(store: LocalStore, path: str, token: int, content: bytes | Path) -> None:
        whole = content.read_bytes() if isinstance(content, Path) else content
        target = store.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(whole[: len(whole) // 2])
        time.sleep(0.01)
        target.write_bytes(whole)

    patch.setattr(LocalStore, "publish", publish)


def overwrite_by_name(patch: pytest.MonkeyPatch) -> None:
    """Two windows that begin on one day mean the same file, and one of them is lost."""
    patch.setattr(month_files, "file_name", lambda start, *_: f"{start[:10]}.parquet")
    patch.setattr(LocalStore, "publish", lambda store, path, _, content: store.replace(path, content))


def take_no_lease(patch: pytest.MonkeyPatch) -> None:
    """Two writers read back before either has published."""
    patch.setattr(lease.Lease, "_highest", lambda own: ([0, *own._numbers()][-1], lease._UNREADABLE))
    patch.setattr(lease.Lease, "_forbid_earlier", lambda *_: iter(()))
    patch.setattr(lease.Lease, "check", lambda _: None)


def empty_the_month_first(patch: pytest.MonkeyPatch) -> None:
    """A month whose compaction dies before the merged file is in place is lost."""

    def exchange(exchange: FolderExchange) -> None:
        remove_folder(exchange.target)
        time.sleep(0.02)
        exchange.beside.rename(exchange.target)

    patch.setattr(FolderExchange, "exchange", exchange)


def ignore_the_retention_rule(patch: pytest.MonkeyPatch) -> None:
    """A backfill brings back what was deleted for good."""
    none = pa.array([], pa.string())
    patch.setattr(commit, "kept_and_gone", lambda store, key, rows: (rows, none))  # noqa: ARG005


_FOUND_AS = {
    read_nothing_back: "doubled",
    move_the_watermark_first: "missing",
    write_in_place: "cannot be read|Could not",
    overwrite_by_name: "missing",
    take_no_lease: "doubled|there again",
    empty_the_month_first: "missing|not in|ahead of",
    ignore_the_retention_rule: "there again",
}
SABOTAGES: dict[str, Sabotage] = {sabotage.__name__: sabotage for sabotage in _FOUND_AS}
FOUND_AS = {sabotage.__name__: words for sabotage, words in _FOUND_AS.items()}
"""What is said of the tables then, as a pattern."""
