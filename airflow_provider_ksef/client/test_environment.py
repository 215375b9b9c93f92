"""Keeping test data out of every environment but TEST and emulators."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from airflow_provider_ksef.client.calls import Answer, Call, Flow
from airflow_provider_ksef.client.settings import ENVIRONMENTS, Environment
from airflow_provider_ksef.exceptions import KsefInputError

_REAL = ("production", "demo")
_MINISTRY = ".mf.gov.pl"
_TEST_HOSTS = (urlsplit(ENVIRONMENTS["test"].base_url).hostname, "ksef-test.mf.gov.pl")
"""All other hosts of the ministry are real, those that KSeF had before and may get, too."""
_SIGN = "x-ksef-emulator"
"""A header of every answer of an emulator, and of none of KSeF."""


def in_test_environment(environment: Environment, call: Call[None]) -> Flow[None]:
    """
    Make a call where there are test data.

    :param environment: of the client's settings.
    :param call: that makes or changes them.
    :raises KsefInputError: at once where the environment has none, or when the flow is run where nobody has
        said what its address stands for and no emulator answers there.
    """
    check_test_environment(environment)
    return _in_known(environment, call)


def known_test_environment(environment: Environment) -> Flow[Environment]:
    """
    Make sure that an environment has test data, also where the connection does not name it.

    An address of one's own may lead to any KSeF. Where nobody has said to which, it has to answer as an
    emulator does; what is asked for are public keys, which changes nothing anywhere.

    :param environment: of the client's settings.
    :returns: the same, about which nothing is left to assume.
    :raises KsefInputError: where it has none, or that is not known.
    """
    check_test_environment(environment)
    if environment.is_assumed and not (yield from _IS_EMULATOR):
        raise KsefInputError(
            "environment",
            None,
            f"is not set in the connection, and {environment.base_url} is no emulator, so it may lead to "
            "production",
            'Set "environment": "test" in the connection\'s extra if it leads to KSeF\'s TEST.',
        )
    return replace(environment, is_assumed=False)


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


def _in_known(environment: Environment, call: Call[None]) -> Flow[None]:
    yield from known_test_environment(environment)
    yield from call


def _is_signed(answer: Answer) -> bool:
    return _SIGN in answer.headers


_IS_EMULATOR = Call("GET", "/security/public-key-certificates", _is_signed, needs_login=False, is_safe=True)
