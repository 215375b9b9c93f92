"""Reading the symmetric key that a client encrypted for the server."""

from __future__ import annotations

from airflow_provider_ksef.emulator.crypto import DecryptionError, decode_base64
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.errors import Invalid
from airflow_provider_ksef.emulator.keys import SYMMETRIC_KEY_ENCRYPTION
from airflow_provider_ksef.emulator.wire import Encryption

_KEY_LENGTH, _IV_LENGTH = 32, 16


def read_encryption(emulator: Emulator, encryption: Encryption) -> tuple[bytes | None, bytes]:
    """
    Give AES key and IV. A key that cannot be decrypted is None: KSeF finds that out later, as status 415.

    :raises ApiError: 21470 where the key's identifier is unknown, 21405 where a field is malformed.
    """
    iv = _read("initializationVector", encryption.initialization_vector)
    if len(iv) != _IV_LENGTH:
        raise Invalid(f"'encryption.initializationVector' must be {_IV_LENGTH} bytes. You entered {len(iv)}.")
    wrapped = _read("encryptedSymmetricKey", encryption.encrypted_symmetric_key)
    try:
        key = emulator.keys.decrypt(SYMMETRIC_KEY_ENCRYPTION, wrapped, encryption.public_key_id)
    except DecryptionError:
        return None, iv
    return (key if len(key) == _KEY_LENGTH else None), iv


def _read(name: str, text: str) -> bytes:
    try:
        return decode_base64(text)
    except ValueError:
        raise Invalid(f"'encryption.{name}' is not valid Base64.") from None
