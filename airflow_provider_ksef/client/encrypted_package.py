"""
An export's archive as it lies on disk: parts that stay encrypted, read at any place as if they were plain.

In CBC a block of ciphertext needs only the one before it. So a reader that wants the end of an archive and
one entry decrypts these, and no plain copy of the invoices is ever written to disk.
"""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from airflow_provider_ksef.client.crypto import BLOCK_SIZE, SessionKey, blocks_of, decrypt_at
from airflow_provider_ksef.exceptions import KsefIntegrityError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_READ_AHEAD = 128 * 1024
"""Bytes that a small read decrypts, so that many small ones cost little."""


@dataclass(frozen=True)
class EncryptedPart:
    """
    A part on disk, whose sizes and hashes were right when it was written.

    :param path: where it lies.
    :param size: of its plain bytes.
    :param encrypted_size: of the file.
    :param modified: when the file was written, in nanoseconds: it must not change any more.
    """

    path: Path
    size: int
    encrypted_size: int
    modified: int


@dataclass(frozen=True)
class EncryptedPackage:
    """
    A downloaded package. It may be sent to another process of the same machine; its key is not shown.

    :param parts: in their order.
    :param key: the export's key.
    """

    parts: tuple[EncryptedPart, ...]
    key: SessionKey = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of the plain archive."""
        return sum(part.size for part in self.parts)

    def open(self) -> BinaryIO:
        """
        Open the plain archive for reading at any place; only what is read is decrypted.

        :returns: a buffered stream with ``seek``, as many at a time as are wanted.
        :raises KsefIntegrityError: at a read, where a part is gone or was changed since it was verified.
        """
        return cast("BinaryIO", io.BufferedReader(_PlainBytes(self), _READ_AHEAD))

    def write_plain(self, target: Path) -> Path:
        """
        Write the plain archive as a file, for programs that want one.

        :param target: appears when it is whole.
        :returns: the target.
        :raises KsefIntegrityError: where a part is gone or was changed since it was verified.
        """
        unfinished = target.with_name(f"{target.name}.partial")
        try:
            with self.open() as source, unfinished.open("wb") as file:
                for block in blocks_of(source):
                    file.write(block)
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
        return target


class _PlainBytes(io.RawIOBase):
    """The plain bytes of all parts, one after the other."""

    def __init__(self, package: EncryptedPackage) -> None:
        self._package = package
        self._ends = list(accumulate(part.size for part in package.parts))
        self._position = 0
        self._open_part = -1
        self._file: io.FileIO | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._package.size}[whence]
        if origin + offset < 0:
            raise ValueError(f"negative seek position {origin + offset}")
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read no further than the end of a part, and at most one block."""
        wanted = memoryview(buffer).cast("B")
        number = bisect_right(self._ends, self._position)
        if number == len(self._ends) or not wanted:
            return 0
        part = self._package.parts[number]
        at = part.size - (self._ends[number] - self._position)
        length = min(len(wanted), part.size - at, BLOCK_SIZE)
        wanted[:length] = decrypt_at(self._file_of(number), at, length, self._package.key)
        self._position += length
        return length

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()

    def _file_of(self, number: int) -> io.FileIO:
        if self._file is not None and self._open_part == number:
            return self._file
        if self._file is not None:
            self._file.close()
        self._file, self._open_part = _opened(self._package.parts[number]), number
        return self._file


def _opened(part: EncryptedPart) -> io.FileIO:
    remedy = "Nothing was read from it. Download the package again."
    try:
        file = io.FileIO(part.path)
    except OSError as error:
        raise KsefIntegrityError(f"{part.path.name} cannot be read: {error.strerror}.", remedy) from error
    found = os.fstat(file.fileno())
    if (found.st_size, found.st_mtime_ns) != (part.encrypted_size, part.modified):
        file.close()
        raise KsefIntegrityError(f"{part.path.name} was changed since it was downloaded.", remedy)
    return file
