"""Keeping test data out of every environment but TEST and emulators."""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow_provider_ksef.client.settings import ENVIRONMENTS, Environment
from airflow_provider_ksef.exceptions import KsefInputError

_REAL = ("production", "demo")
_MINISTRY = ".mf.gov.pl"
_TEST_HOSTS = (urlsplit(ENVIRONMENTS["test"].base_url).hostname, "ksef-test.mf.gov.pl")
"""All other hosts of the ministry are real, those that KSeF had before and may get, too."""


def check_test_environment(environment: Environment) -> None:
    """
    Refuse environments whose data are real: production and DEMO, whatever address they are reached at.

    :param environment: of the client's settings.
    :raises KsefInputError: where it is one of them.
    """
    stands_for, _, _ = environment.name.partition(":")
    host = (urlsplit(environment.base_url).hostname or "").rstrip(".")
    if stands_for in _REAL or (host.endswith(_MINISTRY) and host not in _TEST_HOSTS):
        raise KsefInputError(
            "environment",
            environment.name,
            f"has no test data ({environment.base_url})",
            "Use a connection to the environment test, or to an emulator.",
        )
