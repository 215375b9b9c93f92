"""
A ZIP archive, written from front to back.

Each entry is compressed before its header is written, so sizes stand in the header and nothing follows the
data (APPNOTE.TXT 6.3.9, sections 4.3 and 4.5.3).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from typing import NamedTuple

from airflow_provider_ksef.client.crypto import sha256_base64
from airflow_provider_ksef.client.deflating import Engine
from airflow_provider_ksef.client.in_order import in_order
from airflow_provider_ksef.client.invoice_reading import InvoiceFile, read_invoice

ZIP64_FROM = 0xFFFFFFFF
"""Places and sizes from here on do not fit into four bytes."""
_FULL = 0xFFFFFFFF
_CHUNK_SIZE = 1 << 20
_CHUNK_COUNT = 200
_FACTS = struct.Struct("<HHHHHIIIHH")
"""Version, flags, method, time, date, CRC-32, both sizes, lengths of name and extra field."""
_PLACE = struct.Struct("<HHHII")
"""Length of the comment, disk, two kinds of attributes, place."""
_END = struct.Struct("<IHHHHIIH")
_END_64 = struct.Struct("<IQHHIIQQQQ")
_LOCATOR = struct.Struct("<IIQI")
_PLACE_64 = struct.Struct("<HHQ")
_LOCAL, _CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
_VERSION, _VERSION_64 = 20, 45
_UNIX = 3 << 8
_MADE_BY = {version: struct.pack("<H", _UNIX | version) for version in (_VERSION, _VERSION_64)}
_UTF8 = 1 << 11
_MIDNIGHT, _DAY = 0, 1 << 5 | 1
"""Time of all entries, 1980-01-01: the same files give the same archive."""
_REGULAR_FILE = 0o100644 << 16


class _Entry(NamedTuple):
    name: bytes
    crc: int
    packed_size: int
    size: int
    place: int
    hash: str

    def facts(self, version: int = _VERSION, extra_size: int = 0) -> bytes:
        """Give what both headers say."""
        flags = 0 if self.name.isascii() else _UTF8
        sizes = (self.packed_size, self.size, len(self.name), extra_size)
        return _FACTS.pack(version, flags, zlib.DEFLATED, _MIDNIGHT, _DAY, self.crc, *sizes)


class _Chunk(NamedTuple):
    """Some entries one after another; their places are counted from the chunk's beginning."""

    content: bytes
    entries: list[_Entry]


def write_zip(files: Iterable[InvoiceFile], write: Callable[[bytes], object], engine: Engine) -> list[str]:
    """
    Write the archive.

    :param files: each is read once.
    :param write: takes the bytes.
    :param engine: deflates.
    :returns: the Base64 SHA-256 of each file.
    :raises KsefIntegrityError: where a file changed since it was checked.
    """
    place = 0
    directory: list[bytes] = []
    hashes: list[str] = []
    with closing(in_order(partial(_packed, engine), _chunks(files))) as chunks:
        for chunk in chunks:
            write(chunk.content)
            directory += (_central_header(entry, place + entry.place) for entry in chunk.entries)
            hashes += (entry.hash for entry in chunk.entries)
            place += len(chunk.content)
    headers = b"".join(directory)
    write(headers)
    write(_end(len(hashes), place, len(headers)))
    return hashes


def _chunks(files: Iterable[InvoiceFile]) -> Iterator[list[InvoiceFile]]:
    """Cut the work into pieces that are worth a thread's while, and small in memory."""
    chunk: list[InvoiceFile] = []
    size = 0
    for file in files:
        if chunk and (size + file.size > _CHUNK_SIZE or len(chunk) == _CHUNK_COUNT):
            yield chunk
            chunk, size = [], 0
        chunk.append(file)
        size += file.size
    if chunk:
        yield chunk


def _packed(engine: Engine, files: list[InvoiceFile]) -> _Chunk:
    content: list[bytes] = []
    entries: list[_Entry] = []
    place = 0
    for file in files:
        invoice = read_invoice(file)
        data = engine.deflate(invoice)
        crc, hash_ = engine.crc32(invoice), sha256_base64(invoice)
        entry = _Entry(file.name.encode(), crc, len(data), len(invoice), place, hash_)
        header = _LOCAL + entry.facts() + entry.name
        content += (header, data)
        place += len(header) + len(data)
        entries.append(entry)
    return _Chunk(b"".join(content), entries)


def _central_header(entry: _Entry, place: int) -> bytes:
    is_far = place >= ZIP64_FROM
    version = _VERSION_64 if is_far else _VERSION
    extra = _PLACE_64.pack(1, 8, place) if is_far else b""
    facts = entry.facts(version, len(extra))
    attributes = _PLACE.pack(0, 0, 0, _REGULAR_FILE, _FULL if is_far else place)
    return _CENTRAL + _MADE_BY[version] + facts + attributes + entry.name + extra


def _end(count: int, place: int, size: int) -> bytes:
    """Say where the directory is; there are never so many entries that their number needs ZIP64."""
    if place < ZIP64_FROM:
        return _END.pack(0x06054B50, 0, 0, count, count, size, place, 0)
    versions = (_UNIX | _VERSION_64, _VERSION_64)
    return (
        _END_64.pack(0x06064B50, _END_64.size - 12, *versions, 0, 0, count, count, size, place)
        + _LOCATOR.pack(0x07064B50, 0, place + size, 1)
        + _END.pack(0x06054B50, 0, 0, count, count, size, _FULL, 0)
    )
