"""The server's key pairs and the certificates by which they are published."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from airflow_provider_ksef.emulator.clock import Clock
from airflow_provider_ksef.emulator.crypto import DecryptionError, decrypt_by_key, digest, encode_base64
from airflow_provider_ksef.emulator.errors import ApiError
from airflow_provider_ksef.emulator.moments import TICKS_PER_SECOND, datetime_of, format_moment
from airflow_provider_ksef.emulator.own_keys import load_rsa_key, new_rsa_key, private_bytes, self_signed
from airflow_provider_ksef.emulator.store.database import Database

TOKEN_ENCRYPTION = "KsefTokenEncryption"  # noqa: S105  a usage, no secret
SYMMETRIC_KEY_ENCRYPTION = "SymmetricKeyEncryption"
USAGES = (TOKEN_ENCRYPTION, SYMMETRIC_KEY_ENCRYPTION)

_DAY = 86_400 * TICKS_PER_SECOND
_LIFE = 730 * _DAY
_OVERLAP = 14 * _DAY
_BACKDATED = 30 * _DAY


@dataclass(frozen=True)
class ServerKey:
    """One published certificate with its private key."""

    usage: str
    private_key: rsa.RSAPrivateKey = field(repr=False)
    certificate: bytes
    valid_from: int
    valid_to: int
    is_listed: bool

    @property
    def public_key_id(self) -> str:
        public = self.private_key.public_key()
        return digest(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def to_json(self) -> dict[str, object]:
        """Describe it as the list of public keys does."""
        return {
            "certificate": encode_base64(self.certificate),
            "certificateId": digest(self.certificate),
            "publicKeyId": self.public_key_id,
            "validFrom": format_moment(self.valid_from),
            "validTo": format_moment(self.valid_to),
            "usage": [self.usage],
        }


class ServerKeys:
    """
    All keys, the newest first.

    :param database: keeps them, so that a restart or a reset changes none.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.reload()
        if not self._keys:
            for usage in USAGES:
                self._add(usage, new_rsa_key(), clock.now() - _BACKDATED, is_original=True)
            self.reload()

    def restore(self) -> None:
        """Withdraw what rotations brought; the first keys are as they were."""
        self._database.execute("DELETE FROM keys WHERE NOT is_original")
        self._database.execute("UPDATE keys SET is_listed = 1, valid_to = valid_from + ?", (_LIFE,))
        self.reload()

    def published(self) -> list[ServerKey]:
        """What the list of public keys shows now."""
        now = self._clock.now()
        return [key for key in self._keys if key.is_listed and key.valid_from <= now < key.valid_to]

    def derive_secret(self) -> bytes:
        """A secret that lives as long as the state: it comes from the first private keys."""
        rows = self._database.rows("SELECT private_key FROM keys WHERE is_original ORDER BY id")
        return sha256(b"".join(row[0] for row in rows)).digest()

    def rotate(self, mode: str) -> None:
        """
        Change the keys.

        :param mode: ``planned`` brings new keys beside the old ones, ``emergency`` withdraws the old ones at
            once, ``recertify`` gives the same keys new certificates.
        """
        for usage in USAGES:
            newest = next(key for key in self._keys if key.usage == usage)
            key = newest.private_key if mode == "recertify" else new_rsa_key()
            self._add(usage, key, self._clock.now(), is_original=False)
            for old in self.published():
                if old.usage == usage:
                    self._retire(old, at_once=mode == "emergency")
        self.reload()

    def _retire(self, old: ServerKey, *, at_once: bool) -> None:
        values = (old.usage, old.certificate)
        if at_once:
            self._database.execute(
                "UPDATE keys SET is_listed = 0 WHERE usage = ? AND certificate = ?", values
            )
            return
        end = min(old.valid_to, self._clock.now() + _OVERLAP)
        statement = "UPDATE keys SET valid_to = ? WHERE usage = ? AND certificate = ?"
        self._database.execute(statement, (end, *values))

    def decrypt(self, usage: str, content: bytes, public_key_id: str | None) -> bytes:
        """
        Decrypt what a client encrypted by a published key.

        :raises ApiError: 21470 where the key is unknown or withdrawn.
        :raises DecryptionError: where no key of that usage decrypts it.
        """
        keys = [key for key in self.published() if key.usage == usage]
        if public_key_id:
            keys = [key for key in keys if key.public_key_id == public_key_id]
            if not keys:
                raise ApiError(21470, f"Klucz o identyfikatorze {public_key_id} nie jest wspierany.")
        for key in keys:
            try:
                return decrypt_by_key(key.private_key, content)
            except DecryptionError:
                continue
        raise DecryptionError

    def reload(self) -> None:
        """Read the keys from the database again."""
        rows = self._database.rows(
            "SELECT usage, private_key, certificate, valid_from, valid_to, is_listed FROM keys "
            "ORDER BY valid_from DESC, id DESC"
        )
        self._keys = [
            ServerKey(usage, load_rsa_key(private), certificate, start, end, bool(listed))
            for usage, private, certificate, start, end, listed in rows
        ]

    def _add(self, usage: str, key: rsa.RSAPrivateKey, now: int, *, is_original: bool) -> None:
        valid_from = now // TICKS_PER_SECOND * TICKS_PER_SECOND  # a certificate knows only seconds
        private, certificate = private_bytes(key), _certify(key, usage, valid_from)
        self._database.execute(
            "INSERT INTO keys (usage, private_key, certificate, valid_from, valid_to, is_original, is_listed)"
            " VALUES (?, ?, ?, ?, ?, ?, 1)",
            (usage, private, certificate, valid_from, valid_from + _LIFE, is_original),
        )


def _certify(key: rsa.RSAPrivateKey, usage: str, valid_from: int) -> bytes:
    dates = datetime_of(valid_from), datetime_of(valid_from + _LIFE)
    return self_signed(key, usage, dates).public_bytes(Encoding.DER)
