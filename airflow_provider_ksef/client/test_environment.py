"""Keeping test data out of every environment but TEST and emulators."""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow_provider_ksef.client.settings import ENVIRONMENTS, Environment
from airflow_provider_ksef.exceptions import KsefInputError

_REAL = ("production", "demo")
_REAL_HOSTS = tuple(urlsplit(ENVIRONMENTS[name].base_url).hostname for name in _REAL)


def check_test_environment(environment: Environment) -> None:
    """
    Refuse environments whose data are real: production and DEMO, whatever address they are reached at.

    :param environment: of the client's settings.
    :raises KsefInputError: where it is one of them.
    """
    stands_for, _, _ = environment.name.partition(":")
    if stands_for in _REAL or urlsplit(environment.base_url).hostname in _REAL_HOSTS:
        raise KsefInputError(
            "environment",
            environment.name,
            f"has no test data ({environment.base_url})",
            "Use a connection to the environment test, or to an emulator.",
        )
