"""Keeping a new secret in AWS Secrets Manager, where a secrets backend of Airflow reads connections."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow_provider_ksef.exceptions import KsefError
from airflow_provider_ksef.operators.connection_secrets import (
    extra_with,
    extra_with_pending,
    pending_of,
    secret_in,
)
from airflow_provider_ksef.operators.pending_secrets import PendingSecret
from airflow_provider_ksef.operators.secret_sinks import NewSecret

READ_PAUSES = (0.0, 1.0, 3.0)
"""Seconds before each look for what was written, which AWS may not show at once."""
_FORM = "Keep the connection as JSON, with conn_type, login, password, host and extra."


class SecretsManagerSink:
    """
    Keep a secret in a connection that AWS Secrets Manager holds for Airflow's ``SecretsManagerBackend``.

    The connection must be there, as JSON; its other fields stay. A pending secret stands in its extra under
    ``pending``, until the new one is in force; AWS itself keeps the version before each one that is written.
    It needs the extra ``s3`` (Airflow's provider for Amazon), and the permissions
    ``secretsmanager:GetSecretValue`` and ``PutSecretValue``.

    :param secret_id: such as ``airflow/connections/ksef_default``.
    :param aws_conn_id: Airflow's connection to AWS; None for what boto3 finds by itself.
    """

    can_tell = True

    def __init__(self, secret_id: str, aws_conn_id: str | None = "aws_default") -> None:
        self._secret_id = secret_id
        self._aws_conn_id = aws_conn_id

    def __repr__(self) -> str:
        return f"SecretsManagerSink({self._secret_id!r}, aws_conn_id={self._aws_conn_id!r})"

    def check(self) -> None:
        """Make sure that the connection is there and can be read."""
        self._fields()

    def read(self) -> NewSecret | None:
        """Give what the connection holds."""
        fields = self._fields()
        return secret_in(fields.get("password"), _extra(fields))

    def save(self, secret: NewSecret) -> None:
        """Write the connection as a new version of the secret."""
        fields = self._fields()
        extra = extra_with(_extra(fields), secret)
        self._write({**fields, "password": secret.token, "extra": extra})

    def read_pending(self) -> PendingSecret | None:
        """Give what the connection's extra holds."""
        return pending_of(_extra(self._fields()), self._secret_id)

    def keep_pending(self, pending: PendingSecret) -> None:
        """Write the connection with it as a new version of the secret."""
        self._write_pending(pending)

    def drop_pending(self) -> None:
        """Write the connection without it as a new version of the secret."""
        self._write_pending(None)

    def _write_pending(self, pending: PendingSecret | None) -> None:
        fields = self._fields()
        self._write({**fields, "extra": extra_with_pending(_extra(fields), pending)})

    def _write(self, fields: dict[str, Any]) -> None:
        from botocore.exceptions import ClientError

        content = json.dumps(fields)
        try:
            with _unlogged():
                self._client().put_secret_value(SecretId=self._secret_id, SecretString=content)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise KsefError(
                f"AWS Secrets Manager does not take {self._secret_id}: {code}.",
                "Let the worker's role have secretsmanager:PutSecretValue.",
            ) from None
        for pause in READ_PAUSES:
            time.sleep(pause)
            if self._fields() == fields:
                break
        else:
            raise KsefError(
                f"The secret {self._secret_id} was written, and something else is read from it.",
                "Let nobody else write it meanwhile, and run the task again.",
            )

    def _fields(self) -> dict[str, Any]:
        from botocore.exceptions import ClientError

        try:
            with _unlogged():
                text = self._client().get_secret_value(SecretId=self._secret_id)["SecretString"]
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise KsefError(
                f"AWS Secrets Manager does not give {self._secret_id}: {code}.", f"Make it first. {_FORM}"
            ) from None
        try:
            fields = json.loads(text)
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            raise KsefError(f"The secret {self._secret_id} is no JSON object.", _FORM)
        return fields

    def _client(self) -> Any:
        from airflow.providers.amazon.aws.hooks.secrets_manager import SecretsManagerHook

        return SecretsManagerHook(aws_conn_id=self._aws_conn_id).get_conn()


@contextmanager
def _unlogged() -> Iterator[None]:
    """At its level DEBUG botocore logs whole requests and answers, and nobody can mask an answer before."""
    logger = logging.getLogger("botocore")
    level = logger.level
    logger.setLevel(max(logging.INFO, logger.getEffectiveLevel()))
    try:
        yield
    finally:
        logger.setLevel(level)


def _extra(fields: dict[str, Any]) -> dict[str, Any]:
    extra = fields.get("extra") or {}
    read = json.loads(extra) if isinstance(extra, str) else extra
    return dict(read)
