"""Looking for secrets, however they are spelled."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

KSEF_JWT = base64.b64encode(b'{"alg":"HS256"')[:16]
"""How each of KSeF's access, refresh and operation tokens begins; Airflow's own are signed otherwise."""


def spellings(secret: bytes) -> set[bytes]:
    """How a secret could be written down."""
    return {
        secret,
        secret.hex().encode(),
        secret.hex().upper().encode(),
        base64.b64encode(secret).rstrip(b"="),
        base64.urlsafe_b64encode(secret).rstrip(b"="),
        repr(secret).encode(),
    }


def token_spellings(token: str) -> set[bytes]:
    """How a KSeF token, the secret part of it, or what KSeF gives for it could be written down."""
    own = spellings(token.encode()) | spellings(token.rpartition("|")[2].encode())
    return own | {KSEF_JWT}


def private_key_spellings(pem: str) -> set[bytes]:
    """How a private key could be written down: whole, or any line of it."""
    lines = [line for line in pem.strip().splitlines() if "-----" not in line]
    return spellings(base64.b64decode("".join(lines))) | {line.encode() for line in lines if len(line) > 16}


def keys_of(state: Path) -> list[bytes]:
    """Every AES key that an emulator with this state was sent."""
    query = "SELECT aes_key FROM sessions UNION SELECT aes_key FROM exports"
    with closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True, timeout=30)) as database:
        return [row[0] for row in database.execute(query)]


def assert_none(secrets: Iterable[bytes], where: str, content: bytes) -> None:
    """Fail where one of the secrets stands in the content."""
    assert not [secret for secret in secrets if secret in content], f"a secret stands in {where}"


def assert_none_below(secrets: Iterable[bytes], folder: Path) -> None:
    """Fail where one of the secrets stands in a file of a folder, Airflow's own database among them."""
    for file in folder.rglob("*"):
        if file.is_file():
            assert_none(secrets, str(file), file.read_bytes())
