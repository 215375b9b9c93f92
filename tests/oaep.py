"""RSAES-OAEP with SHA-256 by hand (RFC 8017, section 7.1), so that no library is checked against itself."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

_HASH_SIZE = 32
_EMPTY_LABEL = hashlib.sha256(b"").digest()


def oaep_encrypt(plain: bytes, key: RSAPublicKey, seed: bytes) -> bytes:
    """:param seed: 32 bytes."""
    numbers = key.public_numbers()
    size = (numbers.n.bit_length() + 7) // 8
    filling = bytes(size - len(plain) - 2 * _HASH_SIZE - 2)
    block = _xor(_EMPTY_LABEL + filling + b"\x01" + plain, _mask(seed, size - _HASH_SIZE - 1))
    masked_seed = _xor(seed, _mask(block, _HASH_SIZE))
    encoded = int.from_bytes(b"\x00" + masked_seed + block, "big")
    return pow(encoded, numbers.e, numbers.n).to_bytes(size, "big")


def oaep_decrypt(cipher: bytes, key: RSAPrivateKey) -> bytes:
    numbers = key.private_numbers()
    modulus = numbers.public_numbers.n
    size = (modulus.bit_length() + 7) // 8
    assert len(cipher) == size
    encoded = pow(int.from_bytes(cipher, "big"), numbers.d, modulus).to_bytes(size, "big")
    masked_seed, masked_block = encoded[1 : _HASH_SIZE + 1], encoded[_HASH_SIZE + 1 :]
    seed = _xor(masked_seed, _mask(masked_block, _HASH_SIZE))
    block = _xor(masked_block, _mask(seed, len(masked_block)))
    filling, one, plain = block[_HASH_SIZE:].partition(b"\x01")
    assert (encoded[:1], block[:_HASH_SIZE], filling.strip(b"\x00"), one) == (
        b"\x00",
        _EMPTY_LABEL,
        b"",
        b"\x01",
    )
    return plain


def _mask(seed: bytes, size: int) -> bytes:
    """MGF1 with SHA-256."""
    count = -(-size // _HASH_SIZE)
    return b"".join(hashlib.sha256(seed + index.to_bytes(4, "big")).digest() for index in range(count))[:size]


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
