"""Inflating and checksums: by isal where it is installed (extra ``fast``), in half the time, else by zlib."""

from __future__ import annotations

import gzip
import importlib.util
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple, cast


class Engine(NamedTuple):
    """
    A library that knows deflate; both give the same bytes.

    :param crc32: the checksum of ZIP.
    :param decompressor: makes a decompressor of so many window bits.
    :param gzip_file: opens a gzip stream, whose checksum it checks at the end.
    :param error: what it raises where the data is broken.
    """

    crc32: Callable[[bytes], int]
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


engine = _best_engine()
BROKEN_DEFLATE = (ZLIB.error, engine.error)


def inflate(stored: bytes, size: int) -> bytes:
    """
    Inflate raw deflate data, never to more than it should be.

    :param stored: the data.
    :param size: how many bytes it should become.
    :raises ValueError: where it becomes more or less.
    """
    decompressor = engine.decompressor(-zlib.MAX_WBITS)
    content: bytes = decompressor.decompress(stored, size + 1)
    if len(content) != size or not decompressor.eof:
        raise ValueError("its data is longer or shorter than its size says")
    return content


def crc32(content: bytes) -> int:
    """Give the checksum that ZIP keeps of a file."""
    return engine.crc32(content)


def open_gzip(source: BinaryIO) -> BinaryIO:
    """Open a gzip stream for reading; the read that finds its end checks its checksum."""
    return cast("BinaryIO", engine.gzip_file(fileobj=source, mode="rb"))
