"""Keys, hashes and the AES of packages (KSeF docs: sesja-wsadowa, sesja-interaktywna)."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding as asymmetric_padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.padding import PKCS7

from airflow_provider_ksef.exceptions import KsefIntegrityError

BLOCK_SIZE = 1 << 18
"""Bytes that are read, hashed and encrypted at a time."""
SALT_SIZE = 32
AES_BLOCK = 16
"""Bytes of one block of the cipher."""
_KEY_SIZE = 32
_CHECK_SIZE = 8


@dataclass(frozen=True)
class SessionKey:
    """
    The AES-256 key and IV of one session or export.

    :param key: 32 bytes.
    :param iv: 16 bytes, sent beside the key and never in front of the ciphertext.
    """

    key: bytes = field(repr=False)
    iv: bytes = field(repr=False)


@dataclass(frozen=True)
class DerivedKey:
    """
    A key that can be made again from the connection's secret and the salt.

    :param session_key: the key itself.
    :param check_value: 8 bytes as hex, of no use to anyone without the secret; another value at the next
        derivation means that the secret was changed.
    """

    session_key: SessionKey
    check_value: str


def hex_to_base64(digest: str) -> str:
    """
    Write a hash as KSeF does.

    :param digest: hexadecimal.
    """
    return base64.b64encode(bytes.fromhex(digest)).decode()


def new_salt() -> bytes:
    """Give 32 random bytes for :func:`derive_key`; a salt is no secret."""
    return secrets.token_bytes(SALT_SIZE)


def derive_key(secret: bytes, salt: bytes, *, purpose: str, context: str) -> DerivedKey:
    """
    Derive key, IV and check value by HKDF-SHA256.

    :param secret: the credential's ``secret_bytes``.
    :param salt: from :func:`new_salt`; one salt for one session or export.
    :param purpose: what the key is for, such as ``batch``.
    :param context: in whose name, such as ``Nip:5250001210``.
    """
    info = b"\x00".join((b"airflow-provider-ksef", purpose.encode(), context.encode()))
    size = _KEY_SIZE + AES_BLOCK + _CHECK_SIZE
    derived = HKDF(algorithm=hashes.SHA256(), length=size, salt=salt, info=info).derive(secret)
    key, iv, check = derived[:_KEY_SIZE], derived[_KEY_SIZE:-_CHECK_SIZE], derived[-_CHECK_SIZE:]
    return DerivedKey(SessionKey(key, iv), check.hex())


def wrap_key(secret: bytes, public_key: RSAPublicKey) -> bytes:
    """Encrypt a key or a token for KSeF: RSAES-OAEP with SHA-256 and MGF1-SHA-256, empty label."""
    mgf = asymmetric_padding.MGF1(hashes.SHA256())
    return public_key.encrypt(secret, asymmetric_padding.OAEP(mgf, hashes.SHA256(), label=None))


def base64_text(data: bytes) -> str:
    """Give Base64 with padding, as the API writes bytes."""
    return base64.b64encode(data).decode("ascii")


def sha256_base64(data: bytes) -> str:
    """Give the SHA-256 as the API writes it: Base64 with padding, 44 characters."""
    return base64_text(hashlib.sha256(data).digest())


class Encryption:
    """
    AES-256-CBC with PKCS#7, block by block. What ``update`` gives is valid until the next call.

    :param key: key and IV.
    """

    def __init__(self, key: SessionKey) -> None:
        self._context = _cipher(key).encryptor()
        self._buffer = bytearray(BLOCK_SIZE + AES_BLOCK)
        self._total = 0

    def update(self, block: bytes | memoryview) -> memoryview:
        """Encrypt at most :data:`BLOCK_SIZE` bytes."""
        self._total += len(block)
        written = self._context.update_into(block, self._buffer)
        return memoryview(self._buffer)[:written]

    def finalize(self) -> bytes:
        """Give the last, padded block."""
        padding = AES_BLOCK - self._total % AES_BLOCK
        return self._context.update(bytes([padding]) * padding) + self._context.finalize()


class Decryption:
    """
    The way back from :class:`Encryption`; the last block is held back until its padding is checked.

    :param key: key and IV.
    """

    def __init__(self, key: SessionKey) -> None:
        self._context = _cipher(key).decryptor()
        self._buffer = bytearray(BLOCK_SIZE + 2 * AES_BLOCK)
        self._tail = b""

    def update(self, block: bytes | memoryview) -> memoryview:
        """Decrypt at most :data:`BLOCK_SIZE` bytes."""
        buffer = memoryview(self._buffer)
        held = len(self._tail)
        buffer[:held] = self._tail
        end = held + self._context.update_into(block, buffer[held:])
        ready = max(0, end - AES_BLOCK)
        self._tail = bytes(buffer[ready:end])
        return buffer[:ready]

    def finalize(self) -> bytes:
        """
        Give the rest of the plain bytes.

        :raises KsefIntegrityError: where the padding is wrong: another key, or cut ciphertext.
        """
        unpadder = PKCS7(8 * AES_BLOCK).unpadder()
        try:
            self._context.finalize()
            return unpadder.update(self._tail) + unpadder.finalize()
        except ValueError as error:
            raise KsefIntegrityError(
                "The ciphertext does not decrypt: it is cut, or it belongs to another key.",
                "Where the KSeF token was changed since, begin the session or export anew.",
            ) from error


def encrypt_stream(source: BinaryIO, target: BinaryIO, key: SessionKey) -> None:
    """Encrypt a stream into another one, one block in memory."""
    cipher = Encryption(key)
    for block in blocks_of(source):
        target.write(cipher.update(block))
    target.write(cipher.finalize())


def decrypt_stream(source: BinaryIO, target: BinaryIO, key: SessionKey) -> None:
    """
    Decrypt a stream into another one, one block in memory.

    :raises KsefIntegrityError: where the ciphertext is cut or of another key.
    """
    cipher = Decryption(key)
    for block in blocks_of(source):
        target.write(cipher.update(block))
    target.write(cipher.finalize())


def decrypt_at(source: BinaryIO, offset: int, length: int, key: SessionKey) -> memoryview:
    """
    Decrypt a piece of a ciphertext, which needs only the block before it.

    :param source: the whole ciphertext, seekable.
    :param offset: of the first plain byte.
    :param length: how many plain bytes, padding not among them.
    :raises KsefIntegrityError: where the ciphertext ends before.
    """
    first, end = offset // AES_BLOCK * AES_BLOCK, -(-(offset + length) // AES_BLOCK) * AES_BLOCK
    source.seek(max(0, first - AES_BLOCK))
    iv = source.read(AES_BLOCK) if first else key.iv
    ciphertext = source.read(end - first)
    if len(ciphertext) != end - first:
        raise KsefIntegrityError("The ciphertext is cut.", "Download it again.")
    plain = bytearray(len(ciphertext) + AES_BLOCK)
    _cipher(SessionKey(key.key, iv)).decryptor().update_into(ciphertext, plain)
    return memoryview(plain)[offset - first : offset - first + length]


def blocks_of(source: BinaryIO) -> Iterator[bytes]:
    """Read a stream to its end in blocks of at most :data:`BLOCK_SIZE`."""
    while block := source.read(BLOCK_SIZE):
        yield block


def _cipher(key: SessionKey) -> Cipher[modes.CBC]:
    return Cipher(algorithms.AES256(key.key), modes.CBC(key.iv))
