"""
Where the files of a ZIP lie, and their bytes: its list of files is read, then only what is asked for.

The standard library makes an object of each of 10,000 files, which takes longer than to read the one wanted.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from airflow_provider_ksef.tables.inflating import crc32, inflate

MAX_LIST_BYTES = 64 * 1024 * 1024
"""The list of ten thousand files is 1 MB; more than this is not KSeF's doing."""

_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _IS_UTF8 = 0x1, 0x800
_ABSENT = 0xFFFF_FFFF
_LIST_ENTRY = struct.Struct("<8xHH4xLLL2xH10xL")
_LENGTHS = struct.Struct("<4s24xHHH")
_LIST_MAGIC = b"PK\1\2"
_HEADER = struct.Struct("<4s22xHH")
_HEADER_MAGIC = b"PK\3\4"
_END = struct.Struct("<4s6xHLL2x")
_END_MAGIC = b"PK\5\6"
_MAX_COMMENT = 0xFFFF
_LOCATOR = struct.Struct("<4s4xQ4x")
_LOCATOR_MAGIC = b"PK\6\7"
_END64 = struct.Struct("<4s28xQQQ")
_END64_MAGIC = b"PK\6\6"
_EXTRA = struct.Struct("<HH")
_EXTRA64 = 1


class Place(NamedTuple):
    """
    Where a file lies.

    :param start: its bytes in a plain file, its local header in a ZIP.
    :param stored: how many bytes are stored.
    :param size: how many they are unpacked.
    :param crc: their checksum in a ZIP; None in a plain file.
    :param is_deflated: whether they are compressed.
    """

    start: int
    stored: int
    size: int
    crc: int | None
    is_deflated: bool


def zip_places(source: BinaryIO) -> Iterator[tuple[str, Place]]:
    """
    Give name and place of each file of a ZIP.

    :param source: the archive, seekable.
    :raises ValueError: where it is none, is cut, or a file is encrypted or compressed in an unknown way.
    """
    count, entries = _list_of_files(source)
    for at, name in _walk(count, entries):
        yield _place(entries, at, name)


def places_named(source: BinaryIO, wanted: str) -> list[Place]:
    """
    Give the place of each file that has a name; no other is looked at.

    :param source: the archive, seekable.
    :param wanted: the name, in ASCII.
    :raises ValueError: as :func:`zip_places` does.
    """
    count, entries = _list_of_files(source)
    found = [(at, name) for at, name in _walk(count, entries) if name == wanted.encode("ascii")]
    return [_place(entries, at, name)[1] for at, name in found]


def read_place(source: BinaryIO, place: Place) -> bytes | bytearray:
    """
    Read one file.

    :param source: what it lies in.
    :param place: where.
    :raises ValueError: where it is cut or damaged.
    """
    source.seek(place.start)
    if place.crc is not None:
        magic, name_length, extra_length = _HEADER.unpack(_exactly(source, _HEADER.size))
        if magic != _HEADER_MAGIC:
            raise ValueError("its header is not where the archive's list says")
        source.seek(name_length + extra_length, 1)
    stored = _exactly(source, place.stored)
    content = inflate(stored, place.size) if place.is_deflated else stored
    if len(content) != place.size or (place.crc is not None and crc32(content) != place.crc):
        raise ValueError("its checksum or size is wrong")
    return content


def _list_of_files(source: BinaryIO) -> tuple[int, bytes]:
    end = source.seek(0, 2)
    tail_at = max(0, end - _END.size - _MAX_COMMENT)
    source.seek(tail_at)
    tail = source.read()
    at = tail.rfind(_END_MAGIC)
    if at < 0 or len(tail) - at < _END.size:
        raise ValueError("it has no list of files, so it is cut")
    _, count, size, start = _END.unpack_from(tail, at)
    locator_at = tail_at + at - _LOCATOR.size
    if locator_at >= 0:
        source.seek(locator_at)
        magic, end64_at = _LOCATOR.unpack(source.read(_LOCATOR.size))
        if magic == _LOCATOR_MAGIC:
            source.seek(end64_at)
            magic, count, size, start = _END64.unpack(_exactly(source, _END64.size))
            if magic != _END64_MAGIC:
                raise ValueError("its end is damaged")
    if size > MAX_LIST_BYTES:
        raise ValueError("its list of files is absurdly long")
    source.seek(start)
    return count, _exactly(source, size)


def _walk(count: int, entries: bytes) -> Iterator[tuple[int, bytes]]:
    """Give where each file's entry is, and the file's name."""
    at = 0
    for _ in range(count):
        magic, name_length, extra_length, comment_length = _LENGTHS.unpack_from(entries, at)
        if magic != _LIST_MAGIC:
            raise ValueError("its list of files is damaged")
        end = at + _LIST_ENTRY.size + name_length
        yield at, entries[at + _LIST_ENTRY.size : end]
        at = end + extra_length + comment_length
    if at != len(entries):
        raise ValueError("its list of files is longer or shorter than it says")


def _place(entries: bytes, at: int, raw_name: bytes) -> tuple[str, Place]:
    flags, method, crc, stored, size, extra_length, start = _LIST_ENTRY.unpack_from(entries, at)
    name = raw_name.decode("utf-8" if flags & _IS_UTF8 else "cp437")
    if flags & _ENCRYPTED or method not in (_STORED, _DEFLATED):
        raise ValueError(f"{name[:200]!r} is encrypted or compressed in an unknown way")
    if _ABSENT in (stored, size, start):
        extra_at = at + _LIST_ENTRY.size + len(raw_name)
        size, stored, start = _large(entries[extra_at : extra_at + extra_length], size, stored, start)
    return name, Place(start, stored, size, crc, method == _DEFLATED)


def _large(extra: bytes, *values: int) -> list[int]:
    """Give size, stored size and start of a file where one of them needs 64 bits."""
    at = 0
    while at + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size
        if kind == _EXTRA64:
            wide = iter(struct.unpack_from(f"<{length // 8}Q", extra, at))
            return [next(wide, _ABSENT) if value == _ABSENT else value for value in values]
        at += length
    return list(values)


def _exactly(source: BinaryIO, size: int) -> bytes:
    content = source.read(size)
    if len(content) != size:
        raise ValueError("it is cut")
    return content
