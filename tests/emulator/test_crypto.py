"""The emulator's cryptography against vectors and against RSA-OAEP by hand."""

from __future__ import annotations

import io
import os

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from airflow_provider_ksef.emulator.crypto import (
    DecryptionError,
    decrypt_by_key,
    decrypt_stream,
    encrypt_stream,
)
from tests import aes_vectors
from tests.oaep import oaep_encrypt


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def encrypted(plain: bytes) -> bytes:
    target = io.BytesIO()
    encrypt_stream(aes_vectors.KEY, aes_vectors.IV, io.BytesIO(plain), target, len(plain))
    return target.getvalue()


def test_packages_are_encrypted_as_the_vectors_say() -> None:
    assert encrypted(aes_vectors.PLAIN)[: len(aes_vectors.CIPHER)] == aes_vectors.CIPHER


def test_parts_are_decrypted_as_the_vectors_say() -> None:
    padding = encrypted(aes_vectors.PLAIN)[len(aes_vectors.CIPHER) :]
    assert len(padding) == 16
    target = io.BytesIO()
    decrypt_stream(aes_vectors.KEY, aes_vectors.IV, io.BytesIO(aes_vectors.CIPHER + padding), target)
    assert target.getvalue() == aes_vectors.PLAIN


def test_wrapped_keys_are_read_as_the_standard_says(key: rsa.RSAPrivateKey) -> None:
    secret = os.urandom(32)
    assert decrypt_by_key(key, oaep_encrypt(secret, key.public_key(), os.urandom(32))) == secret


def test_what_is_wrapped_otherwise_is_refused(key: rsa.RSAPrivateKey) -> None:
    wrapped = bytearray(oaep_encrypt(b"x" * 32, key.public_key(), os.urandom(32)))
    wrapped[-1] ^= 1
    with pytest.raises(DecryptionError):
        decrypt_by_key(key, bytes(wrapped))
