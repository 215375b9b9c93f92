"""Nobody loses the lease unnoticed: not by a hand that breaks it, not by a storage that does not decide."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefLeaseError, KsefTableError
from airflow_provider_ksef.tables.commit import commit_steps
from airflow_provider_ksef.tables.incoming import CommittedWindow, IncomingRows
from airflow_provider_ksef.tables.layout import lease_folder
from airflow_provider_ksef.tables.lease import break_lease
from airflow_provider_ksef.tables.month_files import tombstone
from airflow_provider_ksef.tables.storage import LocalStore, objects, open_store
from tests.s3_server import Fault, S3Server
from tests.unit.tables.tiny import KEY, moment, numbers, put, tiny_rows

FILE = f"invoices/context={KEY.context}/subject_type={KEY.subject_type}/month=2026-01/a_b_EH_1_0.parquet"


def test_a_lease_broken_at_the_moment_of_an_announcement_still_forbids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = UPath(tmp_path)
    window = CommittedWindow(moment("2026-01-01"), moment("2026-02-01"), "EH-1")
    holder = commit_steps(
        open_store(root), KEY, window, IncomingRows(tiny_rows(a="2026-01-05")),
        environment="test", owner="holder", moves_watermark=False,
    )  # fmt: skip
    next(step for step in holder if step == "lease: taken")
    real = LocalStore.read

    def read(store: LocalStore, path: str) -> bytes | None:
        content = real(store, path)
        if path == f"{lease_folder(KEY)}/1":
            monkeypatch.setattr(LocalStore, "read", real)
            next(step for step in holder if step == "publish: checked the lease")
        return content

    monkeypatch.setattr(LocalStore, "read", read)
    broken = break_lease(open_store(root), KEY, time.time())
    assert broken is not None
    assert broken.owner == "holder"
    put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-05"), owner="next", moves_watermark=False)
    with pytest.raises(KsefLeaseError):
        list(holder)
    assert numbers(root) == ["a"]
    assert break_lease(open_store(root), KEY, time.time()) is None


def test_a_path_that_s3_leaves_open_is_not_taken_for_forbidden(
    s3: S3Server, bucket: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_FIRST_PAUSE_SECONDS", 0.0)
    store = open_store(bucket)
    s3.order(Fault("409", "invoices/", times=1000))
    with pytest.raises(KsefTableError, match="did not say"):
        store.forbid(FILE, 1, tombstone("invoices"))
    s3.order(Fault("409", "invoices/", times=2))
    store.forbid(FILE, 1, tombstone("invoices"))
    with pytest.raises(KsefLeaseError):
        store.publish(FILE, 1, b"late")
