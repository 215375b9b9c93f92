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
from threading import Lock
from typing import NamedTuple

from airflow_provider_ksef.client.crypto import sha256_base64
from airflow_provider_ksef.client.deflating import Engine
from airflow_provider_ksef.client.in_order import in_order
from airflow_provider_ksef.client.invoice_reading import InvoiceFile, read_invoice

ZIP64_FROM = 0xFFFFFFFF
"""Places and sizes from here on do not fit into four bytes."""
ZIP64_COUNT = 0xFFFF
"""So many entries or more cannot be counted in two bytes."""
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
_SHORT = struct.Struct("<H")
_PLACE_64 = struct.Struct("<HHQ")
_LOCAL, _CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
_VERSION, _VERSION_64 = 20, 45
_UNIX = 3 << 8
_MADE_BY, _MADE_BY_64 = _SHORT.pack(_UNIX | _VERSION), _SHORT.pack(_UNIX | _VERSION_64)
_UTF8 = 1 << 11
_MIDNIGHT, _DAY = 0, 1 << 5 | 1
"""Time of all entries, 1980-01-01: the same files give the same archive."""
_REGULAR_FILE = 0o100644 << 16


class _Entry(NamedTuple):
    """:param facts: what both headers say."""

    name: bytes
    facts: bytes
    place: int


class _Chunk(NamedTuple):
    """Some entries one after another; their places are counted from the chunk's beginning."""

    content: bytes
    entries: list[_Entry]
    hashes: list[str]


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
    with closing(in_order(partial(_packed, engine, Lock()), _chunks(files))) as chunks:
        for chunk in chunks:
            write(chunk.content)
            directory += (_central_header(entry, place + entry.place) for entry in chunk.entries)
            hashes += chunk.hashes
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


def _packed(engine: Engine, reading: Lock, files: list[InvoiceFile]) -> _Chunk:
    """
    Do one thing after another for all files: threads that mix them wait for each other too often.

    :param reading: lets one thread read at a time, for reading is mostly the interpreter's work.
    """
    with reading:
        invoices = [read_invoice(file) for file in files]
    packed = [engine.deflate(invoice) for invoice in invoices]
    checksums = [engine.crc32(invoice) for invoice in invoices]
    hashes = [sha256_base64(invoice) for invoice in invoices]
    content: list[bytes] = []
    entries: list[_Entry] = []
    place = 0
    for file, data, crc in zip(files, packed, checksums, strict=True):
        name = file.name.encode()
        flags = 0 if name.isascii() else _UTF8
        sizes = (len(data), file.size, len(name), 0)
        facts = _FACTS.pack(_VERSION, flags, zlib.DEFLATED, _MIDNIGHT, _DAY, crc, *sizes)
        content += (_LOCAL, facts, name, data)
        entries.append(_Entry(name, facts, place))
        place += len(_LOCAL) + len(facts) + len(name) + len(data)
    return _Chunk(b"".join(content), entries, hashes)


def _central_header(entry: _Entry, place: int) -> bytes:
    made_by, facts, extra = _MADE_BY, entry.facts, b""
    if place >= ZIP64_FROM:
        made_by, extra, place = _MADE_BY_64, _PLACE_64.pack(1, 8, place), _FULL
        facts = _SHORT.pack(_VERSION_64) + facts[_SHORT.size : -_SHORT.size] + _SHORT.pack(len(extra))
    return b"".join((_CENTRAL, made_by, facts, _PLACE.pack(0, 0, 0, _REGULAR_FILE, place), entry.name, extra))


def _end(count: int, place: int, size: int) -> bytes:
    """Say where the directory is."""
    if place < ZIP64_FROM and count < ZIP64_COUNT:
        return _END.pack(0x06054B50, 0, 0, count, count, size, place, 0)
    versions = (_UNIX | _VERSION_64, _VERSION_64)
    short = min(count, ZIP64_COUNT)
    return (
        _END_64.pack(0x06064B50, _END_64.size - 12, *versions, 0, 0, count, count, size, place)
        + _LOCATOR.pack(0x07064B50, 0, place + size, 1)
        + _END.pack(0x06054B50, 0, 0, short, short, size, _FULL, 0)
    )
