"""The same promises on S3, against moto's server over a socket."""

from __future__ import annotations

import threading

import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError, KsefLeaseError, KsefWatermarkError
from airflow_provider_ksef.tables.layout import check_root, lease_folder
from airflow_provider_ksef.tables.reading import read
from airflow_provider_ksef.tables.storage import ObjectStore, open_store
from airflow_provider_ksef.tables.watermark import read_watermark
from tests.s3_server import S3Server, other_client
from tests.unit.tables.packages import invoice, rows
from tests.unit.tables.tiny import KEY, moment, numbers, put, tiny_rows


@pytest.fixture
def root(bucket: UPath) -> UPath:
    return bucket


def test_windows_are_committed_and_read(root: UPath) -> None:
    check_root(root)
    put(root, "2026-01-15", "2026-02-02", rows(invoice(ksefNumber="a"), invoice(ksefNumber="b")))
    put(
        other_client(root), "2026-02-02", "2026-03-01", rows(invoice(ksefNumber="b"), invoice(ksefNumber="c"))
    )
    check_root(root)
    assert numbers(root) == ["a", "b", "c"]
    assert set(read("invoices", root)["context"].to_pylist()) == {KEY.context}
    watermark = read_watermark(root, KEY)
    assert watermark is not None
    assert watermark.position == moment("2026-03-01")
    with pytest.raises(KsefWatermarkError):
        put(root, "2026-02-02", "2026-03-01", rows())
    assert not [path for path in root.fs.find(f"{root.path}/invoices") if not path.endswith(".parquet")]


def test_a_bucket_that_is_not_there_is_refused_before_anything_is_sent(s3: S3Server) -> None:
    path = UPath("s3://no-such-bucket/ksef", endpoint_url=s3.url, key="testing", secret="testing")
    with pytest.raises(KsefInputError, match=r"no-such-bucket/ksef.* bucket that is not there"):
        check_root(path)


def test_of_many_creators_one_wins(root: UPath) -> None:
    won: list[int] = []
    stores = [open_store(other_client(root)) for _ in range(6)]

    def create(number: int) -> None:
        if stores[number].create("_ksef/lease/x/1", f"{number}".encode()):
            won.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(len(stores))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert open_store(root).read("_ksef/lease/x/1") == f"{won[0]}".encode()


def test_what_another_client_wrote_is_seen_in_spite_of_caches(root: UPath) -> None:
    ours, theirs = open_store(root), open_store(other_client(root))
    assert ours.names("_ksef/lease/x") == []
    theirs.create("_ksef/lease/x/1", b"")
    assert ours.names("_ksef/lease/x") == ["1"]


def test_a_published_file_is_never_overwritten(root: UPath) -> None:
    store = open_store(root)
    store.publish("invoices/x.parquet", 1, b"first")
    with pytest.raises(KsefLeaseError):
        store.publish("invoices/x.parquet", 2, b"second")
    assert store.read("invoices/x.parquet") == b"first"


def test_a_put_that_was_sent_twice_finds_itself(root: UPath) -> None:
    store = open_store(root)
    store.publish("invoices/x.parquet", 1, b"first")
    store.publish("invoices/x.parquet", 1, b"first")


def test_a_forbidden_file_is_not_published(root: UPath) -> None:
    store = open_store(root)
    store.forbid("invoices/x.parquet", 1, b"tombstone")
    with pytest.raises(KsefLeaseError):
        store.publish("invoices/x.parquet", 1, b"late")
    store.forbid("invoices/x.parquet", 1, b"tombstone of another")
    assert store.read("invoices/x.parquet") == b"tombstone"


def test_a_watermark_is_exchanged_only_for_what_was_seen(root: UPath) -> None:
    store = open_store(root)
    store.exchange("_ksef/w.json", 1, b"one", None)
    with pytest.raises(KsefLeaseError):
        store.exchange("_ksef/w.json", 1, b"late", None)
    store.exchange("_ksef/w.json", 1, b"two", b"one")
    with pytest.raises(KsefLeaseError):
        store.exchange("_ksef/w.json", 1, b"late", b"one")
    assert store.read("_ksef/w.json") == b"two"


def test_the_exchange_itself_is_conditional(root: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(root)
    store.replace("_ksef/w.json", b"one")
    real = ObjectStore.read

    def read_and_be_overtaken(self: ObjectStore, path: str) -> bytes | None:
        seen = real(self, path)
        self.replace(path, b"overtaken")
        return seen

    monkeypatch.setattr(ObjectStore, "read", read_and_be_overtaken)
    with pytest.raises(KsefLeaseError):
        store.exchange("_ksef/w.json", 1, b"late", b"one")
    monkeypatch.undo()
    assert store.read("_ksef/w.json") == b"overtaken"


def test_a_dead_writers_announced_file_is_forbidden_and_its_rows_are_not_lost(
    root: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[str] = []

    def die(self: ObjectStore, path: str, token: int, content: bytes) -> None:
        published.append(path)
        raise ConnectionError("cut")

    monkeypatch.setattr(ObjectStore, "publish", die)
    with pytest.raises(ConnectionError):
        put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"))
    monkeypatch.undo()
    put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"))
    assert numbers(root) == ["a"]
    with pytest.raises(KsefLeaseError):
        open_store(root).publish(published[0], 1, b"late")
    assert open_store(root).names(lease_folder(KEY)) == ["2"]
