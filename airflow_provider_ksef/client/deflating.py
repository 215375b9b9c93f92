"""Deflate: by isal or zlib-ng where they are installed (extra ``fast``), else, slower, by zlib."""

from __future__ import annotations

import importlib
import importlib.util
import zlib
from functools import cache
from typing import Any, NamedTuple, cast

WINDOW = 1 << zlib.MAX_WBITS
"""Bytes that deflate looks back."""
END = b"\x03\x00"
"""A last block without content, which ends a stream that was flushed before."""


class Engine(NamedTuple):
    """
    A library that deflates. The same input gives the same bytes as long as the library stays the same.

    :param library: has the interface of ``zlib``.
    :param level: the level at which it is best used.
    """

    library: Any
    level: int

    def deflate(self, content: bytes) -> bytes:
        """Compress a file to a whole stream of raw deflate data."""
        return cast("bytes", self.library.compress(content, self.level, -zlib.MAX_WBITS))

    def deflate_block(self, content: bytes | bytearray, before: bytes | bytearray) -> bytes:
        """
        Compress a block of a stream, up to a whole byte; :data:`END` ends the stream.

        :param content: the block.
        :param before: the last bytes before it, at most :data:`WINDOW`, which the reader will know.
        """
        options = (self.level, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_DEFAULT_STRATEGY)
        dictionary = (before,) if before else ()
        compressor = self.library.compressobj(*options, *dictionary)
        return cast("bytes", compressor.compress(content) + compressor.flush(zlib.Z_SYNC_FLUSH))

    def crc32(self, content: bytes | bytearray, before: int = 0) -> int:
        """Go on with the checksum of ZIP and gzip."""
        return cast("int", self.library.crc32(content, before))


ZLIB = Engine(zlib, 6)


_FASTEST = {"zip": ("isal.isal_zlib", 2), "tar.gz": ("zlib_ng.zlib_ng", 5)}
"""
Module and level that come within a tenth of zlib's size. Files apart are what isal is best at; of invoices in
one stream it finds too little of what they have in common.
"""


@cache
def best_engine(compression: str) -> Engine:
    """
    Give the fastest engine that is installed.

    :param compression: ``zip`` or ``tar.gz``.
    """
    module, level = _FASTEST[compression]
    if importlib.util.find_spec(module.partition(".")[0]) is None:
        return ZLIB
    return Engine(importlib.import_module(module), level)
