"""What is packed must be read by everybody, whichever library has deflated it."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import random
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from upath import UPath

from airflow_provider_ksef.client import tar_writing, zip_writing
from airflow_provider_ksef.client.deflating import END, WINDOW, ZLIB, Engine, best_engine
from airflow_provider_ksef.client.in_order import in_order
from airflow_provider_ksef.client.invoice_files import reader_of
from airflow_provider_ksef.client.packing import InvoiceFile
from airflow_provider_ksef.client.tar_writing import tar_header, write_tar_gz
from airflow_provider_ksef.client.zip_writing import write_zip
from airflow_provider_ksef.emulator.synthetic import synthesize
from tests.unit.client.test_packing import entries, invoice

ENGINES = {"zlib": ZLIB, "isal": best_engine("zip"), "zlib-ng": best_engine("tar.gz")}
on_every_engine = pytest.mark.parametrize(
    "engine",
    [
        pytest.param(
            engine,
            id=name,
            marks=pytest.mark.skipif(
                name != "zlib" and engine is ZLIB, reason=f"{name} is not installed (extra fast)"
            ),
        )
        for name, engine in ENGINES.items()
    ],
)
WRITERS: dict[str, Callable[..., list[str]]] = {"zip": write_zip, "tar.gz": write_tar_gz}
on_all = pytest.mark.parametrize("compression", WRITERS)


def some_invoices(count: int = 30, size: int = 120_000) -> dict[str, bytes]:
    """Small and large ones, compressible and not, of which some names need UTF-8."""
    dice = random.Random(5)
    contents = [b"<Faktura>%d</Faktura>" % number * dice.randrange(1, size // 20) for number in range(count)]
    contents += [b"", dice.randbytes(2_500_000), b"x" * 2_000_000]
    return {f"faktura-{'ż' * (number % 3)}-{number}.xml": content for number, content in enumerate(contents)}


def written(compression: str, files: dict[str, bytes], engine: Engine) -> bytes:
    archive = io.BytesIO()
    invoices = [invoice(name, content) for name, content in files.items()]
    assert len(WRITERS[compression](invoices, archive.write, engine)) == len(files)
    return archive.getvalue()


@on_every_engine
@on_all
def test_python_reads_it(compression: str, engine: Engine) -> None:
    files = some_invoices()
    assert entries(written(compression, files, engine), compression) == files


@on_every_engine
@pytest.mark.parametrize("from_here", [zip_writing.ZIP64_FROM, 1_000_000], ids=["plain", "zip64"])
def test_info_zip_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine, from_here: int
) -> None:
    monkeypatch.setattr(zip_writing, "ZIP64_FROM", from_here)
    files = some_invoices()
    content = written("zip", files, engine)
    assert (b"PK\x06\x06" in content) is (from_here == 1_000_000)
    assert entries(content, "zip") == files
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert all(entry.flag_bits & 8 == 0 for entry in archive.infolist()), "there are data descriptors"
    if not shutil.which("unzip"):
        pytest.skip("Info-ZIP is not installed")
    (path := tmp_path / "invoices.zip").write_bytes(content)
    tested = subprocess.run(["unzip", "-t", path], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert f"No errors detected in compressed data of {path}" in tested.stdout


def test_more_entries_than_two_bytes_count_are_counted_in_eight(tmp_path: Path) -> None:
    """A company may be allowed 100,000 invoices a session."""
    files = {f"{number}.xml": b"<a/>" for number in range(65_535)}
    content = written("zip", files, ZLIB)
    assert b"PK\x06\x06" in content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == list(files)
    if not shutil.which("unzip"):
        pytest.skip("Info-ZIP is not installed")
    (path := tmp_path / "invoices.zip").write_bytes(content)
    listed = subprocess.run(["unzip", "-tq", path], capture_output=True, text=True, check=False)
    assert listed.returncode == 0, listed.stdout + listed.stderr


@on_every_engine
def test_gnu_tar_takes_it(tmp_path: Path, engine: Engine) -> None:
    if not shutil.which("tar"):
        pytest.skip("tar is not installed")
    files = some_invoices()
    (path := tmp_path / "invoices.tar.gz").write_bytes(written("tar.gz", files, engine))
    (unpacked := tmp_path / "unpacked").mkdir()
    subprocess.run(["tar", "-xzf", path, "-C", unpacked], check=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert {found.name: found.read_bytes() for found in unpacked.iterdir()} == files


@on_every_engine
def test_a_tar_is_one_stream_of_blocks_that_know_the_one_before(engine: Engine) -> None:
    noise = random.Random(3).randbytes(WINDOW - 2048)
    files = {f"{number}.xml": noise for number in range(40)}
    content = written("tar.gz", files, engine)
    stream = zlib.decompressobj(31)
    assert len(stream.decompress(content)) % tarfile.RECORDSIZE == 0
    assert stream.eof
    assert not stream.unused_data
    apart = sum(len(engine.deflate_block(noise, b"")) for _ in files)
    primed = engine.deflate_block(noise, noise) + END
    assert zlib.decompressobj(-15, zdict=noise).decompress(primed) == noise
    assert len(primed) < len(engine.deflate_block(noise, b""))
    assert len(content) < apart


@on_every_engine
@on_all
def test_the_same_bytes_come_from_a_process_with_other_memory(compression: str, engine: Engine) -> None:
    name = next(name for name, other in ENGINES.items() if other is engine)
    script = (
        "import sys, hashlib; junk = [bytes([n % 251]) * 70_000 for n in range(500)]; del junk[::2]\n"
        "from tests.unit.client.test_archives import ENGINES, some_invoices, written\n"
        f"engine = ENGINES[{name!r}]\n"
        f"print(hashlib.sha256(written({compression!r}, some_invoices(), engine)).hexdigest())"
    )
    made = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    ours = hashlib.sha256(written(compression, some_invoices(), engine)).hexdigest()
    assert made.stdout.strip() == ours


@on_all
def test_zlib_packs_where_nothing_faster_is_installed(
    monkeypatch: pytest.MonkeyPatch, compression: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert best_engine.__wrapped__(compression) is ZLIB


@on_all
def test_what_packs_faster_packs_nearly_as_small(compression: str) -> None:
    today = date(2026, 5, 4)
    files = {
        f"{number}.xml": synthesize("5250001210", "Subject1", number, 0, today).xml for number in range(500)
    }
    if best_engine(compression) is ZLIB:
        pytest.skip("nothing faster is installed (extra fast)")
    usual = len(written(compression, files, ZLIB))
    assert len(written(compression, files, best_engine(compression))) < 1.1 * usual


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=128))
def test_a_tar_header_is_the_one_of_python(name: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(name) ** 4
    assert tar_header(name, entry.size) == entry.tobuf(tarfile.PAX_FORMAT)


@on_all
def test_the_first_error_ends_the_work(compression: str) -> None:
    opened: list[int] = []

    def at(number: int) -> InvoiceFile:
        def read(_: int) -> bytes:
            opened.append(number)
            if number == 3:
                raise OSError("gone")
            return b"x" * 600_000

        return InvoiceFile(f"{number}.xml", read, 600_000)

    with pytest.raises(OSError, match="gone"):
        WRITERS[compression]([at(number) for number in range(1000)], io.BytesIO().write, ZLIB)
    assert max(opened) < 10
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ksef-packing")]


def test_few_results_wait_to_be_taken() -> None:
    begun: list[int] = []
    results = in_order(begun.append, range(100))
    next(results)
    assert len(begun) <= 3
    results.close()
    assert len(begun) <= 3


@pytest.mark.parametrize("protocol", ["file", "memory"])
def test_a_file_that_gives_less_than_is_asked_for_is_read_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    read = os.read
    monkeypatch.setattr(os, "read", lambda file, most: read(file, min(most, 7)))
    path = UPath(f"{protocol}://{tmp_path}/a.xml")
    path.write_bytes(b"0123456789" * 10)
    archive = io.BytesIO()
    write_zip([InvoiceFile("a.xml", reader_of(path), 100)], archive.write, ZLIB)
    assert entries(archive.getvalue(), "zip") == {"a.xml": b"0123456789" * 10}


def test_the_size_of_blocks_is_bounded() -> None:
    tar = tar_writing._Tar(ZLIB)
    blocks = tar.blocks([invoice("a.xml", b"x" * 9_000_000), invoice("b.xml", b"y" * 10)], [])
    assert max(len(block.content) for block in blocks) < 1_100_000
