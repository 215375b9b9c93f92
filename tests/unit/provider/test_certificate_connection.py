"""A connection with a certificate: what is taken, what is refused, what Airflow masks."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import log as sdk_log

from airflow_provider_ksef.client import CertificateCredential
from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.get_provider_info import get_provider_info
from airflow_provider_ksef.hooks.ksef import KsefHook
from tests.unit.client.certificate_samples import NIP, PASSWORD, certificate_of, key_of, key_pem, p12, pem
from tests.unit.client.fake_ksef import FakeKsef

KEY = key_of("secp256r1")
CERTIFICATE = certificate_of(KEY)
PEM = {"certificate": pem(CERTIFICATE), "private_key": key_pem(KEY)}
LOCKED = {**PEM, "private_key": key_pem(KEY, PASSWORD), "private_key_password": PASSWORD}
PKCS12 = {
    "certificate": base64.b64encode(p12(KEY, CERTIFICATE, PASSWORD)).decode(),
    "private_key_password": PASSWORD,
}


def hook_for(monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any], **fields: Any) -> KsefHook:
    connection = {"conn_type": "ksef", "login": NIP, "extra": extra, **fields}
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", json.dumps(connection))
    return KsefHook()


def credential_of(hook: KsefHook) -> CertificateCredential:
    credential = hook.settings.credential
    assert isinstance(credential, CertificateCredential)
    return credential


@pytest.mark.parametrize("extra", [PEM, LOCKED, PKCS12], ids=["PEM", "encrypted", "PKCS#12"])
def test_a_certificate_is_read_from_the_connection(
    monkeypatch: pytest.MonkeyPatch, extra: dict[str, str]
) -> None:
    credential = credential_of(hook_for(monkeypatch, extra))
    assert credential.certificate == CERTIFICATE
    assert (credential.subject_identifier_type, credential.auth_schema_version) == (
        "certificateSubject",
        "2.1",
    )


def test_a_certificate_is_read_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    paths = {field: str(tmp_path / field) for field in PEM}
    for field, path in paths.items():
        Path(path).write_text(PEM[field])
    assert credential_of(hook_for(monkeypatch, paths)).certificate == CERTIFICATE


def test_fingerprint_and_schema_version_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = {"subject_identifier_type": "certificateFingerprint", "auth_schema_version": "2.0"}
    credential = credential_of(hook_for(monkeypatch, {**PEM, **chosen}))
    assert credential.subject_identifier_type == "certificateFingerprint"
    assert credential.auth_schema_version == "2.0"


def test_the_form_offers_every_field_and_hides_the_secret_ones() -> None:
    fields = get_provider_info()["connection-types"][0]["conn-fields"]
    hidden = {name for name, field in fields.items() if field["schema"].get("format") == "password"}
    assert hidden == {"private_key", "private_key_password"}
    assert {*PEM, "subject_identifier_type", "auth_schema_version"} <= set(fields)


@pytest.mark.parametrize(
    ("extra", "password", "field", "words"),
    [
        (PEM, "a-token", "certificate", "token as well"),
        ({"private_key": PEM["private_key"]}, "a-token", "certificate", "no certificate"),
        ({"private_key": PEM["private_key"]}, None, "certificate", "no certificate"),
        ({}, None, "password", "no KSeF token and no certificate"),
        ({"certificate": "", "private_key": None}, "", "password", "no KSeF token and no certificate"),
        ({"certificate": PEM["certificate"]}, None, "private_key", "is missing"),
        ({**PEM, "certificate": ["x"]}, None, "certificate", "not a text"),
        ({**LOCKED, "private_key_password": 12345678}, None, "private_key_password", "not a text"),
        ({**LOCKED, "private_key_password": "wrong"}, None, "private_key_password", "does not open"),
        (
            {**PEM, "subject_identifier_type": "nip"},
            None,
            "subject_identifier_type",
            "certificateFingerprint",
        ),
        ({**PEM, "auth_schema_version": "1.0"}, None, "auth_schema_version", "2.1, 2.0"),
    ],
)
def test_a_wrong_field_is_named_without_the_secret(
    monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any], password: str | None, field: str, words: str
) -> None:
    with pytest.raises(KsefInputError) as refused:
        _ = hook_for(monkeypatch, extra, password=password).settings
    told = str(refused.value)
    assert (refused.value.field, words in told) == (field, True), told
    assert refused.value.remedy
    secrets = [*PEM["private_key"].splitlines()[1:-1], "a-token", "12345678", PASSWORD]
    assert not [secret for secret in secrets if secret in told]


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that Airflow is told to mask, by either way."""
    told: list[str] = []

    async def tell(secrets: list[str]) -> None:
        told.extend(secrets)

    monkeypatch.setattr(sdk_log, "mask_secret", told.extend)
    monkeypatch.setattr(sdk_log, "amask_secret", tell)
    return told


@pytest.mark.parametrize("extra", [PEM, LOCKED, PKCS12], ids=["PEM", "encrypted", "PKCS#12"])
@pytest.mark.parametrize("how", ["sync", "async"])
def test_airflow_is_told_to_mask_every_line_of_the_key(
    monkeypatch: pytest.MonkeyPatch, masked: list[str], extra: dict[str, str], how: str
) -> None:
    hook = hook_for(monkeypatch, extra)
    if how == "sync":
        _ = hook.settings
    else:
        asyncio.run(hook.get_async_conn())
    lines = [line for line in PEM["private_key"].splitlines() if not line.startswith("-")]
    lines += [line for line in extra.get("private_key", "").splitlines() if not line.startswith("-")]
    assert set(lines) <= set(masked)
    assert ("private_key_password" in extra) == (PASSWORD in masked)
    assert not [line for line in masked if len(line) < 5 or line.startswith("-----")]


def test_airflow_masks_what_it_is_told() -> None:
    from airflow_provider_ksef._compat import mask_secrets

    mask_secrets(["line-one-of-a-key", "line-two-of-a-key"])
    redacted = sdk_log._secrets_masker().redact("x line-two-of-a-key y")
    assert redacted == "x *** y"


def test_nothing_more_is_masked_for_a_token(monkeypatch: pytest.MonkeyPatch, masked: list[str]) -> None:
    _ = hook_for(monkeypatch, {}, password="a-token").settings
    assert masked == []


@pytest.mark.parametrize("how", ["sync", "async"])
def test_what_is_pending_is_masked_and_otherwise_passed_over(
    monkeypatch: pytest.MonkeyPatch, masked: list[str], how: str
) -> None:
    pending = {"token": "reference|nip-1|pending-secret", "private_key": PEM["private_key"], "wanted": {}}
    hook = hook_for(monkeypatch, {"pending": pending}, password="a-token")
    if how == "sync":
        _ = hook.settings
    else:
        asyncio.run(hook.get_async_conn())
    lines = [line for line in PEM["private_key"].splitlines() if not line.startswith("-")]
    assert {*lines, "reference|nip-1|pending-secret", "pending-secret"} <= set(masked)
    assert not isinstance(hook.settings.credential, CertificateCredential)


@pytest.mark.parametrize(
    ("extra", "password", "how"),
    [
        (PEM, None, "with the certificate Jan Kowalski (ABCDEF)"),
        ({}, "token|of|ksef", "with a KSeF token"),
    ],
    ids=["certificate", "token"],
)
def test_the_connection_test_says_how_it_logged_in(
    monkeypatch: pytest.MonkeyPatch, extra: dict[str, str], password: str | None, how: str
) -> None:
    hook = hook_for(monkeypatch, extra, password=password)
    ksef = FakeKsef(settings=hook.settings)
    monkeypatch.setattr(KsefHook, "get_conn", lambda _: ksef.sync_client())
    succeeded, message = hook.test_connection()
    assert succeeded
    for part in (how, f"Nip {NIP}", "(test)", "https://api-test.ksef.mf.gov.pl/v2"):
        assert part in message
    assert ksef.counts["DELETE /auth/sessions/current"] == 1


def test_a_refused_certificate_fails_the_connection_test(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = hook_for(monkeypatch, PEM)
    cause = "Niezaufany łańcuch certyfikatów"
    ksef = FakeKsef(settings=hook.settings, statuses=[{"code": 460, "description": "x", "details": [cause]}])
    monkeypatch.setattr(KsefHook, "get_conn", lambda _: ksef.sync_client())
    succeeded, message = hook.test_connection()
    assert not succeeded
    assert cause in message
