"""The life of a login against the emulator: expiry, revocation, and its end."""

from __future__ import annotations

import asyncio

import pytest

from airflow_provider_ksef.client import AsyncKsefClient, KsefClient, limits, login
from tests.emulator_process import EmulatorProcess
from tests.system.client_ways import settings_of

CHALLENGE, REFRESH, END = (
    "POST /auth/challenge",
    "POST /auth/token/refresh",
    "DELETE /auth/sessions/current",
)
ACCESS_LIFE = 901


def test_limits_of_every_kind(emulator: EmulatorProcess) -> None:
    with KsefClient(settings_of(emulator)) as ksef:
        context = ksef.run(limits.context_limits())
        subject = ksef.run(limits.subject_limits())
        rates = ksef.run(limits.rate_limits())
    assert context.online_session.max_invoices == context.batch_session.max_invoices == 10_000
    assert subject.max_certificates
    assert rates.invoice_export == limits.RateLimit(8, 16, 20)
    assert rates.global_ == limits.RateLimit(None, None, None)
    assert rates.others == {}


def test_an_expired_token_is_refreshed(emulator: EmulatorProcess) -> None:
    with KsefClient(settings_of(emulator)) as ksef:
        ksef.run(limits.context_limits())
        emulator.control("clock", advance=ACCESS_LIFE)
        ksef.run(limits.context_limits())
    requests = emulator.requests()
    assert (requests[CHALLENGE], requests[REFRESH], requests[END]) == (1, 1, 1)


def test_a_revoked_session_leads_to_one_new_login_for_all(emulator: EmulatorProcess) -> None:
    async def main() -> None:
        async with AsyncKsefClient(settings_of(emulator)) as ksef:
            await ksef.log_in()
            tokens = ksef._login.tokens
            assert tokens is not None
            await ksef.run(login.log_out(tokens))
            emulator.control("clock", advance=ACCESS_LIFE)
            await asyncio.gather(*(ksef.run(limits.context_limits()) for _ in range(5)))

    asyncio.run(main())
    requests = emulator.requests()
    assert (requests[CHALLENGE], requests[REFRESH]) == (2, 1)


def test_a_login_ends_when_the_work_fails(emulator: EmulatorProcess) -> None:
    def work() -> None:
        with KsefClient(settings_of(emulator)) as ksef:
            ksef.log_in()
            raise LookupError

    with pytest.raises(LookupError):
        work()
    assert emulator.requests()[END] == 1
