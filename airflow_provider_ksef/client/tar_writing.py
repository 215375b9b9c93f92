"""
A TAR.GZ archive, written from front to back as one gzip member.

The TAR is cut into blocks that are compressed apart. Each knows the end of the block before it, so that
little is lost, and ends at a whole byte, so that all together are one stream (RFC 1951, 1952).
"""

from __future__ import annotations

import struct
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from typing import NamedTuple

from airflow_provider_ksef.client.crypto import sha256_base64
from airflow_provider_ksef.client.deflating import END, WINDOW, Engine
from airflow_provider_ksef.client.in_order import in_order
from airflow_provider_ksef.client.invoice_reading import InvoiceFile, read_invoice

_BLOCK_SIZE = 1 << 20
_GZIP_HEADER = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
"""Deflate, no name, no time: the same files give the same archive."""
_EMPTY = tarfile.TarInfo().tobuf(tarfile.USTAR_FORMAT)
_SIZE, _CHECKSUM = slice(124, 136), slice(148, 156)


class _Block(NamedTuple):
    content: bytearray
    before: bytearray


def write_tar_gz(files: Iterable[InvoiceFile], write: Callable[[bytes], object], engine: Engine) -> list[str]:
    """
    Write the archive.

    :param files: each is read once.
    :param write: takes the bytes.
    :param engine: deflates.
    :returns: the Base64 SHA-256 of each file.
    :raises KsefIntegrityError: where a file changed since it was checked.
    """
    hashes: list[str] = []
    tar = _Tar(engine)
    write(_GZIP_HEADER)
    with closing(in_order(partial(_deflated, engine), tar.blocks(files, hashes))) as deflated:
        for data in deflated:
            write(data)
    write(END + struct.pack("<II", tar.crc, tar.size & 0xFFFFFFFF))
    return hashes


class _Tar:
    """The TAR, its checksum and its size, as far as it was made."""

    def __init__(self, engine: Engine) -> None:
        self.crc = 0
        self.size = 0
        self._engine = engine
        self._before = bytearray()

    def blocks(self, files: Iterable[InvoiceFile], hashes: list[str]) -> Iterator[_Block]:
        content = bytearray()
        for file in files:
            invoice = read_invoice(file)
            hashes.append(sha256_base64(invoice))
            content += tar_header(file.name, file.size)
            for start in range(0, file.size, _BLOCK_SIZE):
                content += memoryview(invoice)[start : start + _BLOCK_SIZE]
                if len(content) >= _BLOCK_SIZE:
                    yield self._block(content)
                    content = bytearray()
            content += bytes(-file.size % tarfile.BLOCKSIZE)
        content += bytes(2 * tarfile.BLOCKSIZE)
        content += bytes(-(self.size + len(content)) % tarfile.RECORDSIZE)
        yield self._block(content)

    def _block(self, content: bytearray) -> _Block:
        block = _Block(content, self._before)
        self.crc = self._engine.crc32(content, self.crc)
        self.size += len(content)
        self._before = content[-WINDOW:]
        return block


def _deflated(engine: Engine, block: _Block) -> bytes:
    return engine.deflate_block(block.content, block.before)


def tar_header(name: str, size: int) -> bytes:
    """
    Make the header of a file, as ``tarfile`` makes it, for most names in a fraction of its time.

    :param name: of the entry.
    :param size: of the file.
    """
    plain = name.encode()
    if len(plain) != len(name) or len(plain) > tarfile.LENGTH_NAME or size >= 8**11:
        entry = tarfile.TarInfo(name)
        entry.size = size
        return entry.tobuf(tarfile.PAX_FORMAT)
    digits = b"%011o\0" % size
    header = bytearray(_EMPTY)
    header[: len(plain)] = plain
    header[_SIZE] = digits
    header[_CHECKSUM] = b"%06o\0 " % (_REST_OF_CHECKSUM + sum(plain) + sum(digits))
    return bytes(header)


_REST_OF_CHECKSUM = sum(_EMPTY) - sum(_EMPTY[_SIZE]) - sum(_EMPTY[_CHECKSUM]) + 8 * ord(" ")
