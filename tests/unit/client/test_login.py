from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
import traceback
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from airflow_provider_ksef.client import login, security
from airflow_provider_ksef.client.answers import json_parser
from airflow_provider_ksef.client.calls import Call
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefIntegrityError,
    KsefLoginError,
    KsefTimeoutError,
    KsefTransportError,
    KsefUnavailableError,
)
from tests.unit.client.conftest import RunAll
from tests.unit.client.fake_ksef import LOGIN, TOKEN, FakeKsef, problem

ECHO: Call[dict[str, str]] = Call("GET", "/echo", json_parser(dict[str, str], dict), is_safe=True)
SECRETS = (TOKEN, TOKEN[-64:], "access-secret", "refresh-secret", "operation-secret")


def test_the_token_is_sent_encrypted_with_the_challenges_time(ksef: FakeKsef, run_all: RunAll) -> None:
    [echo] = run_all(ksef, ECHO)
    token, _, timestamp = ksef.token_seen.rpartition("|")
    assert (token, echo["bearer"]) == (TOKEN, "access-secret-1")
    assert timestamp.isdigit()
    [sent] = [request for request in ksef.requests if request.url.path == "/v2/auth/ksef-token"]
    assert json.loads(sent.content)["contextIdentifier"] == {"type": "Nip", "value": "5250001210"}


def test_many_calls_share_one_login_and_the_login_is_ended(ksef: FakeKsef, run_all: RunAll) -> None:
    run_all(ksef, ECHO, ECHO, ECHO)
    assert ksef.counts["GET /echo"] == 3
    for step in ("POST /auth/challenge", "POST /auth/token/redeem", "DELETE /auth/sessions/current"):
        assert ksef.counts[step] == 1, step
    assert ksef.requests[-1].headers["Authorization"] == "Bearer access-secret-1"


def test_parallel_threads_share_one_login(ksef: FakeKsef) -> None:
    ksef.login_delay = 0.2
    barrier = threading.Barrier(8)
    bearers: list[str] = []

    def work() -> None:
        barrier.wait()
        bearers.append(client.run(ECHO)["bearer"])

    with ksef.sync_client() as client:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert bearers == ["access-secret-1"] * 8
    assert ksef.counts["POST /auth/challenge"] == 1


def test_parallel_tasks_share_one_login(ksef: FakeKsef) -> None:
    async def main() -> list[dict[str, str]]:
        async with ksef.async_client() as client:
            return await asyncio.gather(*(client.run(ECHO) for _ in range(8)))

    assert [echo["bearer"] for echo in asyncio.run(main())] == ["access-secret-1"] * 8
    assert ksef.counts["POST /auth/challenge"] == 1


def test_login_waits_while_ksef_decides(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.statuses = [{"code": 100, "description": "Uwierzytelnianie w toku"}, *ksef.statuses]
    run_all(ksef, ECHO)
    assert ksef.counts[f"GET /auth/{LOGIN}"] == 2


def test_login_gives_up_when_ksef_never_decides(
    ksef: FakeKsef, run_all: RunAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "PATIENCE", 0.2)
    ksef.statuses = [{"code": 100, "description": "Uwierzytelnianie w toku"}]
    with pytest.raises(KsefTimeoutError, match=LOGIN):
        run_all(ksef, ECHO)


def test_a_refused_login_names_the_sub_cause_and_is_not_repeated(ksef: FakeKsef, run_all: RunAll) -> None:
    cause = "Token unieważniony"
    ksef.statuses = [{"code": 450, "description": "Błędny token", "details": [cause]}]
    with pytest.raises(KsefLoginError) as raised:
        run_all(ksef, ECHO)
    assert raised.value.code == 450
    assert raised.value.details == (cause,)
    assert cause in str(raised.value)
    assert "password" in raised.value.remedy
    assert ksef.counts["POST /auth/challenge"] == 1


def test_an_old_access_token_is_refreshed_before_it_ends(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.access_seconds = -1.0
    first, second = run_all(ksef, ECHO, ECHO)
    assert (first["bearer"], second["bearer"]) == ("access-secret-1", "access-secret-2")
    assert ksef.counts["POST /auth/token/refresh"] == 1
    assert ksef.counts["POST /auth/challenge"] == 1


@pytest.mark.parametrize(("life", "fresh"), [(900.0, 840.0), (300.0, 240.0), (100.0, 80.0), (1.0, 0.8)])
def test_a_token_is_replaced_shortly_before_its_end(ksef: FakeKsef, life: float, fresh: float) -> None:
    ksef.access_seconds = life
    with ksef.sync_client() as client:
        started = time.monotonic()
        client.log_in()
        took = time.monotonic() - started
        tokens = client._login.tokens
    assert tokens is not None
    assert tokens.fresh_until - started == pytest.approx(fresh, abs=0.15 + took)


@pytest.mark.parametrize("skew", [-86400.0, 86400.0])
def test_a_wrong_clock_neither_spares_nor_wastes_a_refresh(
    ksef: FakeKsef, run_all: RunAll, skew: float
) -> None:
    ksef.clock_skew = skew
    first, second = run_all(ksef, ECHO, ECHO)
    assert first == second
    assert ksef.counts["POST /auth/token/refresh"] == 0


def test_a_401_leads_to_one_refresh(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.revoked = {"access-secret-1"}
    [echo] = run_all(ksef, ECHO)
    assert echo["bearer"] == "access-secret-2"
    assert ksef.counts["POST /auth/token/refresh"] == 1


def test_a_revoked_login_leads_to_one_new_login(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.revoked = {"access-secret-1"}
    ksef.replies["POST /auth/token/refresh"] = [problem(400, 21301)]
    [echo] = run_all(ksef, ECHO)
    assert echo["bearer"] == "access-secret-2"
    assert ksef.counts["POST /auth/challenge"] == 2


def test_a_refresh_that_ksef_cannot_answer_is_no_reason_for_a_new_login(
    ksef: FakeKsef, run_all: RunAll
) -> None:
    ksef.revoked = {"access-secret-1"}
    ksef.replies["POST /auth/token/refresh"] = [httpx.Response(503)]
    with pytest.raises(KsefUnavailableError):
        run_all(ksef, ECHO)
    assert ksef.counts["POST /auth/challenge"] == 1


def test_an_old_login_is_ended_by_its_refresh_token(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.access_seconds = -1.0
    run_all(ksef, ECHO)
    assert ksef.requests[-1].headers["Authorization"] == "Bearer refresh-secret"


def test_a_second_401_is_an_error(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies["GET /echo"] = [problem(401)]
    with pytest.raises(KsefApiError) as raised:
        run_all(ksef, ECHO)
    assert raised.value.fault.http_status == 401
    assert ksef.counts["GET /echo"] == 2


def test_a_withdrawn_key_is_replaced_once_and_the_login_goes_on(ksef: FakeKsef, run_all: RunAll) -> None:
    old, new = FakeKsef().public_key("first"), FakeKsef().public_key("second")
    ksef.key_name = "second"
    keys = [httpx.Response(200, json=[old]), httpx.Response(200, json=[new])]
    ksef.replies["GET /security/public-key-certificates"] = list(keys)
    run_all(ksef, ECHO)
    assert ksef.counts["POST /auth/ksef-token"] == 2
    assert ksef.counts["GET /security/public-key-certificates"] == 2


def test_a_key_that_stays_refused_is_an_error(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies["POST /auth/ksef-token"] = [problem(400, 21470)]
    with pytest.raises(KsefApiError) as raised:
        run_all(ksef, ECHO)
    assert raised.value.fault.code == 21470
    assert ksef.counts["POST /auth/ksef-token"] == 2


def test_keys_are_read_once_for_many_encryptions(ksef: FakeKsef, run_all: RunAll) -> None:
    def two_keys() -> security.Flow[list[str]]:
        first = yield from security.CurrentKey("SymmetricKeyEncryption")
        second = yield from security.CurrentKey("KsefTokenEncryption")
        return [first.id, second.id]

    [[first, second]] = run_all(ksef, two_keys())
    assert first == second
    assert ksef.counts["GET /security/public-key-certificates"] == 1


def test_a_key_that_begins_this_moment_is_taken(ksef: FakeKsef, run_all: RunAll) -> None:
    keys = [ksef.public_key("first", validFrom=(datetime.now(UTC) + timedelta(seconds=5)).isoformat())]
    ksef.replies["GET /security/public-key-certificates"] = [httpx.Response(200, json=keys)]
    assert run_all(ksef, ECHO)


def test_no_valid_key_is_an_error_before_anything_secret_is_sent(ksef: FakeKsef, run_all: RunAll) -> None:
    over = ksef.public_key("first", validTo="2020-01-01T00:00:00+00:00")
    later = ksef.public_key("second", validFrom="2099-01-01T00:00:00+00:00")
    ksef.replies["GET /security/public-key-certificates"] = [httpx.Response(200, json=[over, later])]
    with pytest.raises(KsefIntegrityError, match="KsefTokenEncryption"):
        run_all(ksef, ECHO)
    assert ksef.counts["POST /auth/ksef-token"] == 0


def test_a_login_step_is_retried_alone(ksef: FakeKsef, run_all: RunAll) -> None:
    broken: list[httpx.Response] = [httpx.Response(503) for _ in range(2)]
    ksef.replies[f"GET /auth/{LOGIN}"] = [*broken, httpx.Response(200, json={"status": ksef.statuses[0]})]
    run_all(ksef, ECHO)
    assert ksef.counts["POST /auth/challenge"] == 1
    assert ksef.counts[f"GET /auth/{LOGIN}"] == 3


def test_tries_of_login_and_call_do_not_multiply(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies["POST /auth/challenge"] = [httpx.Response(503)]
    with pytest.raises(KsefUnavailableError) as raised:
        run_all(ksef, ECHO)
    assert raised.value.fault.path == "/auth/challenge"
    assert ksef.counts["POST /auth/challenge"] == 4
    assert ksef.counts["GET /echo"] == 0


def test_ending_the_login_may_fail(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies["DELETE /auth/sessions/current"] = [httpx.ReadTimeout("no answer")]
    assert run_all(ksef, ECHO)
    assert ksef.counts["DELETE /auth/sessions/current"] == 1


def test_a_client_that_never_logged_in_ends_no_login(ksef: FakeKsef, run_all: RunAll) -> None:
    run_all(ksef, security.public_keys())
    assert ksef.counts == {"GET /security/public-key-certificates": 1}


@pytest.mark.parametrize("broken", ["POST /auth/ksef-token", "POST /auth/token/redeem", "GET /echo"])
def test_no_secret_is_in_logs_or_exceptions(
    ksef: FakeKsef, run_all: RunAll, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    for logger in (None, "httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, logger)
    ksef.replies[broken] = [httpx.ReadTimeout("no answer")]
    with pytest.raises(KsefTransportError) as raised:
        run_all(ksef, ECHO)
    told = caplog.text + "".join(traceback.format_exception(raised.value)) + repr(raised.value.args)
    assert "/auth/challenge" in told
    assert not [secret for secret in SECRETS if secret in told]


def test_no_secret_is_in_a_repr(ksef: FakeKsef) -> None:
    with ksef.sync_client() as client:
        client.run(ECHO)
        tokens = client._login.tokens
        assert tokens is not None
        told = repr((client.settings, tokens, login.log_out(tokens), vars(client)))
    assert not [secret for secret in SECRETS if secret in told]
