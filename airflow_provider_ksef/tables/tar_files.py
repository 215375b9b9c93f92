"""
The files of a TAR.GZ, in one reading from its beginning to its end, where gzip's checksum is checked.

Headers are those of POSIX ustar, with the long names of pax and GNU. The standard library reads them too, but
its work for each, a sum over 512 bytes among it, takes longer than to inflate the files.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from airflow_provider_ksef.tables.inflating import open_gzip

MAX_HEADER_BYTES = 1024 * 1024
"""What a header may say in addition, such as a long name."""

_BLOCK = 512
_SKIPPED_AT_ONCE = 1024 * 1024
_READ_AT_ONCE = 256 * 1024
_MAX_PADDING = 1024 * 1024
_NAME, _PREFIX = slice(0, 100), slice(345, 500)
_SIZE, _CHECKSUM = slice(124, 136), slice(148, 156)
_KIND = 156
_USTAR = slice(257, 262)
_FILES = b"0\0"
_PAX, _, _LONG_NAME, _ = _ADDITIONS = b"xgLK"
_ADLER_MODULUS = 65521


class TarFile(NamedTuple):
    """
    A file of the archive.

    :param name: without a leading ``./``.
    :param size: of its bytes.
    :param is_regular: False for folders, links and devices.
    """

    name: str
    size: int
    is_regular: bool


class TarReader:
    """
    The files of a TAR.GZ: ``for file in reader`` gives each, and ``reader.read()`` the bytes of the last.

    :param source: the archive, at its beginning.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._stream = open_gzip(source)
        self._left = 0
        self._padding = 0

    def __iter__(self) -> Iterator[TarFile]:
        """
        Give each file.

        :raises ValueError: where the archive is broken, or goes on after its end.
        """
        extended: dict[str, str] = {}
        while any(header := self._stream.read(_BLOCK)):
            _check_sum(header)
            kind = header[_KIND]
            size = int(extended.pop("size", "") or int(header[_SIZE].rstrip(b" \0") or b"0", 8))
            if size < 0:
                raise ValueError("a header is damaged")
            self._left, self._padding = size, -size % _BLOCK
            if kind in _ADDITIONS:
                extended |= self._extended(kind, size)
                continue
            name = extended.get("path") or _name(header)
            extended = {}
            yield TarFile(name.removeprefix("./"), size, kind in _FILES)
            self._skip(self._left + self._padding)
        if len(self._stream.read(_MAX_PADDING + 1)) > _MAX_PADDING:
            raise ValueError("it goes on after its end")

    def read(self) -> bytearray:
        """
        Read the file that was given last, once; piece by piece, so that it is in memory once.

        :raises ValueError: where the archive is cut.
        """
        content = bytearray(self._left)
        rest = memoryview(content)
        while rest:
            length = self._stream.readinto(rest[:_READ_AT_ONCE])
            if not length:
                raise ValueError("it is cut")
            rest = rest[length:]
        self._left = 0
        return content

    def _extended(self, kind: int, size: int) -> dict[str, str]:
        """Read what a header says in addition about the next file."""
        if size > MAX_HEADER_BYTES:
            raise ValueError("a header is absurdly long")
        content = self.read()
        self._skip(self._padding)
        if kind == _PAX:
            return _pax_records(content)
        return {"path": content.rstrip(b"\0").decode()} if kind == _LONG_NAME else {}

    def _skip(self, size: int) -> None:
        while size > 0:
            size -= len(self._exactly(min(size, _SKIPPED_AT_ONCE)))

    def _exactly(self, size: int) -> bytes:
        content = self._stream.read(size)
        if len(content) != size:
            raise ValueError("it is cut")
        return content


def _check_sum(header: bytes) -> None:
    """Compare the sum of all bytes, the sum itself counted as spaces; Adler-32 has it in its lower half."""
    if len(header) != _BLOCK:
        raise ValueError("it is cut")
    own = header[_CHECKSUM]
    expected = int(own.rstrip(b" \0"), 8) + sum(own) - 8 * ord(" ")
    if zlib.adler32(header) & 0xFFFF != (1 + expected) % _ADLER_MODULUS:
        raise ValueError("a header is damaged")


def _name(header: bytes) -> str:
    name = header[_NAME].partition(b"\0")[0].decode()
    prefix = header[_PREFIX].partition(b"\0")[0].decode() if header[_USTAR] == b"ustar" else ""
    return f"{prefix}/{name}" if prefix else name


def _pax_records(content: bytearray) -> dict[str, str]:
    """Read records, each its length, a space, ``path=folder/name`` and a line feed."""
    records: dict[str, str] = {}
    while content:
        length = int(content.partition(b" ")[0])
        record, content = content[:length], content[length:]
        key, separator, value = record.partition(b" ")[2].partition(b"=")
        if len(record) != length or not separator or not value.endswith(b"\n"):
            raise ValueError("a header is damaged")
        records[key.decode()] = value[:-1].decode()
    return records
