from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_ksef.client import packing
from airflow_provider_ksef.client.crypto import SessionKey, decrypt_stream, sha256_base64
from airflow_provider_ksef.client.deflating import ZLIB, Engine, best_engine
from airflow_provider_ksef.client.packing import InvoiceFile, PackedBatch, pack_batch
from airflow_provider_ksef.client.splitting import PartWriter
from airflow_provider_ksef.exceptions import KsefInputError, KsefIntegrityError
from tests.unit.client.invoice_contents import invoice_of

KEY = SessionKey(b"k" * 32, b"i" * 16)


ENGINES = list(
    {engine.library: engine for engine in (ZLIB, best_engine("zip"), best_engine("tar.gz"))}.values()
)


def invoice(name: str, content: bytes) -> InvoiceFile:
    return invoice_of(name, content)


def plain_archive(packed: PackedBatch) -> bytes:
    target = io.BytesIO()
    for part in packed.parts:
        content = part.path.read_bytes()
        assert (part.size, part.hash) == (len(content), sha256_base64(content))
        decrypt_stream(io.BytesIO(content), target, KEY)
    return target.getvalue()


def entries(archive: bytes, compression: str) -> dict[str, bytes]:
    if compression == "zip":
        with zipfile.ZipFile(io.BytesIO(archive)) as zipped:
            assert zipped.testzip() is None
            return {name: zipped.read(name) for name in zipped.namelist()}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers()}  # type: ignore[union-attr]


names = st.text(
    st.characters(exclude_characters="/\\\x00", exclude_categories=["Cs"]), min_size=1, max_size=20
)
contents = st.binary(max_size=3000)


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(names.map(lambda name: name + ".xml"), contents, min_size=1, max_size=8),
    st.integers(1024, 5000),
    st.sampled_from(["zip", "tar.gz"]),
    st.sampled_from(ENGINES),
)
def test_any_split_restores_the_archive(
    files: dict[str, bytes], part_size: int, compression: str, engine: Engine
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "best_engine", lambda _: engine)
        packed = pack_batch(
            [invoice(name, content) for name, content in files.items()],
            KEY,
            Path(folder),
            compression=compression,
            part_size=part_size,
        )
        archive = plain_archive(packed)
    assert (packed.size, packed.hash) == (len(archive), sha256_base64(archive))
    assert entries(archive, compression) == files
    assert packed.invoice_hashes == {name: sha256_base64(content) for name, content in files.items()}
    assert [part.ordinal_number for part in packed.parts] == list(range(1, len(packed.parts) + 1))
    assert max(part.size for part in packed.parts) <= part_size


@pytest.mark.parametrize("compression", ["zip", "tar.gz"])
def test_the_same_invoices_make_the_same_parts(tmp_path: Path, compression: str) -> None:
    packed = []
    for name in ("first", "second"):
        (folder := tmp_path / name).mkdir()
        files = [invoice("a.xml", b"a" * 5000), invoice("ż.xml", b"b" * 10)]
        packed.append(pack_batch(files, KEY, folder, compression=compression))
    assert packed[0].hash == packed[1].hash
    if compression == "tar.gz":
        assert plain_archive(packed[0])[4:8] == bytes(4), "the time of packing is in the archive"
    assert packed[0].parts[0].hash == packed[1].parts[0].hash


@pytest.mark.parametrize("compression", ["zip", "tar.gz"])
def test_memory_does_not_grow_with_the_batch(tmp_path: Path, compression: str) -> None:
    noise = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(250)) * 250
    files = [invoice(f"{number}.xml", noise) for number in range(20)]
    tracemalloc.start()
    packed = pack_batch(files, KEY, tmp_path, compression=compression, part_size=1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(file.size for file in files) == 40_000_000
    assert packed.size < 40_000_000
    assert peak < 16_000_000


@pytest.mark.parametrize("compression", ["zip", "tar.gz"])
@pytest.mark.parametrize("claimed", [3, 5])
def test_a_file_that_changed_is_refused(tmp_path: Path, compression: str, claimed: int) -> None:
    changed = invoice_of("a.xml", b"four", claimed)
    with pytest.raises(KsefIntegrityError, match="changed after it was checked"):
        pack_batch([changed, invoice("b.xml", b"b")], KEY, tmp_path, compression=compression)


@pytest.mark.parametrize("compression", ["zip", "tar.gz"])
def test_what_cannot_be_compressed_is_packed_too(tmp_path: Path, compression: str) -> None:
    noise = os.urandom(2_500_000)
    packed = pack_batch([invoice("a.xml", noise)], KEY, tmp_path, compression=compression)
    assert entries(plain_archive(packed), compression) == {"a.xml": noise}


def test_a_block_over_the_buffers_is_cut(tmp_path: Path) -> None:
    with PartWriter(tmp_path, KEY, 100_000_000) as writer:
        writer.write(b"x" * 3_000_000)
        writer.finish()
    assert writer.parts[0].size == 3_000_000 + 16 - 3_000_000 % 16


def test_what_ksef_would_not_take_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = invoice("a.xml", b"a")
    for files, compression, field in [
        ([], "zip", "invoices"),
        ([one] * 2, "zip", "invoices"),
        ([invoice("a" * 129, b"a")], "zip", "invoices"),
        ([invoice(f"{number}", b"a") for number in range(10_001)], "zip", "invoices"),
        ([invoice_of("a.xml", b"", 10_000_001)], "zip", "invoices"),
        ([one], "rar", "compression"),
    ]:
        with pytest.raises(KsefInputError) as raised:
            pack_batch(files, KEY, tmp_path, compression=compression)
        assert raised.value.field == field
    with pytest.raises(KsefInputError, match="at most 1 invoices"):
        pack_batch([one, invoice("b.xml", b"b")], KEY, tmp_path, max_invoices=1)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(packing, "MAX_PARTS", 2)
    many = [invoice(f"{number}.xml", b"x") for number in range(40)]
    with pytest.raises(KsefInputError, match=r"bytes in \d+ parts"):
        pack_batch(many, KEY, tmp_path, part_size=1024)


def test_a_company_may_send_more_than_most(tmp_path: Path) -> None:
    many = [invoice(f"{number}.xml", b"x") for number in range(10_001)]
    assert len(pack_batch(many, KEY, tmp_path, max_invoices=10_001).invoice_hashes) == 10_001


def test_an_error_while_reading_leaves_no_open_file(tmp_path: Path) -> None:
    def broken(_: int) -> bytes:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        pack_batch([invoice("a", b"a"), InvoiceFile("b", broken, 1)], KEY, tmp_path)
