"""Archives of any size are read in little memory, and bombs are found before they go off."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from airflow_provider_ksef.emulator.archives import Archive
from airflow_provider_ksef.emulator.crypto import encode_base64
from airflow_provider_ksef.emulator.unpacking import BrokenArchive

MEGABYTE = 1_000_000
ZEROS = bytes(MEGABYTE)


def opened(path: Path, compression: str = "Zip", most_entries: int = 10_000) -> Archive:
    return Archive(path, compression, most_entries, most_bytes=3 * MEGABYTE)


def zip_of(path: Path, entries: int, megabytes: int) -> Path:
    """Entries of zeros, which take next to nothing when they are packed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(entries):
            with archive.open(f"{number}.xml", "w", force_zip64=True) as entry:
                for _ in range(megabytes):
                    entry.write(ZEROS)
    return path


def tar_of(path: Path, entries: int, megabytes: int) -> Path:
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for number in range(entries):
            entry = tarfile.TarInfo(f"{number}.xml")
            entry.size = megabytes * MEGABYTE
            archive.addfile(entry, _Zeros(entry.size))
    return path


class _Zeros(io.RawIOBase):
    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int = -1) -> bytes:
        given = min(self._left, size)
        self._left -= given
        return bytes(given)


MAKERS = {"Zip": zip_of, "TarGz": tar_of}


@pytest.mark.parametrize("compression", MAKERS)
def test_a_file_of_any_size_is_given_with_its_beginning_and_its_whole_hash(
    tmp_path: Path, compression: str
) -> None:
    archive = opened(MAKERS[compression](tmp_path / "a", 2, 5), compression)
    assert archive.count() == 2
    for entry in archive.entries():
        assert len(entry.content) == 3 * MEGABYTE + 1
        assert entry.hash == encode_base64(sha256(ZEROS * 5).digest())


@pytest.mark.parametrize("compression", MAKERS)
def test_memory_does_not_grow_with_what_comes_out(tmp_path: Path, compression: str) -> None:
    archive = opened(MAKERS[compression](tmp_path / "a", 3, 50), compression)
    tracemalloc.start()
    assert sum(1 for _ in archive.entries()) == archive.count() == 3
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20 * MEGABYTE


@pytest.mark.parametrize("compression", MAKERS)
def test_a_bomb_is_given_up(tmp_path: Path, compression: str) -> None:
    """100 MB come out where ten invoices of 3 MB are the most."""
    archive = opened(MAKERS[compression](tmp_path / "a", 1, 100), compression, most_entries=10)
    with pytest.raises(BrokenArchive, match="more comes out"):
        archive.count()


def test_an_endless_list_of_files_is_too_many_without_being_read(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a", 1, 0)
    whole = bytearray(path.read_bytes())
    at = whole.rfind(b"PK\5\6")
    whole[at + 12 : at + 16] = struct.pack("<L", 100_000_000)
    path.write_bytes(whole)
    assert opened(path).count() == 10_001


def test_an_endless_list_of_files_is_found_in_a_large_archive_too(tmp_path: Path) -> None:
    end = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 10**8, 10**8, 5 * 10**9, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 100, 1)
    last = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 0)
    path = tmp_path / "a"
    path.write_bytes(bytes(100) + end + locator + last)
    assert opened(path).count() == 10_001


def test_many_folders_cost_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a"
    folder = tarfile.TarInfo("folder")
    folder.type = tarfile.DIRTYPE
    header = folder.tobuf()
    with gzip.open(path, "wb", compresslevel=1) as target:
        for _ in range(20):
            target.write(header * 1000)
    tracemalloc.start()
    assert opened(path, "TarGz").count() == 0
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3 * MEGABYTE


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_name_of_any_length_is_not_taken_into_memory(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "a"
    header = tarfile.TarInfo("name")
    header.type, header.size = kind, 4_000_000_000
    with gzip.open(path, "wb", compresslevel=1) as target:
        target.write(header.tobuf(tarfile.GNU_FORMAT))
        target.write(ZEROS * 20)
    with pytest.raises(BrokenArchive, match="a header of"):
        opened(path, "TarGz").count()


def _method_14(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.xml", b"x")


def _cut_short(path: Path) -> None:
    path.write_bytes(tar_of(path, 1, 1).read_bytes()[:-200])


BROKEN: dict[str, tuple[str, Callable[[Path], object]]] = {
    "another way of packing": ("Zip", _method_14),
    "no archive": ("Zip", lambda path: path.write_bytes(b"x" * 100)),
    "nothing": ("Zip", lambda path: path.write_bytes(b"")),
    "no gzip": ("TarGz", lambda path: path.write_bytes(b"x" * 100)),
    "no tar": ("TarGz", lambda path: path.write_bytes(gzip.compress(b"x" * 1000))),
    "a tar that ends early": ("TarGz", _cut_short),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_not_as_declared_is_told(tmp_path: Path, case: str) -> None:
    compression, make = BROKEN[case]
    make(tmp_path / "a")
    with pytest.raises(BrokenArchive):
        opened(tmp_path / "a", compression).count()


@pytest.mark.parametrize("tar_format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_tars_of_every_kind_are_read(tmp_path: Path, tar_format: int) -> None:
    sizes = (0, 1, 511, 512, 513, 10_240, 99_999)
    files = {f"{'long ' * 18}{size}.xml": bytes([65]) * size for size in sizes}
    with tarfile.open(tmp_path / "a", "w:gz", format=tar_format) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    assert {each.name: each.content for each in opened(tmp_path / "a", "TarGz").entries()} == files
