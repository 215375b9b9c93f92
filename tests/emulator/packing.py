"""Invoices packed, encrypted and cut as a client of the tests does it, and packages opened."""

from __future__ import annotations

import io
import json
import os
import zipfile
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7


def digest(content: bytes) -> str:
    return b64encode(sha256(content).digest()).decode()


def aes_encrypt(content: bytes, key: bytes, iv: bytes) -> bytes:
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES256(key), modes.CBC(iv)).encryptor()
    return encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()


def aes_decrypt(content: bytes, key: bytes, iv: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES256(key), modes.CBC(iv)).decryptor()
    unpadder = PKCS7(128).unpadder()
    return unpadder.update(decryptor.update(content) + decryptor.finalize()) + unpadder.finalize()


def make_zip(files: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def metadata_of(archive: bytes) -> list[dict[str, Any]]:
    """What a package of an export tells about its invoices."""
    with zipfile.ZipFile(io.BytesIO(archive)) as package:
        found: list[dict[str, Any]] = json.loads(package.read("_metadata.json"))["invoices"]
        return found


@dataclass
class Upload:
    """A batch package; tests change members to make it wrong."""

    archive: bytes
    key: bytes = field(default_factory=lambda: os.urandom(32))
    iv: bytes = field(default_factory=lambda: os.urandom(16))
    compression: str | None = "Zip"
    cuts: Sequence[int] = ()

    def __post_init__(self) -> None:
        bounds = [0, *self.cuts, len(self.archive)]
        pieces = [self.archive[start:end] for start, end in pairwise(bounds)]
        self.parts = [aes_encrypt(piece, self.key, self.iv) for piece in pieces]
        self.file = {
            "fileSize": len(self.archive),
            "fileHash": digest(self.archive),
            "compressionType": self.compression,
            "fileParts": [
                {"ordinalNumber": ordinal, "fileSize": len(part), "fileHash": digest(part)}
                for ordinal, part in enumerate(self.parts, start=1)
            ],
        }
