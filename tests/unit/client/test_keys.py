from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_ksef.client.keys import PublicKey, current_key
from airflow_provider_ksef.exceptions import KsefIntegrityError
from tests.unit.client.fake_ksef import certificate

NOW = datetime(2026, 9, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def key(name: str, first: int, last: int, usage: str = "SymmetricKeyEncryption") -> PublicKey:
    return PublicKey(name, "", b"", frozenset({usage}), NOW + first * DAY, NOW + last * DAY)


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        ([key("old", -10, 10), key("new", -1, 20)], "new"),
        ([key("new", -1, 20), key("old", -10, 10)], "new"),
        ([key("old", -10, 10), key("coming", 1, 20)], "old"),
        ([key("from now", 0, 1)], "from now"),
        ([key("until now", -1, 0)], None),
        ([key("login only", -1, 1, "KsefTokenEncryption")], None),
        ([], None),
    ],
)
def test_the_key_is_chosen_by_usage_validity_and_latest_start(
    keys: list[PublicKey], chosen: str | None
) -> None:
    found = current_key(keys, "SymmetricKeyEncryption", NOW)
    assert (found.id if found else None) == chosen


def test_what_is_not_an_rsa_certificate_cannot_encrypt() -> None:
    with pytest.raises(KsefIntegrityError, match="not an RSA certificate"):
        key("broken", -1, 1).encrypt(b"secret")


def test_an_rsa_certificate_encrypts() -> None:
    good = PublicKey("good", "", certificate("first"), frozenset(), NOW, NOW)
    assert len(good.encrypt(b"secret")) == 256
