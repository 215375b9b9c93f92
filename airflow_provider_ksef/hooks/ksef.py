"""KsefHook: an Airflow connection becomes a KSeF client."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow_provider_ksef._compat import BaseHook, amask_secrets, connection_extra, mask_secrets
from airflow_provider_ksef.client import AsyncKsefClient, KsefClient, Settings
from airflow_provider_ksef.exceptions import KsefError
from airflow_provider_ksef.hooks.connection import settings_from_connection
from airflow_provider_ksef.hooks.limiting import limiter_for
from airflow_provider_ksef.hooks.masking import secrets_of


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

    @cached_property
    def settings(self) -> Settings:
        """
        The connection as the client's settings, checked before anything is sent.

        :raises KsefInputError: where a field of the connection is missing or wrong.
        """
        connection = self.get_connection(self.ksef_conn_id)
        extra = connection.extra_dejson
        settings = settings_from_connection(connection, extra, self.context_identifier)
        mask_secrets(secrets_of(settings.credential, extra))
        return settings

    def get_conn(self) -> KsefClient:
        """Give a client for one task; use it as a context manager, so that the login session is closed."""
        return KsefClient(self.settings, limiter=limiter_for(self.settings))

    async def get_async_conn(self) -> AsyncKsefClient:
        """Give an asynchronous client, for triggers: ``async with await hook.get_async_conn() as ksef``."""
        if "settings" not in self.__dict__:
            connection = await self.aget_connection(self.ksef_conn_id)
            extra = await connection_extra(connection)
            settings = settings_from_connection(connection, extra, self.context_identifier)
            await amask_secrets(secrets_of(settings.credential, extra))
            self.settings = settings
        return AsyncKsefClient(self.settings, limiter=limiter_for(self.settings))

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
