from __future__ import annotations

import hashlib
import hmac
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_ksef.client.crypto import (
    BLOCK_SIZE,
    SessionKey,
    decrypt_stream,
    derive_key,
    encrypt_stream,
    new_salt,
    sha256_base64,
    wrap_key,
)
from airflow_provider_ksef.exceptions import KsefIntegrityError
from tests import aes_vectors
from tests.oaep import oaep_decrypt
from tests.unit.client.fake_ksef import private_key

KEY = SessionKey(bytes(range(32)), bytes(range(16)))


def encrypted(plain: bytes, key: SessionKey = KEY) -> bytes:
    target = io.BytesIO()
    encrypt_stream(io.BytesIO(plain), target, key)
    return target.getvalue()


def decrypted(ciphertext: bytes, key: SessionKey = KEY) -> bytes:
    target = io.BytesIO()
    decrypt_stream(io.BytesIO(ciphertext), target, key)
    return target.getvalue()


def hkdf(secret: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    """RFC 5869 by hand, so that the library's is not checked against itself."""
    pseudo_random_key = hmac.digest(salt, secret, "sha256")
    output = block = b""
    while len(output) < size:
        block = hmac.digest(pseudo_random_key, block + info + bytes([len(output) // 32 + 1]), "sha256")
        output += block
    return output[:size]


def test_vectors_of_the_behaviour_document() -> None:
    assert sha256_base64(b"KSeF") == "aLPQeU4oe2E9f/0NIzMrvgbsut7r0ZpZAe1sj9zBp8M="
    assert encrypted(b"KSeF").hex() == "6a4ab561315fb5d687ebe6d195a22e67"
    assert decrypted(encrypted(b"KSeF")) == b"KSeF"


def test_vectors_of_nist() -> None:
    key = SessionKey(aes_vectors.KEY, aes_vectors.IV)
    ciphertext = encrypted(aes_vectors.PLAIN, key)
    assert ciphertext[:-16] == aes_vectors.CIPHER
    assert decrypted(aes_vectors.CIPHER + ciphertext[-16:], key) == aes_vectors.PLAIN


@settings(deadline=None, max_examples=60)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.integers(BLOCK_SIZE - 17, BLOCK_SIZE + 17).map(lambda size: b"x" * size),
        st.integers(2 * BLOCK_SIZE - 17, 2 * BLOCK_SIZE + 17).map(lambda size: b"y" * size),
    )
)
def test_what_is_encrypted_decrypts_and_is_padded_to_the_next_block(plain: bytes) -> None:
    ciphertext = encrypted(plain)
    assert len(ciphertext) == (len(plain) // 16 + 1) * 16
    assert decrypted(ciphertext) == plain


@pytest.mark.parametrize("cut", [0, 1, 15, 17, 31])
def test_cut_ciphertext_is_refused(cut: int) -> None:
    with pytest.raises(KsefIntegrityError):
        decrypted(encrypted(b"x" * 40)[:cut])


def test_another_key_is_refused() -> None:
    with pytest.raises(KsefIntegrityError, match="another key"):
        decrypted(encrypted(b"x" * 40), SessionKey(b"k" * 32, b"i" * 16))


def test_derived_keys_are_hkdf_and_come_again() -> None:
    salt = bytes(range(100, 132))
    derived = derive_key(b"secret", salt, purpose="batch", context="Nip:5250001210")
    expected = hkdf(b"secret", salt, b"airflow-provider-ksef\x00batch\x00Nip:5250001210", 56)
    assert derived.session_key == SessionKey(expected[:32], expected[32:48])
    assert derived.check_value == expected[48:].hex()


def test_every_input_of_the_derivation_counts() -> None:
    salt = new_salt()
    keys = {
        derive_key(secret, salt_, purpose=purpose, context=context).session_key.key
        for secret, salt_, purpose, context in [
            (b"a", salt, "batch", "x"),
            (b"b", salt, "batch", "x"),
            (b"a", new_salt(), "batch", "x"),
            (b"a", salt, "export", "x"),
            (b"a", salt, "batch", "y"),
            (b"a", salt, "batc", "hx"),
        ]
    }
    assert len(keys) == 6


def test_keys_are_not_shown() -> None:
    derived = derive_key(b"secret", new_salt(), purpose="batch", context="x")
    for secret in (derived.session_key.key, derived.session_key.iv):
        assert repr(secret)[2:-1] not in repr(derived)
        assert secret.hex() not in repr(derived)


def test_wrapped_keys_are_oaep_with_sha256() -> None:
    wrapped = wrap_key(KEY.key, private_key("first").public_key())
    assert oaep_decrypt(wrapped, private_key("first")) == KEY.key
    assert (
        hashlib.sha256(wrapped).digest()
        != hashlib.sha256(wrap_key(KEY.key, private_key("first").public_key())).digest()
    )
