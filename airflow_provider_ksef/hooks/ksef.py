"""KsefHook: an Airflow connection becomes a KSeF client."""

from __future__ import annotations

import asyncio
from functools import cached_property
from typing import Any
from weakref import WeakSet

from airflow_provider_ksef._compat import BaseHook, amask_secrets, connection_extra, mask_secrets
from airflow_provider_ksef.client import AsyncKsefClient, KsefClient, Settings
from airflow_provider_ksef.client.transport import ssl_context
from airflow_provider_ksef.exceptions import KsefError
from airflow_provider_ksef.hooks.connection import ConnectionFields, settings_from_connection
from airflow_provider_ksef.hooks.limiting import limiter_for
from airflow_provider_ksef.hooks.masking import pending_secrets, secrets_of
from airflow_provider_ksef.hooks.metrics import usage_teller

open_clients: WeakSet[KsefClient] = WeakSet()
"""The clients of this process, which is that of one task: who kills it ends their login sessions."""


class KsefHook(BaseHook):
    """
    Log in to KSeF as an Airflow connection says.

    ``with KsefHook("ksef_default").get_conn() as ksef: ksef.run(...)`` gives the client, which logs in once
    at its first protected call and refreshes by itself. Whether it logs in with a KSeF token or a certificate
    is told from what the connection holds.

    :param ksef_conn_id: the Airflow connection of type ``ksef``.
    :param context_identifier: NIP (or another identifier of the connection's context type) used in place of
        the connection's login.
    """

    conn_name_attr = "ksef_conn_id"
    default_conn_name = "ksef_default"
    conn_type = "ksef"
    hook_name = "KSeF"

    def __init__(
        self, ksef_conn_id: str = default_conn_name, context_identifier: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.ksef_conn_id = ksef_conn_id
        self.context_identifier = context_identifier
        self._fields: tuple[ConnectionFields, dict[str, Any]] | None = None

    @cached_property
    def settings(self) -> Settings:
        """
        The connection as the client's settings, checked before anything is sent.

        :raises KsefInputError: where a field of the connection is missing or wrong.
        """
        connection = self.get_connection(self.ksef_conn_id)
        settings, secrets = self._read(connection, connection.extra_dejson)
        mask_secrets(secrets)
        return settings

    def get_conn(self) -> KsefClient:
        """Give a client for one task; use it as a context manager, so that the login session is closed."""
        client = KsefClient(self.settings, limiter=limiter_for(self.settings))
        client.on_close.append(usage_teller())
        open_clients.add(client)
        return client

    async def get_async_conn(self) -> AsyncKsefClient:
        """
        Give an asynchronous client of one's own: ``async with await hook.get_async_conn() as ksef``.

        Triggers share theirs, see :func:`~airflow_provider_ksef.hooks.shared_clients.shared_client`.
        """
        if "settings" not in self.__dict__:
            connection, extra = await self.aget_fields()
            settings, secrets = await asyncio.to_thread(self._read, connection, extra)
            await amask_secrets(secrets)
            self.settings = settings
        await asyncio.to_thread(ssl_context)
        limiter = await asyncio.to_thread(limiter_for, self.settings)  # a setting may be a command's output
        ksef = AsyncKsefClient(self.settings, limiter=limiter)
        ksef.on_close.append(usage_teller())
        return ksef

    async def aget_fields(self) -> tuple[ConnectionFields, dict[str, Any]]:
        """Read the connection once, and its extra, without blocking the event loop."""
        if self._fields is None:
            connection = await self.aget_connection(self.ksef_conn_id)
            self._fields = connection, await connection_extra(connection)
        return self._fields

    def _read(self, connection: ConnectionFields, extra: dict[str, Any]) -> tuple[Settings, list[str]]:
        settings = settings_from_connection(connection, extra, self.context_identifier)
        return settings, [*secrets_of(settings.credential, extra), *pending_secrets(extra)]

    def test_connection(self) -> tuple[bool, str]:
        """Log in to KSeF and out again; behind the connection form's Test button."""
        try:
            with self.get_conn() as ksef:
                ksef.log_in()
        except KsefError as error:
            return False, str(error)
        environment, context = self.settings.environment, self.settings.context
        return True, (
            f"Logged in to {environment.base_url} ({environment.name}) as {context.type} {context.value} "
            f"with {self.settings.credential}."
        )
