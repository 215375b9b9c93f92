from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from airflow_provider_ksef.client import batch
from airflow_provider_ksef.client.answers import interpret
from airflow_provider_ksef.client.calls import Answer, Call, Pause, Step, Walk
from airflow_provider_ksef.client.crypto import SessionKey, sha256_base64
from airflow_provider_ksef.client.packing import PackedBatch
from airflow_provider_ksef.client.splitting import PackedPart
from airflow_provider_ksef.exceptions import (
    Fault,
    KsefApiError,
    KsefError,
    KsefInputError,
    KsefTransportError,
    KsefUnavailableError,
)
from tests.unit.client.conftest import RunAll
from tests.unit.client.fake_ksef import SESSION, FakeKsef, key_id, problem

KEY = SessionKey(b"k" * 32, b"i" * 16)
PART = PackedPart(1, Path("part-01.aes"), 16, sha256_base64(b"part"))
PACKAGE = PackedBatch("tar.gz", 10, sha256_base64(b"package"), (PART,), {})
OPENED = {
    "referenceNumber": SESSION,
    "partUploadRequests": [
        {
            "ordinalNumber": 1,
            "method": "PUT",
            "url": "https://HOST/storage/1?sig=secret",
            "headers": {"x-ms-blob-type": "BlockBlob", "x-null": None},
            "later": "member",
        }
    ],
}
CLOSE = f"/sessions/batch/{SESSION}/close"
UNKNOWN = KsefTransportError("cut", sent=True)
GATEWAY = KsefUnavailableError(Fault("POST", CLOSE, 502))


def refused(code: int) -> KsefApiError:
    return KsefApiError(Fault("POST", CLOSE, 400, code))


def walk_close(*outcomes: int | KsefError | None) -> list[str]:
    """Go through a close: None is a close that worked, a number the status that is read."""
    walk = Walk(batch.close_session(SESSION))
    steps: list[str] = []
    waiting = list(outcomes)
    while walk.step is not None:
        steps.append(told(walk.step))
        if isinstance(walk.step, Pause):
            walk.answer(None)
            continue
        outcome = waiting.pop(0)
        if isinstance(outcome, KsefError):
            walk.fail(outcome)
        elif outcome is None:
            walk.answer(None)
        else:
            walk.answer(status(walk.step, outcome))
    assert not waiting
    return steps


def told(step: Step) -> str:
    return f"{step.method} {step.path}" if isinstance(step, Call) else type(step).__name__


def status(step: Step, code: int) -> Any:
    assert isinstance(step, Call)
    body = {"status": {"code": code, "description": "x"}, "dateCreated": "2026-09-01T08:00:00+00:00"}
    return interpret(step, Answer("GET", step.path, 200, {}, httpx.Response(200, json=body).content, 0.0))


POST = f"POST {CLOSE}"
READ = f"GET /sessions/{SESSION}"


@pytest.mark.parametrize(
    ("outcomes", "steps"),
    [
        ([None], [POST]),
        ([UNKNOWN, 150], [POST, READ]),
        ([GATEWAY, 200], [POST, READ]),
        ([UNKNOWN, 100, None], [POST, READ, "Pause", POST]),
        ([GATEWAY, 100, UNKNOWN, 100, None], [POST, READ, "Pause", POST, READ, "Pause", POST]),
        ([GATEWAY, 100, refused(21180), 150], [POST, READ, "Pause", POST, READ]),
        ([GATEWAY, 100] * 4 + [refused(21180), 150], [POST, READ, "Pause"] * 4 + [POST, READ]),
        ([refused(21180), 200], [POST, READ]),
        ([refused(21180), 440], [POST, READ]),
    ],
)
def test_a_close_without_a_clear_answer_is_looked_up(
    outcomes: list[int | KsefError | None], steps: list[str]
) -> None:
    assert walk_close(*outcomes) == steps


@pytest.mark.parametrize(
    ("outcomes", "error"),
    [
        ([refused(21205)], KsefApiError),
        ([refused(21180), 100], KsefApiError),
        ([UNKNOWN, GATEWAY], KsefUnavailableError),
        ([UNKNOWN, 100] * 4 + [UNKNOWN], KsefTransportError),
    ],
)
def test_a_close_that_is_refused_or_stays_unknown_is_an_error(
    outcomes: list[int | KsefError | None], error: type[Exception]
) -> None:
    with pytest.raises(error):
        walk_close(*outcomes)


def test_opening_declares_the_package_and_gives_the_places(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies["POST /sessions/batch"] = [httpx.Response(201, json=OPENED)]
    [opened] = run_all(ksef, batch.open_session("FA (3)", PACKAGE, KEY, offline_mode=True))
    assert opened.reference_number == SESSION
    assert opened.uploads[0].headers == {"x-ms-blob-type": "BlockBlob"}
    assert "secret" not in repr(opened)


def test_opening_takes_a_new_key_where_the_old_one_is_withdrawn(ksef: FakeKsef, run_all: RunAll) -> None:
    def judge(request: httpx.Request) -> httpx.Response:
        new = key_id("second").encode() in request.content
        return httpx.Response(201, json=OPENED) if new else problem(400, 21470)

    old = {**ksef.public_key("first"), "usage": ["SymmetricKeyEncryption"]}
    login = {**ksef.public_key("first"), "usage": ["KsefTokenEncryption"]}
    ksef.replies["GET /security/public-key-certificates"] = [
        httpx.Response(200, json=[old, login]),
        httpx.Response(200, json=[ksef.public_key("second")]),
    ]
    ksef.replies["POST /sessions/batch"] = [judge]
    [opened] = run_all(ksef, batch.open_session("FA (3)", PACKAGE, KEY))
    assert opened.reference_number == SESSION
    assert ksef.counts["POST /sessions/batch"] == 2


@pytest.mark.parametrize("form", ["FA3", "FA(3)", "PEF (3)", ""])
def test_an_unknown_form_is_refused_before_anything_is_sent(form: str) -> None:
    with pytest.raises(KsefInputError, match="form_code"):
        batch.open_session(form, PACKAGE, KEY)
