"""The emulator's own cryptography: it shares none with the client that it is held against."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO

from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 1 << 20
_CIPHER_BLOCK = 128


class DecryptionError(Exception):
    """Something that was not encrypted as KSeF wants it."""


def digest(content: bytes) -> str:
    """SHA-256 in Base64."""
    return encode_base64(sha256(content).digest())


def encode_base64(content: bytes) -> str:
    return b64encode(content).decode("ascii")


def decode_base64(text: str) -> bytes:
    """
    Read strict Base64.

    :raises ValueError: where it is none.
    """
    try:
        return b64decode(text, validate=True)
    except (Base64Error, ValueError) as error:
        raise ValueError("not Base64") from error


def is_digest(text: str) -> bool:
    """Whether a text is a SHA-256 in Base64."""
    try:
        return len(decode_base64(text)) == sha256().digest_size
    except ValueError:
        return False


def decrypt_by_key(key: RSAPrivateKey, content: bytes) -> bytes:
    """
    Undo RSAES-OAEP with SHA-256 in both places.

    :raises DecryptionError: where it was made for another key or otherwise.
    """
    try:
        return key.decrypt(content, OAEP(mgf=MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None))
    except ValueError as error:
        raise DecryptionError from error


def decrypt_stream(key: bytes, iv: bytes, source: BinaryIO, target: BinaryIO) -> None:
    """
    Undo AES-256-CBC with PKCS#7 in blocks.

    :raises DecryptionError: where length or padding is wrong.
    """
    decryptor = Cipher(algorithms.AES256(key), modes.CBC(iv)).decryptor()
    unpadder = padding.PKCS7(_CIPHER_BLOCK).unpadder()
    try:
        while block := source.read(BLOCK):
            target.write(unpadder.update(decryptor.update(block)))
        target.write(unpadder.update(decryptor.finalize()) + unpadder.finalize())
    except ValueError as error:
        raise DecryptionError from error


@dataclass(frozen=True)
class Encrypted:
    """What became of some plain bytes."""

    plain_hash: str
    encrypted_hash: str
    encrypted_size: int


def encrypt_stream(key: bytes, iv: bytes, source: BinaryIO, target: BinaryIO, length: int) -> Encrypted:
    """Encrypt the next ``length`` bytes by AES-256-CBC with PKCS#7."""
    encryptor = Cipher(algorithms.AES256(key), modes.CBC(iv)).encryptor()
    padder = padding.PKCS7(_CIPHER_BLOCK).padder()
    plain_digest, encrypted_digest, encrypted_size = sha256(), sha256(), 0
    while length > 0 and (block := source.read(min(BLOCK, length))):
        length -= len(block)
        plain_digest.update(block)
        encrypted = encryptor.update(padder.update(block))
        encrypted_digest.update(encrypted)
        encrypted_size += target.write(encrypted)
    last = encryptor.update(padder.finalize()) + encryptor.finalize()
    encrypted_digest.update(last)
    encrypted_size += target.write(last)
    return Encrypted(
        encode_base64(plain_digest.digest()), encode_base64(encrypted_digest.digest()), encrypted_size
    )
