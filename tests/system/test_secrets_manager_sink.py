"""Secrets that go into AWS Secrets Manager, where Airflow's own secrets backend finds them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend
from botocore.stub import Stubber
from moto import mock_aws

from airflow_provider_ksef.exceptions import KsefError
from airflow_provider_ksef.hooks.connection import settings_from_connection
from airflow_provider_ksef.operators import secrets_manager_sink
from airflow_provider_ksef.operators.pending_secrets import PendingSecret
from airflow_provider_ksef.operators.secret_sinks import NewSecret
from airflow_provider_ksef.operators.secrets_manager_sink import SecretsManagerSink
from tests.emulator.signing import seal
from tests.emulator_process import NIP, TOKEN

SIGNER = seal(f"VATPL-{NIP}")
CERTIFICATE = NewSecret(certificate=SIGNER.pem.decode(), private_key=SIGNER.key_pem.decode())
NAME = "airflow/connections/ksef_kept"
FIELDS = {"conn_type": "ksef", "login": NIP, "password": "x", "extra": {"timeout": 12}}


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        yield boto3.client("secretsmanager")


@pytest.mark.parametrize("extra", [FIELDS["extra"], json.dumps(FIELDS["extra"])], ids=["object", "text"])
def test_airflows_backend_finds_what_was_saved(manager: Any, extra: Any) -> None:
    manager.create_secret(Name=NAME, SecretString=json.dumps({**FIELDS, "extra": extra}))
    sink = SecretsManagerSink(NAME, aws_conn_id=None)
    sink.check()
    for secret in (NewSecret(token=TOKEN), CERTIFICATE, NewSecret(token=TOKEN)):
        sink.save(secret)
        assert sink.read() == secret
        connection = SecretsManagerBackend().get_connection("ksef_kept")
        assert connection is not None
        settings = settings_from_connection(connection, connection.extra_dejson)
        assert (settings.context.value, settings.timeout) == (NIP, 12)
    assert connection.password == TOKEN


@pytest.mark.parametrize("extra", [FIELDS["extra"], json.dumps(FIELDS["extra"])], ids=["object", "text"])
def test_what_is_pending_stands_beside_the_secret(manager: Any, extra: Any) -> None:
    manager.create_secret(Name=NAME, SecretString=json.dumps({**FIELDS, "extra": extra}))
    sink = SecretsManagerSink(NAME, aws_conn_id=None)
    pending = PendingSecret({"certificate_name": "x"}, 1.5, ("00",), private_key=CERTIFICATE.private_key)
    assert sink.read_pending() is None
    sink.save(CERTIFICATE)
    sink.keep_pending(pending)
    assert (sink.read_pending(), sink.read()) == (pending, CERTIFICATE)
    sink.save(NewSecret(token=TOKEN))
    assert sink.read_pending() == pending
    sink.drop_pending()
    assert (sink.read_pending(), sink.read()) == (None, NewSecret(token=TOKEN))
    kept = json.loads(manager.get_secret_value(SecretId=NAME)["SecretString"])
    assert kept == {**FIELDS, "password": TOKEN}


def test_no_log_holds_a_secret_at_whatever_level(manager: Any, caplog: pytest.LogCaptureFixture) -> None:
    manager.create_secret(Name=NAME, SecretString=json.dumps({**FIELDS, "password": TOKEN}))
    sink = SecretsManagerSink(NAME, aws_conn_id=None)
    with caplog.at_level(logging.DEBUG):
        assert sink.read() == NewSecret(token=TOKEN)
        sink.save(CERTIFICATE)
        manager.list_secrets()
    told = "\n".join(record.getMessage() for record in caplog.records)
    assert "OperationModel(name=ListSecrets)" in told
    assert TOKEN.rpartition("|")[2] not in told
    assert CERTIFICATE.private_key.splitlines()[1] not in told


def test_what_another_has_written_meanwhile_is_told(manager: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    manager.create_secret(Name=NAME, SecretString=json.dumps(FIELDS))
    monkeypatch.setattr(secrets_manager_sink, "READ_PAUSES", (0.0, 0.0))
    monkeypatch.setattr(SecretsManagerSink, "_fields", lambda _: dict(FIELDS))
    with pytest.raises(KsefError, match="something else is read"):
        SecretsManagerSink(NAME, aws_conn_id=None).save(CERTIFICATE)


def test_what_aws_does_not_take_is_told(manager: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"SecretString": json.dumps(FIELDS)}
    with Stubber(manager) as stubbed:
        stubbed.add_response("get_secret_value", fields)
        stubbed.add_client_error("put_secret_value", "AccessDeniedException")
        monkeypatch.setattr(SecretsManagerSink, "_client", lambda _: manager)
        with pytest.raises(KsefError, match=r"does not take .*AccessDenied.*PutSecretValue"):
            SecretsManagerSink(NAME, aws_conn_id=None).save(CERTIFICATE)


@pytest.mark.parametrize("content", [None, "ksef://5250001210:x@host", "[]"])
def test_what_is_no_connection_as_json_is_told(manager: Any, content: str | None) -> None:
    if content is not None:
        manager.create_secret(Name=NAME, SecretString=content)
    with pytest.raises(KsefError, match="as JSON") as told:
        SecretsManagerSink(NAME, aws_conn_id=None).check()
    assert "5250001210:x" not in str(told.value)
