"""Inflating and checksums: by isal where it is installed (extra ``fast``), in half the time, else by zlib."""

from __future__ import annotations

import gzip
import importlib.util
import zlib
from collections.abc import Callable
from io import BufferedIOBase
from typing import Any, BinaryIO, NamedTuple, cast


class Engine(NamedTuple):
    """
    A library that knows deflate; both give the same bytes.

    :param crc32: the checksum of ZIP.
    :param decompressor: makes a decompressor of so many window bits.
    :param gzip_file: opens a gzip stream, whose checksum it checks at the end.
    :param error: what it raises where the data is broken.
    """

    crc32: Callable[[bytes | bytearray], int]
    decompressor: Callable[[int], Any]
    gzip_file: Callable[..., Any]
    error: type[Exception]


ZLIB = Engine(zlib.crc32, zlib.decompressobj, gzip.GzipFile, zlib.error)


def _best_engine() -> Engine:
    if importlib.util.find_spec("isal") is None:
        return ZLIB
    from isal import igzip, isal_zlib

    return Engine(
        isal_zlib.crc32, isal_zlib.decompressobj, igzip.IGzipFile, cast("type[Exception]", isal_zlib.error)
    )


_AT_ONCE = 256 * 1024
"""Bytes of a large file that are inflated at a time."""

engine = _best_engine()
BROKEN_DEFLATE = (ZLIB.error, engine.error)


def inflate(stored: bytes, size: int) -> bytes | bytearray:
    """
    Inflate raw deflate data, never to more than it should be.

    :param stored: the data.
    :param size: how many bytes it should become.
    :raises ValueError: where it becomes more or less.
    """
    decompressor = engine.decompressor(-zlib.MAX_WBITS)
    if size <= _AT_ONCE:
        content = decompressor.decompress(stored, size + 1)
    else:
        content = _inflate_large(decompressor, stored, size)
    if len(content) != size or not decompressor.eof:
        raise ValueError("its data is longer or shorter than its size says")
    return cast("bytes | bytearray", content)


def _inflate_large(decompressor: Any, stored: bytes, size: int) -> bytearray:
    """Inflate piece by piece into one place; a decompressor left to itself holds everything twice."""
    content, filled = bytearray(size), 0
    while not decompressor.eof:
        piece = decompressor.decompress(stored, min(_AT_ONCE, size - filled + 1))
        if not piece or filled + len(piece) > size:
            break
        content[filled : filled + len(piece)] = piece
        filled += len(piece)
        stored = decompressor.unconsumed_tail
    del content[filled:]
    return content


def crc32(content: bytes | bytearray) -> int:
    """Give the checksum that ZIP keeps of a file."""
    return engine.crc32(content)


def open_gzip(source: BinaryIO) -> BufferedIOBase:
    """Open a gzip stream for reading; the read that finds its end checks its checksum."""
    return cast("BufferedIOBase", engine.gzip_file(fileobj=source, mode="rb"))
