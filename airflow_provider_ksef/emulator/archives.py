"""Reading the archives that batches come in, without ever holding one."""

from __future__ import annotations

import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO

from airflow_provider_ksef.emulator.crypto import encode_base64
from airflow_provider_ksef.emulator.unpacking import BrokenArchive, Budget, open_gzip

_BLOCK = 1 << 20
_MOST_COUNTED = 10
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DIRECTORY_ENTRY = 1024
_END = struct.Struct("<4s8xL")
_LOCATOR = struct.Struct("<4s4xQ4x")
_END_64 = struct.Struct("<4s36xQ")
_END_ROOM = 22 + 65_535


@dataclass(frozen=True)
class Entry:
    """
    A file of an archive, which was read to its end.

    :param content: its first bytes, as many as were wanted.
    :param hash: of all its bytes.
    """

    name: str
    content: bytes
    hash: str


@dataclass(frozen=True)
class Archive:
    """
    An archive of invoices.

    :param compression: Zip or TarGz.
    :param most_entries: ten times as many files are counted no further.
    :param most_bytes: of one file; content beyond is not given.
    """

    path: Path
    compression: str
    most_entries: int
    most_bytes: int

    def count(self) -> int:
        """
        Read it through once and count its files, also those that are too many.

        :raises BrokenArchive: where it is not what it was declared to be, or a bomb.
        """
        if self.compression == "Zip" and self._has_endless_directory():
            return self.most_entries + 1
        count = 0
        for _ in self._read(0):
            count += 1
            if count > _MOST_COUNTED * self.most_entries:
                break
        return count

    def entries(self) -> Iterator[Entry]:
        """
        Give each file.

        :raises BrokenArchive: where it is not what it was declared to be, or a bomb.
        """
        yield from self._read(self.most_bytes + 1)

    def _read(self, most_bytes: int) -> Iterator[Entry]:
        most_unpacked = self.most_entries * self.most_bytes
        entries = _zip_entries if self.compression == "Zip" else _tar_entries
        try:
            yield from entries(self.path, most_bytes, most_unpacked)
        except _BROKEN as error:
            raise BrokenArchive(str(error)) from error

    def _has_endless_directory(self) -> bool:
        """Whether the list of files alone, which is read as a whole, is longer than any right one."""
        return _directory_size(self.path) > max(_BLOCK, (self.most_entries + 1) * _DIRECTORY_ENTRY)


def _zip_entries(path: Path, most_bytes: int, most_unpacked: int) -> Iterator[Entry]:
    budget = Budget(most_unpacked)
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.is_dir():
                continue
            if entry.compress_type not in _METHODS:
                raise BrokenArchive(f"compression method {entry.compress_type}")
            with archive.open(entry) as content:
                yield _read(entry.filename, content, most_bytes, budget)


def _tar_entries(path: Path, most_bytes: int, most_unpacked: int) -> Iterator[Entry]:
    budget = Budget(most_unpacked)  # of the files; the holes of a sparse one are not in the stream
    with open_gzip(path, Budget(most_unpacked)) as stream, tarfile.TarFile(fileobj=stream) as archive:
        for entry in archive:
            content = archive.extractfile(entry) if entry.isfile() else None
            if content is not None:
                yield _read(entry.name, content, most_bytes, budget)
            archive.members = []  # type: ignore[attr-defined]  # else it keeps all of them


def _read(name: str, content: IO[bytes], most_bytes: int, budget: Budget) -> Entry:
    first = content.read(most_bytes)
    budget.spend(len(first))
    whole = sha256(first)
    while block := content.read(_BLOCK):
        budget.spend(len(block))
        whole.update(block)
    readable = name.encode("utf-8", "replace").decode()  # tar lets a name be any bytes
    return Entry(readable, first, encode_base64(whole.digest()))


def _directory_size(path: Path) -> int:
    """The bytes of a ZIP file's list of files as its end says; 0 where it has no end."""
    with path.open("rb") as file:
        start = max(0, path.stat().st_size - _END_ROOM)
        file.seek(start)
        tail = file.read()
        at = tail.rfind(b"PK\5\6")
        if at < 0 or len(tail) - at < _END.size:
            return 0
        _, size = _END.unpack_from(tail, at)
        if size != 0xFFFF_FFFF:
            return int(size)
        if not tail.startswith(b"PK\6\7", max(0, at - _LOCATOR.size)):
            return int(size)
        _, position = _LOCATOR.unpack_from(tail, at - _LOCATOR.size)
        file.seek(position)
        last = file.read(_END_64.size)
        return int(_END_64.unpack(last)[1]) if len(last) == _END_64.size else 0
