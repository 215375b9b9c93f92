"""One part of an export on its way to disk: verified as it comes, and what it decrypts to as well."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import BinaryIO

from airflow_provider_ksef.client.crypto import BLOCK_SIZE, Decryption, SessionKey, base64_text
from airflow_provider_ksef.client.exports import ExportPart
from airflow_provider_ksef.exceptions import KsefIntegrityError

_REMEDY = "Nothing of it was kept. Try again; if it stays so, start the export again."


class _Measure:
    """Size and hash of what passes by."""

    def __init__(self) -> None:
        self.size = 0
        self._sha256 = hashlib.sha256()

    def update(self, data: bytes | memoryview) -> None:
        self.size += len(data)
        self._sha256.update(data)

    def check(self, part: ExportPart, what: str, size: int, announced: str) -> None:
        name = f"Part {part.ordinal_number} ({part.name})"
        if self.size != size:
            raise KsefIntegrityError(
                f"{name} has {self.size} {what} bytes, announced were {size}.",
                _REMEDY,
            )
        if base64_text(self._sha256.digest()) != announced:
            raise KsefIntegrityError(
                f"{name} does not have the announced hash of its {what} bytes.",
                _REMEDY,
            )


def write_part(blocks: Iterable[bytes], part: ExportPart, key: SessionKey, target: BinaryIO) -> None:
    """
    Write a part as it comes, encrypted; it is decrypted on the way, so that its plain bytes are verified too.

    :param blocks: the encrypted bytes.
    :param part: what KSeF announced.
    :param key: the export's key.
    :param target: takes the encrypted bytes, none beyond what was announced.
    :raises KsefIntegrityError: where size or hash is wrong, encrypted or plain, or the key is another one.
    """
    encrypted, plain, decryption = _Measure(), _Measure(), Decryption(key)
    for block in blocks:
        encrypted.update(block)
        if encrypted.size > part.encrypted_size:
            break
        target.write(block)
        for start in range(0, len(block), BLOCK_SIZE):
            plain.update(decryption.update(memoryview(block)[start : start + BLOCK_SIZE]))
    encrypted.check(part, "encrypted", part.encrypted_size, part.encrypted_hash)
    plain.update(decryption.finalize())
    plain.check(part, "plain", part.size, part.hash)
