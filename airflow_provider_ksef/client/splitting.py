"""An archive on its way to disk: hashed, cut into parts, encrypted and hashed again in one pass."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from airflow_provider_ksef.client.crypto import AES_BLOCK, BLOCK_SIZE, Encryption, SessionKey, base64_text


@dataclass(frozen=True)
class PackedPart:
    """
    One encrypted part of a package.

    :param ordinal_number: its place, from 1.
    :param path: the file that holds it.
    :param size: of the encrypted bytes.
    :param hash: Base64 SHA-256 of the encrypted bytes.
    """

    ordinal_number: int
    path: Path
    size: int
    hash: str


class _OpenPart:
    """A part that is being written."""

    def __init__(self, path: Path, key: SessionKey) -> None:
        self.path = path
        self.plain_size = 0
        self._size = 0
        self._file: BinaryIO = path.open("xb")
        self._encryption = Encryption(key)
        self._sha256 = hashlib.sha256()

    def write(self, block: memoryview) -> None:
        self.plain_size += len(block)
        self._put(self._encryption.update(block))

    def finish(self, ordinal_number: int) -> PackedPart:
        self._put(self._encryption.finalize())
        self._file.close()
        return PackedPart(ordinal_number, self.path, self._size, base64_text(self._sha256.digest()))

    def abandon(self) -> None:
        self._file.close()

    def _put(self, ciphertext: bytes | memoryview) -> None:
        self._sha256.update(ciphertext)
        self._size += self._file.write(ciphertext)


class PartWriter:
    """
    Where an archive is written to, once and from front to back.

    :param folder: where the parts are to lie.
    :param key: they are encrypted with it, each from the IV on.
    :param part_size: at most so many bytes has an encrypted part.
    """

    def __init__(self, folder: Path, key: SessionKey, part_size: int) -> None:
        self.parts: list[PackedPart] = []
        self.size = 0
        self._folder = folder
        self._key = key
        # One byte less than a whole number of AES blocks, so that the padding adds no block.
        self._plain_limit = part_size - part_size % AES_BLOCK - 1
        self._sha256 = hashlib.sha256()
        self._part: _OpenPart | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._part is not None:
            self._part.abandon()

    @property
    def hash(self) -> str:
        """Base64 SHA-256 of all plain bytes so far."""
        return base64_text(self._sha256.digest())

    def write(self, data: bytes) -> None:
        """Take the next bytes of the archive."""
        block = memoryview(data)
        self._sha256.update(block)
        self.size += len(block)
        written = 0
        while written < len(block):
            part = self._current_part()
            room = min(self._plain_limit - part.plain_size, BLOCK_SIZE)
            piece = block[written : written + room]
            part.write(piece)
            written += len(piece)

    def finish(self) -> None:
        """Finish the last part."""
        if self._part is not None:
            self.parts.append(self._part.finish(len(self.parts) + 1))
            self._part = None

    def _current_part(self) -> _OpenPart:
        if self._part is not None and self._part.plain_size >= self._plain_limit:
            self.finish()
        if self._part is None:
            self._part = _OpenPart(self._folder / f"part-{len(self.parts) + 1:02d}.aes", self._key)
        return self._part
