"""Reading the archives that batches come in."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO

from airflow_provider_ksef.emulator.crypto import encode_base64

_BLOCK = 1 << 20
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


class BrokenArchive(Exception):  # noqa: N818  it says what it is
    """Bytes that are not an archive of the declared kind."""


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


def count_entries(path: Path, compression: str, most: int) -> int:
    """
    Read an archive through once and count its files; reading ends when there are more than ``most``.

    :raises BrokenArchive: where it is not what it was declared to be.
    """
    count = 0
    for _ in read_entries(path, compression, 0):
        count += 1
        if count > most:
            break
    return count


def read_entries(path: Path, compression: str, most_bytes: int) -> Iterator[Entry]:
    """
    Give each file in an archive.

    :param most_bytes: content beyond this many bytes is left out.
    :raises BrokenArchive: where it is not what it was declared to be.
    """
    entries = _zip_entries if compression == "Zip" else _tar_entries
    try:
        yield from entries(path, most_bytes)
    except _BROKEN as error:
        raise BrokenArchive(str(error)) from error


def _zip_entries(path: Path, most_bytes: int) -> Iterator[Entry]:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if not entry.is_dir():
                with archive.open(entry) as content:
                    yield _read(entry.filename, content, most_bytes)


def _tar_entries(path: Path, most_bytes: int) -> Iterator[Entry]:
    with tarfile.open(path, "r|gz") as archive:
        for entry in archive:
            content = archive.extractfile(entry) if entry.isfile() else None
            if content is not None:
                yield _read(entry.name, content, most_bytes)


def _read(name: str, content: IO[bytes], most_bytes: int) -> Entry:
    first = content.read(most_bytes)
    whole = sha256(first)
    while block := content.read(_BLOCK):
        whole.update(block)
    readable = name.encode("utf-8", "replace").decode()  # tar lets a name be any bytes
    return Entry(readable, first, encode_base64(whole.digest()))
